/**
 * Keeps the picture close to live without stalling: what to do with the playhead, decided from numbers alone.
 *
 * media/mse.ts asks ten times a second. The buffer ahead saws by one part's length between two arrivals, so its mean is steered,
 * not its momentary value. The surprise: each stall buys 0.15 s more target, given back after 20 quiet seconds.
 */

export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Playhead {
  readonly at: number;
  readonly ranges: readonly Range[];
  /** Following live; false while the person watches from the buffer after a pause. */
  readonly following: boolean;
  /** Nothing more to show at `at`: the element waits for data. */
  readonly starved: boolean;
  /** A jump is under way; it may never end where it leads to too little media before a hole. */
  readonly seeking: boolean;
  /** The picture stands still for want of parts, or soon will; where it does `ranges` are those of the sound. */
  readonly still?: boolean;
}

export interface Steering {
  readonly rate: number;
  /** Where to jump, or null to stay. */
  readonly jumpTo: number | null;
  /** Jumping did not help either: only a new start can. */
  readonly isStuck: boolean;
}

export const TARGET_S = 0.45;
export const JUMP_BEYOND_S = 1.5;
const SLOWEST = 0.97;
/** With less of the target in hand than this something comes late. Slow is heard, but not as a silence is, and saves one. */
const LOW = 0.6;
const RATE_WHEN_LOW = 0.85;
/** With hardly anything in hand. */
const LOWEST = 0.4;
const RATE_WHEN_LOWEST = 0.7;
/** While the picture stands still, or comes late, the sound may be the next: it gets more in hand, and is slow earlier. */
const TARGET_WHEN_STILL = 1.5;
const FASTEST = 1.06;
/** No correction within this distance of the target: time-stretched sound is heard more than 60 ms of delay. */
const DEAD_BAND_S = 0.06;
/** Playback this close to the end of a range with another range after it will not get further by itself. */
const EDGE_S = 0.08;
/** Land inside a range, not on its first timestamp, which rounding may put before it. */
const INSIDE_S = 0.01;
/** No motion for so long with media in hand: the element waits for something that will not come. */
const STUCK_MS = 1000;
const MOST_PUSHES = 3;
const STILL_S = 0.005;
const SMOOTHING = 0.12;
const STALL_COST_S = 0.15;
const MOST_TARGET_S = 1.2;
const QUIET_MS = 20_000;
/** In the first moments the part of a segment that was already there arrives in one burst: go to its end at once. */
const SETTLING_MS = 1500;
const SETTLED_WITHIN_S = 0.3;

export class Pilot {
  /** Seconds of media to have in hand, on average. */
  target: number;
  private mean: number | null = null;
  private rate = 1;
  private quietSince = 0;
  private settlingUntil = 0;
  private lastAt = Number.NEGATIVE_INFINITY;
  private movedAt = 0;
  private pushes = 0;

  constructor(readonly base: number = TARGET_S) {
    this.target = base;
  }

  /** First data of a start, a rebuild or a jump to live: do not creep towards the live edge, go there. */
  settle(nowMs: number): void {
    this.settlingUntil = nowMs + SETTLING_MS;
    this.quietSince = nowMs;
    this.mean = null;
  }

  /** Playback ran dry although the sender sent: this line needs more in hand. */
  stalled(nowMs: number): void {
    this.target = Math.min(MOST_TARGET_S, this.target + STALL_COST_S);
    this.quietSince = nowMs;
    this.mean = null;
  }

  steer(playhead: Playhead, nowMs: number): Steering {
    this.giveBack(nowMs);
    const push = this.push(playhead, nowMs);
    if (push || playhead.seeking) return push ?? this.steady();
    const hole = overHole(playhead);
    if (hole !== null) return this.jump(hole);
    const ahead = bufferedAhead(playhead.at, playhead.ranges);
    if (ahead === null || !playhead.following) return this.steady();
    const allowed = nowMs < this.settlingUntil ? SETTLED_WITHIN_S : JUMP_BEYOND_S;
    if (ahead > this.target + allowed) return this.jump(playhead.at + ahead - this.target);
    this.mean = this.mean === null ? ahead : this.mean + (ahead - this.mean) * SMOOTHING;
    const target = this.target * (playhead.still ? TARGET_WHEN_STILL : 1);
    if (ahead < target * LOWEST) this.rate = RATE_WHEN_LOWEST;
    else this.rate = ahead < target * LOW ? RATE_WHEN_LOW : rateFor(this.mean - target, this.rate);
    return { rate: this.rate, jumpTo: null, isStuck: false };
  }

  /** The clock stands still with media beyond: go to the newest of it, at last give up. */
  private push({ at, ranges }: Playhead, nowMs: number): Steering | null {
    const last = ranges.at(-1);
    const moves = Math.abs(at - this.lastAt) > STILL_S;
    if (moves) this.pushes = 0;
    if (moves || !last || last.end < at + 2 * EDGE_S) this.rest(at, nowMs);
    if (!last || nowMs - this.movedAt < STUCK_MS) return null;
    this.rest(at, nowMs);
    this.pushes += 1;
    if (this.pushes > MOST_PUSHES) return { rate: 1, jumpTo: null, isStuck: true };
    return this.jump(Math.max(last.start + INSIDE_S, last.end - this.target));
  }

  /** Standing still is meant (a pause), or nothing is there to go to. */
  rest(at: number, nowMs: number): void {
    this.lastAt = at;
    this.movedAt = nowMs;
  }

  private jump(to: number): Steering {
    this.mean = null;
    this.rate = 1;
    // Where a jump leads is not motion.
    this.lastAt = to;
    return { rate: 1, jumpTo: to, isStuck: false };
  }

  private steady(): Steering {
    this.rate = 1;
    return { rate: 1, jumpTo: null, isStuck: false };
  }

  private giveBack(nowMs: number): void {
    if (this.target <= this.base || nowMs - this.quietSince < QUIET_MS) return;
    this.target = Math.max(this.base, this.target - STALL_COST_S);
    this.quietSince = nowMs;
  }
}

/** Seconds of media in hand from `at` on, 0 at a range's end, null where `at` lies in no range. */
export function bufferedAhead(at: number, ranges: readonly Range[]): number | null {
  const here = ranges.find((range) => at >= range.start - INSIDE_S && at <= range.end + INSIDE_S);
  return here ? Math.max(0, here.end - at) : null;
}

/** Where to go on when the playhead stands before or at the edge of a hole with media behind it, else null. */
function overHole(playhead: Playhead): number | null {
  const ahead = bufferedAhead(playhead.at, playhead.ranges);
  const next = playhead.ranges.find((range) => range.start > playhead.at + INSIDE_S);
  if (!next) return beyondEverything(playhead);
  if (ahead === null || ahead < EDGE_S || (playhead.starved && ahead < 2 * EDGE_S)) return next.start + INSIDE_S;
  return null;
}

/** After an eviction or a clock that went back the playhead may stand behind all there is. */
function beyondEverything(playhead: Playhead): number | null {
  const last = playhead.ranges.at(-1);
  if (!last || !playhead.starved || playhead.at <= last.end + 1) return null;
  return Math.max(last.start + INSIDE_S, last.end - TARGET_S);
}

/** A tenth of the distance as speed, within bounds, in steps of 0.01: every change of rate costs the sound something. */
function rateFor(distance: number, current: number): number {
  const band = current === 1 ? DEAD_BAND_S : DEAD_BAND_S / 3;
  if (Math.abs(distance) < band) return 1;
  const wanted = Math.round((1 + distance / 5) * 100) / 100;
  return Math.min(FASTEST, Math.max(SLOWEST, wanted));
}
