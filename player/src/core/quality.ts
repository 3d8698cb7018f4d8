/** The rungs a person may choose, and which one a page begins with. */
import { AUTO, type Programme, type Rendition } from "./wire";

export { AUTO };

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

/** What the person chose last time while it exists, else the server chooses. */
export function firstChoice(programme: Programme, remembered: string | null): string {
  const isOffered = rungs(programme).some((rung) => rung.choice === remembered);
  if (remembered !== null && isOffered) return remembered;
  return videos(programme.renditions).length > 0 ? AUTO : AUDIO_ONLY;
}

/** The largest picture worth sending: more lines than the screen shows are paid for and not seen; a quarter more still sharpens. */
export function largestFor(programme: Programme, screenLines: number): string {
  const pictures = videos(programme.renditions);
  const fitting = pictures.find((rendition) => (rendition.height ?? 0) <= screenLines * 1.25) ?? pictures.at(-1);
  return fitting?.name ?? "";
}

/** What one line is asked for: names of renditions, and with AUTO the largest. */
export interface Wanted {
  readonly renditions: readonly string[];
  readonly most: string;
}

export const NOTHING: Wanted = { renditions: [], most: "" };

/**
 * What to ask of the first line, and of the second that is beside it: a line for each, so that sound never queues behind a
 * picture that the line does not carry. One line where there is only one kind.
 */
export function linesFor(programme: Programme, choice: string, screenLines: number): readonly [Wanted, Wanted] {
  const sound = audio(programme.renditions)?.name;
  const known = programme.renditions.find((r) => r.kind === "video" && r.name === choice)?.name;
  const picture = choice === AUTO ? AUTO : known;
  const heard = sound === undefined ? NOTHING : { renditions: [sound], most: "" };
  if (picture === undefined) return [heard, NOTHING];
  return [{ renditions: [picture], most: picture === AUTO ? largestFor(programme, screenLines) : "" }, heard];
}

/** One line for both: picture first. */
export function subscriptionFor(programme: Programme, choice: string): string[] {
  return linesFor(programme, choice, 0).flatMap((wanted) => wanted.renditions);
}
