import { Refusal } from "../core/refusal";
import { de } from "./de/questions";
import { en } from "./en/questions";
import { words } from "./index";

export const questions = words({ en, de });

/** Why the board said no, as a sentence; the server's own English where we have none. */
export function refusalSentence(error: unknown): string {
  if (!(error instanceof Refusal)) return String(error);
  return questions().errors[error.code] ?? error.message;
}

/** A moderator's reason: one of the menu's codes in the reader's language, or the moderator's own words. */
export function reasonWords(reason: string): string {
  return questions().reasons[reason] ?? reason;
}
