/**
 * Going back in a running event: what is a place, which ones there are, and by which way one gets there.
 *
 * A place is capture wall clock (Unix ms), never media time: slates, new timelines and restarted servers cost nothing then. What
 * surprises: the recording ends some seconds before live, so that a wish between the two is a wish for live.
 */

export const STEP_S = 10;
export const LEAP_S = 60;
/** The recording's newest segment is closed, stored, listed and fetched: nearer to live than this it would only stall. */
export const NEAREST_S = 6;
/** A recording that ran dry this close to its end has been watched up to live. */
const DRY_S = 0.1;
const FIRST_S = 0.1;
/** Longer ago than this, what the board calls "on air now" is not what the picture shows. */
export const OF_THIS_MOMENT_S = 10;
/** How old the picture is at live, until this page has seen it. */
export const LIVE_DELAY_MS = 1000;
const MOST_LIVE_DELAY_MS = 6000;
const LIVE_WITHIN_PARTS = 3;

/** What can be watched: from the first picture to the one that live shows now. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

/** A running event's span, null where nothing was on air yet. `liveDelayMs`: how old the picture is at live. */
export function spanOf(startMs: number, nowMs: number, liveDelayMs: number): Span | null {
  const endMs = nowMs - liveDelayMs;
  return startMs > 0 && endMs > startMs ? { startMs, endMs } : null;
}

/** What this page saw of how old live is; a line that fell behind does not count as the way live is. */
export function liveDelayOf(latencyMs: number): number {
  return Math.min(MOST_LIVE_DELAY_MS, Math.max(0, latencyMs));
}

export function lengthS(span: Span): number {
  return Math.max(0, (span.endMs - span.startMs) / 1000);
}

export function within(span: Span, wallMs: number): number {
  return Math.min(span.endMs, Math.max(span.startMs, wallMs));
}

/** Seconds behind live. */
export function behindS(span: Span, wallMs: number): number {
  return Math.max(0, (span.endMs - wallMs) / 1000);
}

export function isAtLive(seconds: number, partS: number): boolean {
  return seconds <= LIVE_WITHIN_PARTS * partS;
}

/** By which way to a wished place: what live holds in hand itself, live, or the recording. */
export type Way = "in place" | "live" | "recording";

export interface Wish {
  readonly wallMs: number;
  readonly span: Span;
  readonly partS: number;
  /** Live plays, and has this very moment in hand. */
  readonly isHeld: boolean;
  /** The event is over: there is no live to go to. */
  readonly isOver: boolean;
}

export function wayTo(wish: Wish): Way {
  if (wish.isOver) return "recording";
  const seconds = behindS(wish.span, wish.wallMs);
  if (isAtLive(seconds, wish.partS)) return "live";
  if (wish.isHeld) return "in place";
  return seconds < NEAREST_S ? "live" : "recording";
}

/** The recording was watched up to where live goes on. `leftS`: what is left of it as far as this page knows it. */
export function hasCaughtUp(behind: number, leftS: number, bufferedS: number): boolean {
  return behind < NEAREST_S / 2 || (leftS < DRY_S && bufferedS < DRY_S);
}

/** One segment of a playlist: media time in seconds, and its PROGRAM-DATE-TIME. */
export interface Dated {
  readonly start: number;
  readonly duration: number;
  readonly programDateTime: number | null;
  /** Nothing was recorded in its time. */
  readonly gap?: boolean | undefined;
}

/**
 * Media time of a place: in a hole the start of what comes after it, beyond the end the end. Never the very first moment: sound
 * begins some hundredths of a second after the picture, and hls.js finds no sound for a time before that.
 */
export function mediaTimeAt(segments: readonly Dated[], wallMs: number): number | null {
  let first: number | null = null;
  let end: number | null = null;
  for (const { start, duration, programDateTime, gap } of segments) {
    if (programDateTime === null || gap) continue;
    first ??= start + FIRST_S;
    const intoS = (wallMs - programDateTime) / 1000;
    if (intoS < duration) return Math.max(first, start + Math.max(0, intoS));
    end = start + duration;
  }
  return end;
}

/** The place that a media time shows. */
export function wallMsAt(segments: readonly Dated[], mediaTime: number): number | null {
  let found: number | null = null;
  for (const { start, programDateTime } of segments) {
    if (programDateTime === null) continue;
    if (start > mediaTime && found !== null) break;
    found = programDateTime + (mediaTime - start) * 1000;
  }
  return found;
}

export interface Spell {
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
}

/** For words: 250 s are 4 minutes and 10 seconds. */
export function spell(seconds: number): Spell {
  const whole = Math.max(0, Math.round(seconds));
  return { hours: Math.floor(whole / 3600), minutes: Math.floor(whole / 60) % 60, seconds: whole % 60 };
}
