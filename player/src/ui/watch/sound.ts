/** Volume and mute of the video element: remembered, and never louder than what was chosen. */
import { signal } from "@preact/signals";

import { recall, remember } from "../../net/remembered";

const VOLUME = "plenum.volume";
const STEP = 0.1;

function firstVolume(): number {
  const kept = Number(recall(VOLUME) ?? "1");
  return kept >= 0 && kept <= 1 ? kept : 1;
}

export class Sound {
  readonly volume = signal(firstVolume());
  readonly muted = signal(false);
  /** The browser wants a gesture before there is sound; `still`: before there is anything at all. */
  readonly blocked = signal<"no" | "sound" | "still">("no");
  private video: HTMLVideoElement | null = null;

  attach(video: HTMLVideoElement): void {
    this.video = video;
    video.volume = this.volume.value;
    video.addEventListener("volumechange", () => {
      this.muted.value = video.muted || video.volume === 0;
      this.volume.value = video.volume;
      if (!video.muted && this.blocked.value === "sound") this.blocked.value = "no";
    });
    // Started by a key or the bar: nothing is left to tap for.
    video.addEventListener("playing", () => {
      if (this.blocked.value === "still") this.blocked.value = "no";
    });
  }

  setVolume(volume: number): void {
    if (!this.video) return;
    const next = Math.min(1, Math.max(0, volume));
    this.video.volume = next;
    this.video.muted = next === 0;
    remember(VOLUME, next.toFixed(2));
  }

  nudge(direction: 1 | -1): void {
    this.setVolume((this.muted.value ? 0 : this.volume.value) + direction * STEP);
  }

  toggle(): void {
    if (!this.video) return;
    if (this.muted.value) this.unmute();
    else this.video.muted = true;
  }

  /** Inside a gesture: what the browser waited for. */
  unmute(): void {
    if (!this.video) return;
    this.video.muted = false;
    if (this.video.volume === 0) this.setVolume(0.5);
    this.blocked.value = "no";
  }
}
