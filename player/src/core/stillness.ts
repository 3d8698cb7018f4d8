/**
 * When a picture that does not come is replaced by one that stands still, and which of the parts that come later may end that.
 *
 * Rules only, in seconds of media time; media/mse.ts carries them out. Four things surprise. A picture that is merely late is
 * waited for while the browser lets the sound go on (Chromium does for 3 s): its parts still fit where it broke off, while a
 * filled picture can only be ended by a key frame. What comes of a picture that has run dry is kept back until it reaches beyond
 * the playhead: one picture shown in the middle of a freeze makes two of it. The filler is one picture from the end of the real one to well behind the
 * next key frame that may come: browsers pass over key frames that lie before the start of what they fetched last. And a key
 * frame is kept back until there is enough behind it, since it takes away what was filled behind it.
 */

export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly independent: boolean;
}

/** What is known at one moment of playing. */
export interface Moment {
  readonly at: number;
  /** Where the sound in hand ends; null without sound. */
  readonly soundEnd: number | null;
  /** No more of this picture is on its way: given up by the sender, or its line is broken. */
  readonly isAbsent: boolean;
  /** The element has stopped for want of data. */
  readonly isStarved: boolean;
}

/** Filled so long before the picture ends. */
const LEAD_S = 0.3;
/** Less sound in hand than this is about to run dry itself: then both are waited for. */
const LEAST_SOUND_S = 0.05;
/** A picture that has run dry is filled then: before Chromium's 3 s have passed, also where it plays slower. */
const LATE_S = 2.3;
/** Run dry: so long after its end the last picture stands. */
const DRY_S = 0.08;
/** A picture that goes on behind a hole: the hole is shown first, for no longer than this. */
const SOON_S = 0.3;
/**
 * What a key frame must have behind it, beyond the playhead, before it is let in. With half of this Chromium, which ran dry and
 * then wants more frames before it goes on, showed one of them in the middle of a freeze.
 */
const ENOUGH_S = 0.3;
/** So much of a segment a key frame may be late and still end the filler that was made before it. */
const SPARE = 0.75;
const JOIN_S = 0.02;
/** A frame from where the element stands: it must not begin in what is past when it is decoded. */
const AGAIN_S = 0.04;
const MOST_SPANS = 8;

export type Verdict = "append" | "hold" | "release" | "drop";

export class Stillness {
  /** Where what was appended ends, filled or not. */
  end: number | null = null;
  /** The last key frame appended: what the decoder needs as long as its segment is on screen. */
  key: number | null = null;
  /** Where the real picture ended, while it is filled. */
  private brokeOff = 0;
  private readonly spans: { readonly from: number; readonly to: number }[] = [];
  /** Where the newest filled picture begins, null while the picture is real. */
  private filledFrom: number | null = null;
  private held: { from: number; to: number } | null = null;
  /** Late key frames that had to be given up since this was asked last. */
  private missed = false;

  constructor(private segmentS: number) {}

  segments(seconds: number): void {
    this.segmentS = seconds;
  }

  forget(): void {
    this.end = this.key = this.filledFrom = this.held = null;
    this.spans.length = 0;
    this.missed = false;
  }

  get isFilled(): boolean {
    return this.filledFrom !== null;
  }

  /** Whether the picture does not move at this place. */
  stands(at: number): boolean {
    if (this.end === null) return false;
    return at >= (this.isFilled ? this.brokeOff : this.end) || this.spans.some((span) => at >= span.from && at < span.to);
  }

  /** A part of the picture came. "release": all that was held and this one. */
  judge(piece: Piece, at: number): Verdict {
    if (this.filledFrom === null && !this.isDry(at)) return "append";
    if (this.begins(piece)) this.held = { from: piece.from, to: piece.to };
    else if (!piece.independent && this.held && Math.abs(piece.from - this.held.to) < JOIN_S) this.held.to = piece.to;
    else this.held = null;
    if (!this.held) return "drop";
    const isSoon = this.isFilled || this.held.from <= at + SOON_S;
    return isSoon && this.held.to >= at + ENOUGH_S ? "release" : "hold";
  }

  private isDry(at: number): boolean {
    return this.end !== null && at > this.end + DRY_S;
  }

  /** Whether it may be shown without what came before: a key frame, or what follows the picture that ran dry. */
  private begins(piece: Piece): boolean {
    if (this.filledFrom === null) return piece.independent || (this.end !== null && Math.abs(piece.from - this.end) < JOIN_S);
    return piece.independent && piece.from > this.filledFrom + JOIN_S;
  }

  /** Where a hole before this real piece begins, which is to be filled up to it; else null. */
  holeBefore(piece: Piece): number | null {
    return this.end !== null && piece.independent && piece.from > this.end + JOIN_S ? this.end : null;
  }

  /** It was appended. */
  appended(piece: Piece): void {
    if (piece.independent) this.key = piece.from;
    if (this.isFilled) this.spans.push({ from: this.brokeOff, to: piece.from });
    if (this.spans.length > MOST_SPANS) this.spans.shift();
    this.filledFrom = this.held = null;
    this.end = piece.to;
  }

  /** Until where to fill now, from `end` on; null: not now. */
  fillTo(moment: Moment): number | null {
    const { end } = this;
    const { at, soundEnd } = moment;
    if (end === null || soundEnd === null || soundEnd < Math.max(at + LEAST_SOUND_S, end)) return null;
    // Too late to go on without a break: then the filler would only be one more picture within the freeze.
    const isAhead = moment.isAbsent && !this.isDry(at);
    const isDue = isAhead || this.isFilled || moment.isStarved ? at > end - LEAD_S : at > end + LATE_S;
    return isDue ? this.behindNextKey(end, at) : null;
  }

  /**
   * Where a filled picture has to begin once more, else null. An element that stopped (the sound too ran dry for a moment) goes on
   * only with a picture that begins where it stands; one that began before counts for nothing.
   */
  again({ at, soundEnd, isStarved }: Moment): number | null {
    const { end, filledFrom } = this;
    if (!isStarved || filledFrom === null || end === null || filledFrom >= at) return null;
    if (soundEnd === null || soundEnd < at + LEAST_SOUND_S || at + AGAIN_S >= end) return null;
    return at + AGAIN_S;
  }

  /** It was filled up to here. */
  filled(to: number, from = this.end): void {
    if (this.held && this.end !== null && this.held.from <= this.end + JOIN_S) {
      this.held = null;
      this.missed = true;
    }
    if (this.filledFrom === null) this.brokeOff = this.end ?? to;
    this.filledFrom = from;
    this.end = to;
  }

  /** Whether a picture that came was too late to be shown, since the last time. */
  takeMissed(): boolean {
    const { missed } = this;
    this.missed = false;
    return missed;
  }

  private behindNextKey(end: number, at: number): number {
    const period = this.segmentS;
    const phase = this.key ?? end;
    let key = phase + Math.ceil((end - phase + JOIN_S) / period) * period;
    while (key + SPARE * period < at + 2 * LEAD_S) key += period;
    return key + SPARE * period;
  }
}
