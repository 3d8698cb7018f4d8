import { de } from "./de/home";
import { en } from "./en/home";
import { sentenceOf } from "./errors";
import { words } from "./index";

export const home = words({ en, de });

/** Why an invitation link led here, by the code in the address: a person has to open the link again, not this page. */
export function linkSentence(code: string): string {
  const failures = home().linkFailures;
  return failures[code] ?? sentenceOf(code) ?? failures.internal ?? code;
}
