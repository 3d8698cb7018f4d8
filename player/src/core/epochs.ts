/**
 * Joins timelines: media of a new epoch counts from another zero, and follows on the page where the old one ended.
 *
 * Picture and sound may learn of it on lines of their own, so the first part that comes decides for both; until then the other
 * goes on with the old epoch.
 */

const MOST_KNOWN = 8;

export class Epochs {
  private readonly offsets = new Map<number, number>();

  /** Seconds to add to this epoch's media times; `end` is where what is held ends, `start` where the new epoch begins. */
  offsetOf(epoch: number, startS: number, endS: number | null): number {
    const known = this.offsets.get(epoch);
    if (known !== undefined) return known;
    const offset = this.offsets.size === 0 || endS === null ? 0 : endS - startS;
    this.offsets.set(epoch, offset);
    const oldest = this.offsets.keys().next().value;
    if (this.offsets.size > MOST_KNOWN && oldest !== undefined) this.offsets.delete(oldest);
    return offset;
  }

  forget(): void {
    this.offsets.clear();
  }
}
