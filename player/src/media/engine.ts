/** What the watch page asks of whatever plays the programme: push (MSE over the feed), hls.js, or the browser itself. */
import type { LinkState } from "../core/link";
import type { Rung } from "../core/quality";

export type Path = "push" | "hls" | "native";

export interface EngineStats {
  /** Age of the picture by capture clock; null before the first. */
  readonly latencyMs: number | null;
  /** Capture wall clock of the picture on screen; null before the first, and where the source does not tell. */
  readonly wallMs: number | null;
  /** Seconds of media in hand. */
  readonly bufferedS: number;
  /** How far the playhead is behind where live would be; 0 while following. */
  readonly behindS: number;
  readonly following: boolean;
  /** Times that playback ran dry after the first picture. */
  readonly stalls: number;
  /** Name of the rendition on screen, `audio` where there is no picture. */
  readonly rendition: string;
  readonly msn: number;
  readonly part: number;
  /** The picture stands still on purpose, for want of another, while the sound goes on. */
  readonly isStill: boolean;
  /** How long it stood still so. */
  readonly frozenMs: number;
  /** How long nothing at all played that should have. */
  readonly silentMs: number;
}

export const NO_STATS: EngineStats = {
  latencyMs: null,
  wallMs: null,
  bufferedS: 0,
  behindS: 0,
  following: true,
  stalls: 0,
  rendition: "",
  msn: 0,
  part: 0,
  isStill: false,
  frozenMs: 0,
  silentMs: 0,
};

/** The picture began to come as another rendition; for support and tests. */
export interface Switch {
  /** Unix milliseconds, by this device's clock. */
  readonly at: number;
  /** "" for no picture. */
  readonly rendition: string;
  readonly why: string;
}

export interface Engine {
  readonly path: Path;
  /** The newest ones. */
  readonly switches: Switch[];
  choose(choice: string): void;
  pause(): void;
  /** Go on from where it stands. */
  resume(): void;
  goLive(): void;
  /** Whether the picture of this capture time is in hand, so that `seekTo` shows it at once. */
  holds(wallMs: number): boolean;
  /** To a moment that it holds, and stay so far behind. */
  seekTo(wallMs: number): void;
  stats(): EngineStats;
  close(): void;
}

/** An engine that plays the recording: it holds every moment of it. */
export interface PastEngine extends Engine {
  /** Capture time of the recording's first picture, as far as it is known yet. */
  startMs(): number | null;
  /** Seconds of the recording after the picture on screen, as far as this page knows it. */
  leftS(): number;
}

/** How a pull engine plays the recording instead of live. */
export interface Past {
  readonly fromMs: number;
  /** It begins as still as the picture was before. */
  readonly isPaused: boolean;
  /** There is no recording (any more). */
  gone(): void;
  /** What was wanted of it is not to be had now. */
  failed(): void;
}

export interface EngineListener {
  /** A first picture (or sound, where only that was asked for) is in hand. */
  ready(): void;
  /** This way of playing does not work here; the page takes the next. */
  failed(reason: string): void;
  /** The browser refused to start without a gesture. `muted`: it plays, silently. */
  blocked(muted: boolean): void;
}

/**
 * The pull engines have no feed: they tell themselves how the line is and what there is to choose. Nothing comes after them,
 * so they never fail: they say that they are lost, and try again.
 */
export interface PullListener extends Omit<EngineListener, "failed"> {
  link(state: LinkState): void;
  /** A fresh address: after `lost`, which did not answer, at another server; after "" the same with a new key. */
  rejoin(lost: string): Promise<string>;
  rungs(rungs: readonly Rung[]): void;
}
