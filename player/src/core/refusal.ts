import type { QuestionState } from "./protocol";

/** The audience socket said no to a command: `code` is stable, `current` says what is true instead. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly current?: QuestionState,
    /** Who made it so, as far as we may know. */
    readonly by?: string,
  ) {
    super(message);
  }
}
