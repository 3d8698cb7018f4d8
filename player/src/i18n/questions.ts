import { Refusal } from "../core/refusal";
import { de } from "./de/questions";
import { en } from "./en/questions";
import { sentenceOf } from "./errors";
import { words } from "./index";

export const questions = words({ en, de });

/** Why the board said no, as a sentence; the server's own English where we have none. */
export function refusalSentence(error: unknown): string {
  if (!(error instanceof Refusal)) return String(error);
  return wordsFor(error.code) ?? error.message;
}

function wordsFor(code: string): string | undefined {
  return questions().errors[code] ?? sentenceOf(code);
}

/** Why the server will not have this page at all. */
export function refusedWords(code: string): string {
  return wordsFor(code) ?? questions().shutOut;
}

/** Why the server sent this page away for a while; undefined where it is its own affair (a restart). */
export function sentAwayWords(code: string | undefined): string | undefined {
  return code === "too_many_sockets" || code === "full" ? wordsFor(code) : undefined;
}

/** A moderator's reason: one of the menu's codes in the reader's language, or the moderator's own words. */
export function reasonWords(reason: string): string {
  return questions().reasons[reason] ?? reason;
}
