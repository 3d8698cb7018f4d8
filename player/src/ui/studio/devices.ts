/**
 * What the presenter sends, before and on air: camera or screen or name plate, microphone, muted or not.
 *
 * `picture` and `sound` are the tracks that go out, whatever they come from; whoever publishes follows them. A camera that is switched off is
 * released (its lamp goes out) and the plate takes its place. A device that disappears is told as a trouble, never papered over.
 */
import { computed, signal } from "@preact/signals";

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
  readonly isOpening = signal(false);
  readonly isMuted = signal(false);
  readonly isCameraOff = signal(false);
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
  private meter: LevelMeter | null = null;
  private heardAt = 0;
  private spokenMs = 0;
  private spokeAt = Number.NEGATIVE_INFINITY;

  /** Every loudness as measured, for the microphone's check. */
  onLevel: (db: number) => void = () => {};

  constructor(private readonly plateWords: () => { name: string; title: string }) {
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.list());
  }

  /** Ask for both. Again is "Try again". */
  async open(): Promise<void> {
    if (this.isOpening.value) return;
    this.isOpening.value = true;
    this.troubles.value = [];
    const opened = await openBoth();
    this.isOpening.value = false;
    this.took("camera", opened.camera);
    this.took("microphone", opened.microphone);
    await this.list();
  }

  async choose(kind: DeviceKind, deviceId: string): Promise<void> {
    // Some machines open a camera only once: the old one goes first.
    this.current(kind)?.stop();
    this.took(kind, await openDevice(kind, deviceId).catch((error: unknown) => asFailure(error)));
    if (kind === "camera") this.isCameraOff.value = false;
    await this.list();
  }

  toggleMute(): void {
    this.isMuted.value = !this.isMuted.value;
    const track = this.microphone.value;
    if (track) track.enabled = !this.isMuted.value;
    this.spokenMs = 0;
    this.speaksWhileMuted.value = false;
  }

  async toggleCamera(): Promise<void> {
    if (this.camera.value) {
      this.isCameraOff.value = true;
      this.showPlate();
      this.camera.value.stop();
      this.camera.value = null;
      return;
    }
    this.took("camera", await openDevice("camera", null).catch((error: unknown) => asFailure(error)));
    this.isCameraOff.value = this.camera.value === null;
  }

  /** The camera's picture comes back when the screen ends, also by the browser's own button. */
  async toggleScreen(): Promise<void> {
    if (this.share.screen.value) this.share.stop();
    else await this.share.start();
  }

  close(): void {
    this.share.stop();
    for (const track of [this.camera.value, this.microphone.value]) track?.stop();
    this.camera.value = this.microphone.value = null;
    this.plate.value?.close();
    this.plate.value = null;
    this.meter?.close();
    this.meter = null;
    this.levelDb.value = SILENCE_DB;
  }

  /** Without a camera the audience sees a name, not nothing. */
  showPlate(): void {
    const { name, title } = this.plateWords();
    this.plate.value ??= namePlate(name, title);
  }

  private current(kind: DeviceKind): MediaStreamTrack | null {
    return this[kind].value;
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
    this[kind].value = got;
    if (kind === "microphone") this.listen(got);
  }

  private lost(kind: DeviceKind, failure: CaptureFailed): void {
    this[kind].value = null;
    if (kind === "microphone") this.listen(null);
    else if (this.isSending) this.showPlate();
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
