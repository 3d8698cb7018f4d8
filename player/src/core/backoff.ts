/** How long to wait before the next attempt. Jitter is not decoration: 2,000 pages lose their server in the same instant. */

export interface Backoff {
  /** Wait before the first attempt, doubled for each that follows. */
  readonly firstMs: number;
  readonly mostMs: number;
}

/** `attempt` counts from 1; `random` in [0, 1). The wait lies between half and one and a half of the doubling base. */
export function waitMs(backoff: Backoff, attempt: number, random: number): number {
  const base = Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.min(attempt - 1, 16));
  return Math.round(base * (0.5 + random));
}

/** What a server asked for, spread by up to half of it (at least 250 ms) so that its clients do not return as one. */
export function askedWaitMs(retryMs: number, random: number): number {
  return Math.round(retryMs + random * Math.max(250, retryMs / 2));
}
