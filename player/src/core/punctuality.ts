/**
 * How much later than usual the parts of one line come, by their arrival against the media's own clock. Rules only.
 *
 * What is usual is the quickest of the last ten seconds: a long way is no lateness. A part that does not come at all is late
 * too, from the moment it was to be expected on.
 */

/** More than this is late: a page that collects garbage, or radio that sleeps, stays below. */
export const LATE_MS = 300;
const USUAL_HALF_MS = 5000;
/** A start brings what was already there of a segment at once. */
const SETTLED_MS = 2500;

export class Punctuality {
  private epoch = -1;
  private newestTo = 0;
  private partS = 0;
  private offset = 0;
  private least = Number.POSITIVE_INFINITY;
  private older = Number.POSITIVE_INFINITY;
  private halfSince = 0;
  private since: number | null = null;

  /** A part came that lasts from `from` to `to`, in seconds of this epoch. */
  arrived(epoch: number, from: number, to: number, nowMs: number): void {
    if (epoch !== this.epoch) this.forget(epoch);
    if (to <= this.newestTo) return;
    this.since ??= nowMs;
    this.newestTo = to;
    this.partS = to - from;
    this.offset = nowMs - to * 1000;
    if (nowMs - this.halfSince >= USUAL_HALF_MS) {
      this.older = this.least;
      this.least = Number.POSITIVE_INFINITY;
      this.halfSince = nowMs;
    }
    this.least = Math.min(this.least, this.offset);
  }

  /** How late the newest part came, or how long the next one is overdue where that is more; 0 where that is in time. */
  lateMs(nowMs: number): number {
    if (this.since === null || nowMs - this.since < SETTLED_MS) return 0;
    const next = nowMs - (this.newestTo + this.partS) * 1000;
    const late = Math.max(this.offset, next) - Math.min(this.least, this.older);
    return late > LATE_MS ? Math.round(late) : 0;
  }

  /** Nothing is known any more: another timeline, or nothing is expected. */
  forget(epoch = -1): void {
    this.epoch = epoch;
    this.newestTo = 0;
    this.least = this.older = Number.POSITIVE_INFINITY;
    this.since = null;
  }
}
