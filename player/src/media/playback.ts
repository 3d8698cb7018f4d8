/**
 * Starting the video element and counting its stalls, the same for every engine.
 *
 * Browsers start sound only after a gesture: then we start muted and say so, so that the page can offer "Tap for sound".
 */
import type { EngineListener } from "./engine";

/** Waiting that a jump of ours causes is not a stall. */
const AFTER_JUMP_MS = 500;

export class Playback {
  stalls = 0;
  /** All stalls that ended, together. */
  stalledMs = 0;
  private jumpedAt = Number.NEGATIVE_INFINITY;
  private waitingSince: number | null = null;
  everPlayed = false;
  private readonly abort = new AbortController();

  constructor(
    readonly video: HTMLVideoElement,
    readonly listener: Pick<EngineListener, "ready" | "blocked">,
    /** A stall ended; how long it was. */
    readonly recovered: (durationMs: number) => void = () => {},
  ) {
    const { signal } = this.abort;
    video.addEventListener("waiting", () => this.waiting(), { signal });
    video.addEventListener("playing", () => this.playing(), { signal });
    video.addEventListener("pause", () => this.paused(), { signal });
    video.addEventListener("loadeddata", () => listener.ready(), { signal });
  }

  /** Play, muted where the browser wants a gesture for sound. */
  async start(): Promise<void> {
    try {
      await this.video.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "NotAllowedError") return;
      await this.startMuted();
    }
  }

  /** The wait that follows is of our own making. */
  excuse(): void {
    this.jumpedAt = performance.now();
  }

  jump(to: number): void {
    this.excuse();
    this.video.currentTime = to;
  }

  close(): void {
    this.abort.abort();
  }

  private async startMuted(): Promise<void> {
    if (!this.video.muted) {
      this.video.muted = true;
      try {
        await this.video.play();
        this.listener.blocked(true);
        return;
      } catch {
        this.video.muted = false;
      }
    }
    this.listener.blocked(false);
  }

  private waiting(): void {
    const { video } = this;
    const ours = video.seeking || performance.now() - this.jumpedAt < AFTER_JUMP_MS;
    if (!this.everPlayed || video.paused || ours || this.waitingSince !== null) return;
    this.stalls += 1;
    this.waitingSince = performance.now();
  }

  private playing(): void {
    this.everPlayed = true;
    if (this.waitingSince === null) return;
    const durationMs = performance.now() - this.waitingSince;
    this.stalledMs += durationMs;
    this.recovered(durationMs);
    this.waitingSince = null;
  }

  private paused(): void {
    this.waitingSince = null;
  }
}
