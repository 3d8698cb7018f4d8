/** Loudness as a meter and a person need it: decibels below full scale, a bar's height, and words. */

export const SILENCE_DB = -60;

/** Peak of samples in -1..1 as dBFS, never below SILENCE_DB. */
export function peakDb(samples: Float32Array): number {
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  return peak > 0 ? Math.max(SILENCE_DB, 20 * Math.log10(peak)) : SILENCE_DB;
}

/** Bar height from 0 to 1: speech at -18 dB stands in the middle, red begins at -6 dB. */
export function barHeight(db: number): number {
  const floor = -48;
  if (db <= floor) return 0;
  // Two straight lines: -48..-18 dB fill the lower half, -18..0 dB the upper.
  const height = db < -18 ? (0.5 * (db - floor)) / (-18 - floor) : 0.5 + (0.5 * (db + 18)) / 18;
  return Math.min(1, height);
}

/** A meter falls slower than the voice does, so that the eye can follow. */
export function fall(shownDb: number, measuredDb: number, elapsedMs: number): number {
  const fallen = shownDb - (elapsedMs / 1000) * 30;
  return Math.max(measuredDb, fallen, SILENCE_DB);
}

export type Loudness = "silent" | "quiet" | "good" | "loud";

export function loudnessOf(db: number): Loudness {
  if (db <= -50) return "silent";
  if (db < -34) return "quiet";
  return db > -3 ? "loud" : "good";
}
