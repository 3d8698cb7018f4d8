/** The rungs a person may choose, and which one a page begins with. */
import { AUTO } from "./auto";
import type { Programme, Rendition } from "./wire";

export { AUTO };

/** The choice "sound without picture"; never a rendition's name, which end in a height. */
export const AUDIO_ONLY = "audio-only";

export interface Rung {
  readonly choice: string;
  readonly height: number;
  readonly bitrateBps: number;
}

export function videos(renditions: readonly Rendition[]): Rendition[] {
  return renditions.filter((r) => r.kind === "video").sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
}

export function audio(renditions: readonly Rendition[]): Rendition | undefined {
  return renditions.find((r) => r.kind === "audio");
}

/** Largest first, audio only last; the bitrate of a picture includes the sound that comes with it. */
export function rungs(programme: Programme): Rung[] {
  const sound = audio(programme.renditions);
  const all = videos(programme.renditions).map((r) => ({
    choice: r.name,
    height: r.height ?? 0,
    bitrateBps: r.bitrate_bps + (sound?.bitrate_bps ?? 0),
  }));
  return sound ? [...all, { choice: AUDIO_ONLY, height: 0, bitrateBps: sound.bitrate_bps }] : all;
}

/** What the person chose last time while it exists, else the server chooses. */
export function firstChoice(programme: Programme, remembered: string | null): string {
  const isOffered = rungs(programme).some((rung) => rung.choice === remembered);
  if (remembered !== null && isOffered) return remembered;
  return videos(programme.renditions).length > 0 ? AUTO : AUDIO_ONLY;
}
