/** The shared words, and how an error's stable code becomes a sentence in the reader's language. */
import { Problem } from "../core/problem";
import { de } from "./de/common";
import { en } from "./en/common";
import { words } from "./index";

export const common = words({ en, de });

/** A sentence for a person: by the code where we know it, else what the server said. */
export function sentenceFor(error: unknown): string {
  if (!(error instanceof Problem)) return common().errors["internal"] ?? String(error);
  return common().errors[error.code] ?? error.message;
}
