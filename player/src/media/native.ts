/** Plays the LL-HLS address by the browser's own player (Safari on older iPhones), which chooses the rendition itself. */
import { waitMs, type Backoff } from "../core/backoff";
import type { ServerClock } from "../core/latency";
import type { EngineStats, Past, PastEngine, PullListener } from "./engine";
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

export class NativeEngine implements PastEngine {
  readonly path = "native";
  readonly switches = [];
  private readonly playback: Playback;
  private attempt = 0;
  /** Where the recording is to begin, until it has. */
  private fromMs: number | null;
  private isPaused: boolean;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly video: DatedVideo,
    private address: string,
    readonly clock: ServerClock,
    readonly listener: PullListener,
    private readonly past: Past | null = null,
  ) {
    this.fromMs = past?.fromMs ?? null;
    this.isPaused = past?.isPaused ?? false;
    this.playback = new Playback(video, listener);
    video.addEventListener("loadedmetadata", this.begun);
    video.addEventListener("error", this.lost);
    video.addEventListener("playing", this.reached);
    this.listener.rungs([]);
    this.open();
  }

  choose(): void {
    // The browser chooses; the page offers no menu on this path.
  }

  pause(): void {
    this.isPaused = true;
    this.video.pause();
  }

  resume(): void {
    this.isPaused = false;
    void this.playback.start();
  }

  goLive(): void {
    this.isPaused = false;
    const live = this.livePosition();
    if (live !== null) this.playback.jump(live);
    void this.playback.start();
  }

  holds(wallMs: number): boolean {
    const at = this.mediaTimeAt(wallMs);
    const { seekable } = this.video;
    return at !== null && seekable.length > 0 && at >= seekable.start(0) && at <= seekable.end(seekable.length - 1);
  }

  seekTo(wallMs: number): void {
    const at = this.mediaTimeAt(wallMs);
    if (at === null) this.fromMs = this.past && wallMs;
    else this.playback.jump(at);
  }

  startMs(): number | null {
    const zeroMs = this.zeroMs();
    return zeroMs === null ? null : zeroMs + (this.video.seekable.length > 0 ? this.video.seekable.start(0) : 0) * 1000;
  }

  leftS(): number {
    return Math.max(0, (this.livePosition() ?? Number.POSITIVE_INFINITY) - this.video.currentTime);
  }

  stats(): EngineStats {
    const { video } = this;
    const zeroMs = this.zeroMs();
    const wallMs = zeroMs === null ? null : zeroMs + video.currentTime * 1000;
    const behindS = Math.max(0, (this.livePosition() ?? video.currentTime) - video.currentTime);
    const following = !this.past && behindS < FOLLOWING_WITHIN_S && !video.paused;
    return {
      latencyMs: wallMs === null ? null : this.clock.now(Date.now()) - wallMs,
      wallMs,
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
    this.video.removeEventListener("loadedmetadata", this.begun);
    this.video.removeEventListener("error", this.lost);
    this.video.removeEventListener("playing", this.reached);
    this.playback.close();
    this.video.removeAttribute("src");
    this.video.load();
  }

  private open(): void {
    if (this.past) this.fromMs ??= this.stats().wallMs;
    this.video.src = this.address;
    if (!this.isPaused) void this.playback.start();
  }

  private readonly begun = (): void => {
    if (this.fromMs === null) return;
    const at = this.mediaTimeAt(this.fromMs);
    this.fromMs = null;
    if (at !== null) this.playback.jump(Math.max(0, at));
  };

  private zeroMs(): number | null {
    const zeroMs = this.video.getStartDate?.().getTime() ?? Number.NaN;
    return Number.isNaN(zeroMs) ? null : zeroMs;
  }

  private mediaTimeAt(wallMs: number): number | null {
    const zeroMs = this.zeroMs();
    return zeroMs === null ? null : (wallMs - zeroMs) / 1000;
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
    this.address = await this.listener.rejoin(this.address).catch(() => this.address);
    if (this.retry === waiting) this.open();
  }
}
