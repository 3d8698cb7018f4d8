/**
 * What the presenter sends, before and on air: camera or screen or name plate, microphone, muted or not.
 *
 * `picture` and `sound` are the tracks that go out, whatever they come from; whoever publishes follows them. A camera that is switched off is
 * released (its lamp goes out) and the plate takes its place. A device that disappears is told as a trouble, never papered over.
 *
 * Browsers answer late. Only the answer to the newest question about a device counts; what an older one opened, or one asked before
 * everything was closed, is released at once: nobody's camera is on without being shown.
 */
import { computed, effect, signal, untracked } from "@preact/signals";

import { compositionOf } from "../../core/composition";
import { fall, SILENCE_DB } from "../../core/level";
import type { DeviceTrouble } from "../../core/trouble";
import { CaptureFailed, devices, openBoth, openDevice, type Device, type DeviceKind } from "../../media/capture";
import { LevelMeter } from "../../media/meter";
import { namePlate, type Plate } from "../../media/plate";
import { ScreenShare } from "./share";

export interface Trouble {
  readonly kind: DeviceKind;
  readonly trouble: DeviceTrouble;
  readonly errorName: string;
}

/** One question to the browser for a device. */
type Question = symbol;

interface PlateWords {
  readonly name: string;
  readonly title: string;
}

/** Speaking so loud for so long while muted is meant to be heard. */
const SPEAKING_DB = -30;
const SPEAKING_MS = 600;
const FORGET_SPEAKING_MS = 3000;

export class StudioDevices {
  readonly lists = { camera: signal<readonly Device[]>([]), microphone: signal<readonly Device[]>([]) };
  readonly camera = signal<MediaStreamTrack | null>(null);
  readonly microphone = signal<MediaStreamTrack | null>(null);
  readonly share = new ScreenShare(this.camera, this.microphone);
  readonly troubles = signal<readonly Trouble[]>([]);
  /** What `open` asked, until it is answered. */
  private readonly opening = signal<Question | null>(null);
  readonly isOpening = computed(() => this.opening.value !== null);
  readonly isMuted = signal(false);
  readonly levelDb = signal(SILENCE_DB);
  readonly speaksWhileMuted = signal(false);
  private readonly plate = signal<Plate | null>(null);

  readonly composition = computed(() =>
    compositionOf(
      { hasScreen: this.share.screen.value !== null, hasCamera: this.camera.value !== null, hasPlate: this.plate.value !== null },
      this.share.wanted.value,
    ),
  );
  readonly picture = computed(() => {
    switch (this.composition.value) {
      case "screen":
      case "inset":
        return this.share.picture.value;
      case "camera":
        return this.camera.value;
      case "plate":
        return this.plate.value?.track ?? null;
      case "nothing":
        return null;
    }
  });
  readonly sound = computed(() => this.share.sound.value ?? this.microphone.value);

  /** On air, or on the way there: then a missing camera means the plate, at once. */
  isSending = false;
  /** From `open` to `close`. In between nothing may be switched on. */
  private isOpen = false;
  private readonly asked: Record<DeviceKind, Question | null> = { camera: null, microphone: null };
  private plateShows: PlateWords | null = null;
  private meter: LevelMeter | null = null;
  private heardAt = 0;
  private spokenMs = 0;
  private spokeAt = Number.NEGATIVE_INFINITY;

  /** Every loudness as measured, for the microphone's check. */
  onLevel: (db: number) => void = () => {};

