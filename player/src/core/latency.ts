/**
 * How old the picture is: the capture wall clock of what is on screen against the server's clock.
 *
 * Parts carry the capture time of their first sample; a ledger of the newest ones turns a media time into a wall clock and into
 * the part (msn, index) it belongs to. The viewer's own clock may be wrong by minutes: `ServerClock` learns by how much.
 */

export interface Entry {
  /** Media time in seconds, as the video element counts. */
  readonly from: number;
  readonly to: number;
  readonly wallMs: number;
  readonly msn: number;
  readonly part: number;
}

/** Ten minutes of 200 ms parts: a person may pause as long and still be told how far behind they are. */
const MOST_ENTRIES = 3000;

export class Ledger {
  private readonly entries: Entry[] = [];

  add(entry: Entry): void {
    const last = this.entries.at(-1);
    if (last && entry.from < last.from - 0.001) this.forgetFrom(entry.from);
    this.entries.push(entry);
    if (this.entries.length > MOST_ENTRIES) this.entries.splice(0, MOST_ENTRIES / 10);
  }

  clear(): void {
    this.entries.length = 0;
  }

  /** The part that is on screen at this media time: the last one that has begun. */
  at(mediaTime: number): Entry | null {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.entries[middle] as Entry).from <= mediaTime + 0.001) low = middle + 1;
      else high = middle;
    }
    return this.entries[low - 1] ?? null;
  }

  /** Capture wall clock of a media time, or null where no part covers it. */
  wallMsAt(mediaTime: number): number | null {
    const entry = this.at(mediaTime);
    if (!entry || mediaTime > entry.to + 1) return null;
    return entry.wallMs + (mediaTime - entry.from) * 1000;
  }

  /** The media time that shows this moment, or null where no part covers it. */
  mediaTimeAt(wallMs: number): number | null {
    for (let n = this.entries.length - 1; n >= 0; n -= 1) {
      const { from, to, wallMs: since } = this.entries[n] as Entry;
      const at = from + (wallMs - since) / 1000;
      // A clock's correction may leave a crack of some milliseconds between two parts.
      if (at >= from - 0.001 && at <= to + 0.05) return Math.min(to, at);
    }
    return null;
  }

  get newest(): Entry | null {
    return this.entries.at(-1) ?? null;
  }

  /** A part that starts earlier than the last replaces what was known from there on (a switch re-sends a segment). */
  private forgetFrom(mediaTime: number): void {
    while (this.entries.length > 0 && (this.entries.at(-1) as Entry).from >= mediaTime - 0.001) this.entries.pop();
  }
}

/** The server's clock, from answers that carry it; of several, the one with the shortest way there and back counts. */
export class ServerClock {
  private offsetMs = 0;
  private bestRoundTripMs = Number.POSITIVE_INFINITY;

  learn(serverTimeMs: number, askedAtMs: number, answeredAtMs: number): void {
    const roundTripMs = answeredAtMs - askedAtMs;
    if (roundTripMs < 0 || roundTripMs > this.bestRoundTripMs) return;
    this.bestRoundTripMs = roundTripMs;
    this.offsetMs = serverTimeMs + roundTripMs / 2 - answeredAtMs;
  }

  now(localMs: number): number {
    return localMs + this.offsetMs;
  }
}
