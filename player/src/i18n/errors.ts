/** How an error's stable code becomes a sentence in the reader's language. */
import { Problem } from "../core/problem";
import { de } from "./de/errors";
import { en } from "./en/errors";
import { words } from "./index";

const errors = words<Record<string, string>>({ en, de });

/** The sentence for a code; undefined where we have none. */
export function sentenceOf(code: string): string | undefined {
  return errors()[code];
}

/** A sentence for a person: by the code where we know it, else what the server said. */
export function sentenceFor(error: unknown): string {
  if (!(error instanceof Problem)) return sentenceOf("internal") ?? String(error);
  return sentenceOf(error.code) ?? error.message;
}
