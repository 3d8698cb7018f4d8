/** Words for spans of time as clocks show them. */

/** "0:24", "12:47", "1:02:03" */
export function clockWords(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export interface Countdown {
  readonly days: number;
  readonly clock: string;
}

/** What is left until `atS`; null when it is due or no time was set. */
export function countdownTo(atS: number, nowMs: number): Countdown | null {
  const left = Math.ceil(atS - nowMs / 1000);
  if (atS <= 0 || left <= 0) return null;
  const days = Math.floor(left / 86_400);
  return { days, clock: clockWords(left % 86_400) };
}
