/**
 * Which of several addresses to go to: the best that has not failed lately. Shared by all of a page that asks edges for media, so
 * that what one of them found dead the others do not try; each join answer brings it up to date.
 */

/** An edge that was lost is back after a restart, or somebody looks after it; until then the others come first. */
const AVOIDED_MS = 60_000;

export class Roster {
  private readonly failedAt = new Map<string, number>();

  /** Best first. */
  constructor(private addresses: readonly string[]) {}

  /** What is known of those that stay is kept. */
  update(addresses: readonly string[]): void {
    this.addresses = addresses;
    for (const known of this.failedAt.keys()) if (!addresses.includes(known)) this.failedAt.delete(known);
  }

  get size(): number {
    return this.addresses.length;
  }

  failed(address: string, nowMs: number): void {
    this.failedAt.set(address, nowMs);
  }

  hasFailed(address: string, nowMs: number): boolean {
    return nowMs - (this.failedAt.get(address) ?? Number.NEGATIVE_INFINITY) < AVOIDED_MS;
  }

  haveAllFailed(nowMs: number): boolean {
    return this.addresses.every((address) => this.hasFailed(address, nowMs));
  }

  /** Whether somebody found it dead after this. */
  failedSince(address: string, sinceMs: number): boolean {
    return (this.failedAt.get(address) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  /** Those that failed lately come last, the longest ago first; `except` only where there is nothing else. */
  next(nowMs: number, except: readonly string[] = []): string {
    const rank = (address: string) => (this.hasFailed(address, nowMs) ? (this.failedAt.get(address) ?? 0) : Number.NEGATIVE_INFINITY);
    const byRank = [...this.addresses].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
    return byRank.find((address) => !except.includes(address)) ?? byRank[0] ?? "";
  }

  /** Every address but this one, in the order to try them. */
  others(address: string, nowMs: number): string[] {
    const others: string[] = [];
    while (others.length < this.addresses.length - 1) others.push(this.next(nowMs, [address, ...others]));
    return others;
  }
}
