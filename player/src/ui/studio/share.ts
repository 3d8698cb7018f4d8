/**
 * A shared screen: the browser's question, how the screen is wanted, and the two tracks that come of it. `picture` is the composed one
 * and stays the same for as long as the screen is shared, whatever becomes of the camera; `sound` is there where the tab has any.
 */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";

import { lookOf, wantedLook, type Look } from "../../core/composition";
import { openScreen } from "../../media/capture";
import { Composer } from "../../media/composer";
import { Mixer } from "../../media/mixer";
import { recall, remember } from "../../net/remembered";

const REMEMBERED = "plenum.screen-look";

export class ScreenShare {
  readonly screen = signal<MediaStreamTrack | null>(null);
  /** What was chosen, here or last time. */
  readonly wanted = signal<Look | null>(wantedLook(recall(REMEMBERED)));
  readonly look = computed<Look>(() => lookOf(this.wanted.value, this.camera.value !== null));
  readonly picture = computed(() => this.composer.value?.track ?? null);
  readonly sound = computed(() => this.mixer.value?.track ?? null);
  private readonly composer = signal<Composer | null>(null);
  private readonly mixer = signal<Mixer | null>(null);
  private tracks: readonly MediaStreamTrack[] = [];
  /** Counts what is asked and what is stopped: an answer to an older question is nobody's any more. */
  private turn = 0;
  private isAsking = false;

  constructor(
    private readonly camera: ReadonlySignal<MediaStreamTrack | null>,
    microphone: ReadonlySignal<MediaStreamTrack | null>,
  ) {
    effect(() => this.composer.value?.inset(this.look.value === "inset" ? camera.value : null));
    effect(() => this.mixer.value?.speakInto(microphone.value));
  }

  choose(look: Look): void {
    this.wanted.value = look;
    remember(REMEMBERED, look);
  }

  /** Rejects with CaptureFailed; a person who closes the browser's question just does not share. */
  async start(): Promise<void> {
    if (this.isAsking || this.screen.value) return;
    this.isAsking = true;
    const turn = (this.turn += 1);
    try {
      const opened = await openScreen();
      if (!opened) return;
      this.tracks = [opened.picture, ...(opened.sound ? [opened.sound] : [])];
      if (turn === this.turn) this.share(opened.picture, opened.sound);
      else this.stop();
    } finally {
      this.isAsking = false;
    }
  }

  stop(): void {
    this.turn += 1;
    for (const track of this.tracks) track.stop();
    this.tracks = [];
    this.screen.value = null;
    this.composer.value?.close();
    this.composer.value = null;
    this.unmix();
  }

  private share(picture: MediaStreamTrack, sound: MediaStreamTrack | null): void {
    picture.addEventListener("ended", () => {
      // The browser's own "Stop sharing".
      if (this.screen.value === picture) this.stop();
    });
    sound?.addEventListener("ended", () => this.tracks.includes(sound) && this.unmix());
    this.composer.value = new Composer(picture);
    this.mixer.value = sound && new Mixer(sound);
    this.screen.value = picture;
  }

  /** The microphone alone from now on. */
  private unmix(): void {
    this.mixer.value?.close();
    this.mixer.value = null;
  }
}