  constructor(private readonly plateWords: () => PlateWords) {
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.list());
    effect(() => {
      plateWords();
      untracked(() => this.plate.value && this.showPlate());
    });
  }

  /** Ask for both. Again is "Try again". */
  async open(): Promise<void> {
    if (this.isOpening.value) return;
    this.isOpen = true;
    const question = Symbol("both");
    this.opening.value = this.asked.camera = this.asked.microphone = question;
    this.troubles.value = [];
    const opened = await openBoth();
    if (this.opening.value === question) this.opening.value = null;
    this.answered("camera", question, opened.camera);
    this.answered("microphone", question, opened.microphone);
    await this.list();
  }

  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    // Some machines open a camera only once: the old one goes first.
    this.current(kind)?.stop();
    await this.ask(kind, deviceId);
    await this.list();
  }

  toggleMute(): void {
    if (!this.isOpen) return;
    this.isMuted.value = !this.isMuted.value;
    const track = this.microphone.value;
    if (track) track.enabled = !this.isMuted.value;
    this.spokenMs = 0;
    this.speaksWhileMuted.value = false;
  }

  /** Twice quickly is off again, though the browser has not answered the first time yet. */
  async toggleCamera(): Promise<void> {
    if (!this.isOpen || this.isOpening.value) return;
    if (this.camera.value || this.asked.camera) {
      this.asked.camera = null;
      this.showPlate();
      this.put("camera", null);
      return;
    }
    await this.ask("camera", null);
  }

  /** The camera's picture comes back when the screen ends, also by the browser's own button. */
  async toggleScreen(): Promise<void> {
    if (!this.isOpen) return;
    if (this.share.screen.value) this.share.stop();
    else await this.share.start();
  }

  close(): void {
    this.isOpen = false;
    this.opening.value = this.asked.camera = this.asked.microphone = null;
    this.share.stop();
    this.put("camera", null);
    this.put("microphone", null);
    this.troubles.value = [];
    this.plate.value?.close();
    this.plate.value = this.plateShows = null;
  }

  /** Without a camera the audience sees a name, not nothing. Drawn anew only where it would say something else. */
  showPlate(): void {
    const { name, title } = this.plateWords();
    const before = this.plate.value;
    if (before && this.plateShows?.name === name && this.plateShows.title === title) return;
    this.plateShows = { name, title };
    this.plate.value = namePlate(name, title);
    before?.close();
  }

  private current(kind: DeviceKind): MediaStreamTrack | null {
    return this[kind].value;
  }

  private async ask(kind: DeviceKind, deviceId: string | null): Promise<void> {
    const question = (this.asked[kind] = Symbol(kind));
    this.answered(kind, question, await openDevice(kind, deviceId).catch((error: unknown) => asFailure(error)));
  }

  private answered(kind: DeviceKind, question: Question, got: MediaStreamTrack | CaptureFailed): void {
    if (this.asked[kind] !== question) {
      if (!(got instanceof CaptureFailed)) got.stop();
      return;
    }
    this.asked[kind] = null;
    this.took(kind, got);
  }

  private took(kind: DeviceKind, got: MediaStreamTrack | CaptureFailed): void {
    this.troubles.value = this.troubles.value.filter((trouble) => trouble.kind !== kind);
    if (got instanceof CaptureFailed) {
      this.lost(kind, got);
      return;
    }
    got.addEventListener("ended", () => {
      if (this.current(kind) === got) this.lost(kind, new CaptureFailed("missing", "ended"));
    });
    this.put(kind, got);
  }

  /** The one that was there is released. */
  private put(kind: DeviceKind, track: MediaStreamTrack | null): void {
    const before = this.current(kind);
    this[kind].value = track;
    if (before !== track) before?.stop();
    if (kind === "microphone") this.listen(track);
  }

  private lost(kind: DeviceKind, failure: CaptureFailed): void {
    this.put(kind, null);
    if (kind === "camera" && this.isSending) this.showPlate();
    const others = this.troubles.value.filter((trouble) => trouble.kind !== kind);
    this.troubles.value = [...others, { kind, trouble: failure.trouble, errorName: failure.errorName }];
  }

  private async list(): Promise<void> {
    this.lists.camera.value = await devices("camera").catch(() => []);
    this.lists.microphone.value = await devices("microphone").catch(() => []);
  }

  private listen(microphone: MediaStreamTrack | null): void {
    this.meter?.close();
    this.meter = null;
    this.levelDb.value = SILENCE_DB;
    if (!microphone) return;
    microphone.enabled = !this.isMuted.value;
    this.meter = new LevelMeter(microphone, (db) => this.heard(db));
  }

  private heard(db: number): void {
    const now = performance.now();
    const elapsed = Math.min(200, now - this.heardAt);
    this.heardAt = now;
    this.levelDb.value = fall(this.levelDb.value, db, elapsed);
    this.onLevel(db);
    this.noticeSpeech(db, now, elapsed);
  }

  private noticeSpeech(db: number, now: number, elapsed: number): void {
    if (!this.isMuted.value) return;
    if (db > SPEAKING_DB) {
      this.spokenMs += elapsed;
      this.spokeAt = now;
    } else if (now - this.spokeAt > FORGET_SPEAKING_MS) {
      this.spokenMs = 0;
    }
    this.speaksWhileMuted.value = this.spokenMs > SPEAKING_MS;
  }
}

function asFailure(error: unknown): CaptureFailed {
  return error instanceof CaptureFailed ? error : new CaptureFailed("other", String(error));
}
