/** What the lines of a page are asked for; apart from core/quality.ts, since only a page that plays needs it. */
import { AUTO, audio, videos } from "./quality";
import type { Programme } from "./wire";

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
