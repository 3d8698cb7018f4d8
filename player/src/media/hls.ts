/**
 * Plays the LL-HLS address by hls.js, where WebSocket is blocked, and the recording on every path. Loaded only then: 180 KB.
 *
 * The full build, since our sound is a rendition of its own. `hls.latency` was seconds off in measurements, so the age of the picture
 * comes from PROGRAM-DATE-TIME. No worker: it would start from a blob, which our content security policy forbids.
 */
import Hls, { type ErrorData, type Fragment, type HlsConfig, type Level, type LevelDetails } from "hls.js";

import { waitMs, type Backoff } from "../core/backoff";
import { mediaTimeAt, wallMsAt } from "../core/dvr";
import type { ServerClock } from "../core/latency";
import { AUDIO_ONLY, AUTO, type Rung } from "../core/quality";
import { NO_STATS, type EngineStats, type Past, type PastEngine, type PullListener, type Switch } from "./engine";
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
/** A jump to less than this before the end of what is in hand would wait there. */
const LEAST_HELD_S = 0.2;

/** Answers that trying again at once does not change. A 401 is none: a new join may bring a key. */
const REFUSED: readonly number[] = [403, 404, 410];
/** The code that a playlist is refused with where nothing is recorded (any more). */
const NOT_RECORDED = "not_recorded";

const LIVE: Partial<HlsConfig> = { lowLatencyMode: true, backBufferLength: 20, maxLiveSyncPlaybackRate: 1.06 };
/** Steps back stay in hand; nobody is drawn towards live. */
const RECORDING: Partial<HlsConfig> = { lowLatencyMode: false, backBufferLength: 60, maxBufferLength: 20 };

export function canHls(): boolean {
  return Hls.isSupported();
}

