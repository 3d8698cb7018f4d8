/** The rungs a person may choose, and which one a page begins with. */
import type { Programme, Rendition } from "./wire";

/** The choice "sound without picture"; never a rendition's name, which end in a height. */
export const AUDIO_ONLY = "audio-only";

export interface Rung {
  readonly choice: string;
  readonly height: number;
  readonly bitrateBps: number;
}

function videos(renditions: readonly Rendition[]): Rendition[] {
  return renditions.filter((r) => r.kind === "video").sort((a, b) => (b.height ?? 0) - (a.height ?? 0));
}

function audio(renditions: readonly Rendition[]): Rendition | undefined {
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

/** More lines than the screen shows are paid for and not seen; a quarter more still sharpens. */
export function firstChoice(programme: Programme, remembered: string | null, screenLines: number): string {
  const offered = rungs(programme);
  if (remembered !== null && offered.some((rung) => rung.choice === remembered)) return remembered;
  const pictures = offered.filter((rung) => rung.choice !== AUDIO_ONLY);
  const fitting = pictures.find((rung) => rung.height <= screenLines * 1.25) ?? pictures.at(-1);
  return fitting?.choice ?? AUDIO_ONLY;
}

/** What to subscribe to for a choice: names of renditions, picture first. */
export function subscriptionFor(programme: Programme, choice: string): string[] {
  const sound = audio(programme.renditions)?.name;
  const picture = choice === AUDIO_ONLY ? undefined : programme.renditions.find((r) => r.name === choice)?.name;
  return [picture, sound].filter((name) => name !== undefined);
}
