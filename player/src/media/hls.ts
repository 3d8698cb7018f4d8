/**
 * Plays the LL-HLS address by hls.js, where WebSocket is blocked. Loaded only then: 180 KB.
 *
 * The full build, since our sound is a rendition of its own. `hls.latency` was seconds off in measurements, so the age of the picture
 * comes from PROGRAM-DATE-TIME. No worker: it would start from a blob, which our content security policy forbids.
 */
import Hls, { type ErrorData, type Fragment, type Level } from "hls.js";

import { waitMs, type Backoff } from "../core/backoff";
import type { ServerClock } from "../core/latency";
import { AUDIO_ONLY, AUTO, type Rung } from "../core/quality";
import { NO_STATS, type Engine, type EngineStats, type PullListener, type Switch } from "./engine";
import { DeliveryKey, keyedLoader } from "./keyed-loader";
import { Playback } from "./playback";

const BACKOFF: Backoff = { firstMs: 500, mostMs: 5000 };
const MOST_MEDIA_REPAIRS = 3;
/** Without a fatal error for so long, what went wrong before is forgotten. */
const QUIET_MS = 30_000;
const FOLLOWING_WITHIN_S = 3;
const MOST_SWITCHES = 50;
/** hls.js chooses. */
const BY_ITSELF = -1;

export function canHls(): boolean {
  return Hls.isSupported();
}

export class HlsEngine implements Engine {
  readonly path = "hls";
  readonly switches: Switch[] = [];
  private readonly playback: Playback;
  private readonly key: DeliveryKey;
  private hls: Hls | null = null;
  private choice: string;
  private fragment: Fragment | null = null;
  private attempt = 0;
  private mediaRepairs = 0;
  /** Starts after an error that is not the network's. An open playlist does not end their row: it says nothing of decoding. */
  private rebuilds = 0;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly video: HTMLVideoElement,
    readonly address: string,
    readonly clock: ServerClock,
    readonly listener: PullListener,
    choice: string,
  ) {
    this.choice = choice;
    this.playback = new Playback(video, listener);
    this.key = new DeliveryKey(address, () => listener.rejoin());
    this.open();
  }

  choose(choice: string): void {
    const kindChanges = (choice === AUDIO_ONLY) !== (this.choice === AUDIO_ONLY);
    this.choice = choice;
    if (kindChanges) this.open();
    else if (this.hls) this.hls.nextLevel = this.levelOf(this.hls.levels);
  }

  pause(): void {
    this.video.pause();
  }

  resume(): void {
    void this.playback.start();
  }

  goLive(): void {
    const live = this.hls?.liveSyncPosition;
    if (live) this.playback.jump(live);
    void this.playback.start();
  }

  stats(): EngineStats {
    const hls = this.hls;
    if (!hls) return NO_STATS;
    const at = this.video.currentTime;
    const date = hls.playingDate;
    const behindS = Math.max(0, (hls.liveSyncPosition ?? at) - at);
    const following = behindS < FOLLOWING_WITHIN_S && !this.video.paused;
    return {
      latencyMs: date ? this.clock.now(Date.now()) - date.getTime() : null,
      bufferedS: this.bufferedS(),
      behindS: following ? 0 : behindS,
      following,
      stalls: this.playback.stalls,
      rendition: this.choice === AUDIO_ONLY ? "audio" : (nameOf(hls.levels[hls.currentLevel]) ?? ""),
      msn: typeof this.fragment?.sn === "number" ? this.fragment.sn : 0,
      part: 0,
      isStill: false,
      frozenMs: 0,
      silentMs: Math.round(this.playback.stalledMs),
    };
  }

  close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.quiet);
    this.hls?.destroy();
    this.hls = null;
    this.playback.close();
  }

  private open(): void {
    clearTimeout(this.retry);
    this.hls?.destroy();
    this.playback.excuse();
    const hls = new Hls({
      lowLatencyMode: true,
      enableWorker: false,
      backBufferLength: 20,
      maxLiveSyncPlaybackRate: 1.06,
      startLevel: 0,
      // Choosing by itself, no larger than it is shown.
      capLevelToPlayerSize: true,
      loader: keyedLoader(this.key, Hls.DefaultConfig.loader),
    });
    this.hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.parsed(hls));
    hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => {
      this.fragment = frag;
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => this.switched(nameOf(hls.levels[level]) ?? ""));
    hls.on(Hls.Events.LEVEL_UPDATED, () => this.reached());
    hls.on(Hls.Events.ERROR, (_, data) => this.error(hls, data));
    hls.attachMedia(this.video);
    hls.loadSource(this.choice === AUDIO_ONLY ? new URL("audio/media.m3u8", this.base()).href : this.address);
  }

  private base(): URL {
    return new URL(this.address, location.href);
  }

  private parsed(hls: Hls): void {
    if (this.choice !== AUDIO_ONLY) {
      this.listener.rungs(rungsOf(hls.levels));
      hls.currentLevel = this.levelOf(hls.levels);
    }
    void this.playback.start();
  }

  private switched(rendition: string): void {
    this.switches.push({ at: Date.now(), rendition, why: this.choice === AUTO ? "line" : "asked" });
    if (this.switches.length > MOST_SWITCHES) this.switches.shift();
  }

  private levelOf(levels: readonly Level[]): number {
    if (this.choice === AUTO) return BY_ITSELF;
    const found = levels.findIndex((level) => nameOf(level) === this.choice);
    return found >= 0 ? found : levels.length - 1;
  }

  private reached(): void {
    this.attempt = 0;
    this.listener.link({ is: "open" });
  }

  private error(hls: Hls, data: ErrorData): void {
    if (!data.fatal || hls !== this.hls) return;
    this.untilQuiet();
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.mediaRepairs < MOST_MEDIA_REPAIRS) {
      this.mediaRepairs += 1;
      hls.recoverMediaError();
    } else if (data.type === Hls.ErrorTypes.NETWORK_ERROR) {
      this.attempt += 1;
      this.lost(this.attempt);
    } else {
      console.warn("player: starting hls anew:", data.details);
      // It must not say meanwhile that all is well. One that only lost the network plays what it has.
      hls.destroy();
      this.hls = null;
      this.rebuilds += 1;
      this.lost(this.rebuilds);
    }
  }

  private untilQuiet(): void {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.mediaRepairs = this.rebuilds = 0;
    }, QUIET_MS);
  }

  private lost(attempt: number): void {
    const wait = waitMs(BACKOFF, attempt, Math.random());
    this.listener.link({ is: "lost", attempt, nextAtMs: performance.now() + wait });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), wait);
  }

  private bufferedS(): number {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (currentTime >= buffered.start(i) - 0.1 && currentTime <= buffered.end(i)) return buffered.end(i) - currentTime;
    }
    return 0;
  }
}

function nameOf(level: Level | undefined): string | undefined {
  return level && level.height > 0 ? `${level.height}p` : undefined;
}

function rungsOf(levels: readonly Level[]): Rung[] {
  const pictures = levels
    .filter((level) => level.height > 0)
    .map((level) => ({ choice: `${level.height}p`, height: level.height, bitrateBps: level.averageBitrate || level.bitrate }))
    .sort((a, b) => b.height - a.height);
  return [...pictures, { choice: AUDIO_ONLY, height: 0, bitrateBps: 0 }];
}