export class HlsEngine implements PastEngine {
  readonly path = "hls";
  readonly switches: Switch[] = [];
  private readonly playback: Playback;
  private key: DeliveryKey;
  private hls: Hls | null = null;
  private choice: string;
  private fragment: Fragment | null = null;
  private details: LevelDetails | null = null;
  /** Where the recording is to begin, until its playlist says where in it that is. */
  private fromMs: number | null;
  /** What is built anew is as still as the person left it. */
  private isPaused: boolean;
  private attempt = 0;
  private mediaRepairs = 0;
  /** Starts after an error that is not the network's. An open playlist does not end their row: it says nothing of decoding. */
  private rebuilds = 0;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly video: HTMLVideoElement,
    private address: string,
    readonly clock: ServerClock,
    readonly listener: PullListener,
    choice: string,
    private readonly past: Past | null = null,
  ) {
    this.choice = choice;
    this.fromMs = past?.fromMs ?? null;
    this.isPaused = past?.isPaused ?? false;
    this.playback = new Playback(video, listener);
    this.key = this.keyOf(address);
    this.open();
  }

  choose(choice: string): void {
    const kindChanges = (choice === AUDIO_ONLY) !== (this.choice === AUDIO_ONLY);
    this.choice = choice;
    if (kindChanges) this.open();
    else if (this.hls) this.hls.nextLevel = this.levelOf(this.hls.levels);
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
    const live = this.hls?.liveSyncPosition;
    if (live) this.playback.jump(live);
    void this.playback.start();
  }

  holds(wallMs: number): boolean {
    if (this.past) return true;
    const { buffered } = this.video;
    const at = this.mediaTimeOf(wallMs);
    if (at === null) return false;
    return Array.from({ length: buffered.length }, (_, i) => at >= buffered.start(i) && at < buffered.end(i) - LEAST_HELD_S).includes(true);
  }

  seekTo(wallMs: number): void {
    const at = this.fromMs === null ? this.mediaTimeOf(wallMs) : null;
    if (at !== null) this.playback.jump(at);
    else if (this.past) this.fromMs = wallMs;
  }

  startMs(): number | null {
    return this.details?.fragments.find((one) => one.programDateTime !== null && !one.gap)?.programDateTime ?? null;
  }

  leftS(): number {
    return Math.max(0, (this.details?.edge ?? Number.POSITIVE_INFINITY) - this.video.currentTime);
  }

  stats(): EngineStats {
    const hls = this.hls;
    if (!hls) return NO_STATS;
    const at = this.video.currentTime;
    const wallMs = this.wallMs(hls);
    const behindS = Math.max(0, (hls.liveSyncPosition ?? at) - at);
    const following = !this.past && behindS < FOLLOWING_WITHIN_S && !this.video.paused;
    return {
      latencyMs: wallMs === null ? null : this.clock.now(Date.now()) - wallMs,
      wallMs,
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
    // A recording that is opened anew goes on where it was.
    if (this.past && this.hls) this.fromMs ??= this.wallMs(this.hls);
    this.hls?.destroy();
    this.details = null;
    this.playback.excuse();
    const hls = new Hls({
      enableWorker: false,
      enableInterstitialPlayback: false,
      startLevel: 0,
      // Choosing by itself, no larger than it is shown.
      capLevelToPlayerSize: true,
      loader: keyedLoader(this.key, Hls.DefaultConfig.loader),
      ...(this.past ? RECORDING : LIVE),
    });
    this.hls = hls;
    hls.on(Hls.Events.MANIFEST_PARSED, () => this.parsed(hls));
    hls.on(Hls.Events.FRAG_CHANGED, (_, { frag }) => {
      this.fragment = frag;
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => this.switched(nameOf(hls.levels[level]) ?? ""));
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => this.reached(hls, details));
    hls.on(Hls.Events.ERROR, (_, data) => this.error(hls, data));
    hls.attachMedia(this.video);
    hls.loadSource(this.choice === AUDIO_ONLY ? new URL(this.past ? "audio/dvr.m3u8" : "audio/media.m3u8", this.base()).href : this.address);
  }

  private base(): URL {
    return new URL(this.address, location.href);
  }

  private parsed(hls: Hls): void {
    if (this.choice !== AUDIO_ONLY) {
      this.listener.rungs(rungsOf(hls.levels));
      hls.currentLevel = this.levelOf(hls.levels);
    }
    if (!this.isPaused) void this.playback.start();
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

  private reached(hls: Hls, details: LevelDetails): void {
    this.attempt = 0;
    this.details = details;
    this.listener.link({ is: "open" });
    if (this.fromMs === null) return;
    const at = mediaTimeAt(details.fragments, this.fromMs);
    this.fromMs = null;
    // Before the first segment was asked for: only the playlist knows where in it the wanted moment is.
    if (at !== null) hls.startLoad(at);
  }

  private wallMs(hls: Hls): number | null {
    if (this.fromMs !== null) return this.fromMs;
    // Not `playingDate` in the recording: it counts from the segment that played before a jump, over gaps and all.
    if (this.past && this.details) return wallMsAt(this.details.fragments, this.video.currentTime);
    return hls.playingDate?.getTime() ?? null;
  }

  private mediaTimeOf(wallMs: number): number | null {
    if (this.past) return this.details && mediaTimeAt(this.details.fragments, wallMs);
    const shown = this.hls?.playingDate?.getTime();
    return shown === undefined ? null : this.video.currentTime + (wallMs - shown) / 1000;
  }

  private error(hls: Hls, data: ErrorData): void {
    if (!data.fatal || hls !== this.hls) return;
    if (this.past && REFUSED.includes(data.response?.code ?? 0)) {
      if (codeOf(data) === NOT_RECORDED) this.past.gone();
      else this.past.failed();
      return;
    }
    this.untilQuiet();
    if (data.type === Hls.ErrorTypes.MEDIA_ERROR && this.mediaRepairs < MOST_MEDIA_REPAIRS) {
      this.mediaRepairs += 1;
      hls.recoverMediaError();
    } else if (data.type === Hls.ErrorTypes.NETWORK_ERROR) {
      this.attempt += 1;
      this.lost(this.attempt, () => this.openElsewhere());
    } else {
      console.warn("player: starting hls anew:", data.details);
      // It must not say meanwhile that all is well. One that only lost the network plays what it has.
      if (this.past) this.fromMs ??= this.wallMs(hls);
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

  private lost(attempt: number, again = () => this.open()): void {
    const wait = waitMs(BACKOFF, attempt, Math.random());
    this.listener.link({ is: "lost", attempt, nextAtMs: performance.now() + wait });
    clearTimeout(this.retry);
    this.retry = setTimeout(again, wait);
  }

  /** The edge may be gone: the address that a new join names is at one that is not. */
  private openElsewhere(): void {
    const lost = this.hls;
    void this.listener
      .rejoin(this.address)
      .catch(() => "")
      .then((address) => {
        if (this.hls !== lost || !lost) return;
        if (address) this.key = this.keyOf(address);
        this.address = address || this.address;
        this.open();
      });
  }

  private keyOf(address: string): DeliveryKey {
    return new DeliveryKey(address, () => this.listener.rejoin(""));
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

/** Of the problem document (RFC 9457) that came in place of a playlist; "" where there is none to read. */
function codeOf(data: ErrorData): string {
  const asked = data.networkDetails as Partial<XMLHttpRequest> | null | undefined;
  // The text of any other request must not be asked for: it throws.
  if (data.frag || (asked?.responseType !== "" && asked?.responseType !== "text")) return "";
  try {
    return String((JSON.parse(asked.responseText ?? "") as { code?: unknown }).code);
  } catch {
    return "";
  }
}

function rungsOf(levels: readonly Level[]): Rung[] {
  const pictures = levels
    .filter((level) => level.height > 0)
    .map((level) => ({ choice: `${level.height}p`, height: level.height, bitrateBps: level.averageBitrate || level.bitrate }))
    .sort((a, b) => b.height - a.height);
  return [...pictures, { choice: AUDIO_ONLY, height: 0, bitrateBps: 0 }];
}
