/** A small board to start from; tests say only what matters to them. */
import { fromSnapshot, type Board } from "../../src/core/board";
import type { LogEvent, Question, QuestionState, Snapshot } from "../../src/core/protocol";

export function question(id: string, state: QuestionState = "published", more: Partial<Question> = {}): Question {
  return { id, text: `Question ${id}?`, author: "Ada", conf: false, lang: "en", state, at: 1000, state_at: 1000, ...more };
}

export function snapshot(questions: readonly Question[], more: Partial<Snapshot> = {}): Snapshot {
  return {
    t: "snap",
    id: "5-0",
    ep: "e1",
    v: 1,
    questions,
    votes: {},
    me: { voted: [], mine: [] },
    box: { mode: "pre", open: true },
    event: { state: "live", live_at_ms: 500, ended_at_ms: 0 },
    aud: 3,
    ...more,
  };
}

export function board(questions: readonly Question[], more: Partial<Snapshot> = {}): Board {
  return fromSnapshot(snapshot(questions, more));
}

export function moved(q: string, from: QuestionState, to: QuestionState, more: object = {}): LogEvent {
  return { t: "ev", id: "6-0", prev: "5-0", k: "q.state", d: { q, from, to, at: 2000, ...more } };
}
