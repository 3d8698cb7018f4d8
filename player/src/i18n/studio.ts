import type { Problem } from "../core/problem";
import { de } from "./de/studio";
import { en } from "./en/studio";
import { sentenceOf } from "./errors";
import { words } from "./index";

export const studio = words({ en, de });

/** Why going live was refused, and what to do. */
export function refusalWords(problem: Problem): string {
  const { refused } = studio();
  const onAir = problem.extra["on_air"];
  switch (problem.code) {
    case "on_air":
      return refused.on_air(typeof onAir === "string" ? onAir : "");
    case "event_ended":
    case "no_path":
    case "webrtc":
    case "too_many":
    case "replaced":
      return refused[problem.code];
    default:
      return sentenceOf(problem.code) ?? problem.message;
  }
}
