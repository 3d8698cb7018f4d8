/** Plays the LL-HLS address by the browser's own player (Safari on older iPhones), which chooses the rendition itself. */
import { waitMs, type Backoff } from "../core/backoff";
import type { ServerClock } from "../core/latency";
import type { Engine, EngineStats, PullListener } from "./engine";
import { Playback } from "./playback";

const BACKOFF: Backoff = { firstMs: 500, mostMs: 5000 };
const FOLLOWING_WITHIN_S = 5;

export function canNative(video: HTMLVideoElement): boolean {
  return video.canPlayType("application/vnd.apple.mpegurl") !== "";
}

interface DatedVideo extends HTMLVideoElement {
  /** Safari: wall clock (PROGRAM-DATE-TIME) of media time 0. */
  getStartDate?(): Date;
}

export class NativeEngine implements Engine {
  readonly path = "native";
  readonly switches = [];
  private readonly playback: Playback;
  private attempt = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly video: DatedVideo,
    private address: string,
    readonly clock: ServerClock,
    readonly listener: PullListener,
  ) {
    this.playback = new Playback(video, listener);
    video.addEventListener("error", this.lost);
    video.addEventListener("playing", this.reached);
    this.listener.rungs([]);
    this.open();
  }

  choose(): void {
    // The browser chooses; the page offers no menu on this path.
  }

  pause(): void {
    this.video.pause();
  }

  resume(): void {
    void this.playback.start();
  }

  goLive(): void {
    const live = this.livePosition();
    if (live !== null) this.playback.jump(live);
    void this.playback.start();
  }

  stats(): EngineStats {
    const { video } = this;
    const zeroMs = video.getStartDate?.().getTime() ?? Number.NaN;
    const behindS = Math.max(0, (this.livePosition() ?? video.currentTime) - video.currentTime);
    const following = behindS < FOLLOWING_WITHIN_S && !video.paused;
    return {
      latencyMs: Number.isNaN(zeroMs) ? null : this.clock.now(Date.now()) - zeroMs - video.currentTime * 1000,
      bufferedS: video.buffered.length > 0 ? video.buffered.end(video.buffered.length - 1) - video.currentTime : 0,
      behindS: following ? 0 : behindS,
      following,
      stalls: this.playback.stalls,
      rendition: video.videoHeight > 0 ? `${video.videoHeight}p` : "",
      msn: 0,
      part: 0,
      isStill: false,
      frozenMs: 0,
      silentMs: Math.round(this.playback.stalledMs),
    };
  }

  close(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
    this.video.removeEventListener("error", this.lost);
    this.video.removeEventListener("playing", this.reached);
    this.playback.close();
    this.video.removeAttribute("src");
    this.video.load();
  }

  private open(): void {
    this.video.src = this.address;
    void this.playback.start();
  }

  private livePosition(): number | null {
    const { seekable } = this.video;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : null;
  }

  private readonly reached = (): void => {
    this.attempt = 0;
    this.listener.link({ is: "open" });
  };

  private readonly lost = (): void => {
    this.attempt += 1;
    const wait = waitMs(BACKOFF, this.attempt, Math.random());
    this.listener.link({ is: "lost", attempt: this.attempt, nextAtMs: performance.now() + wait });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.reopen(), wait);
  };

  /** The browser does not say why it stopped: it may be that the key in the address has run out. */
  private async reopen(): Promise<void> {
    const waiting = this.retry;
    this.address = await this.listener.rejoin().catch(() => this.address);
    if (this.retry === waiting) this.open();
  }
}
