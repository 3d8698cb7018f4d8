/**
 * The console's board: which lane a question stands in, what a moderator's verb makes of it, where the selection goes. Pure.
 *
 *     review ──queue──► queue ──next/air──► stage ──answered──► answered          dismiss: out of any lane into `aside`
 *
 * What surprises: `queue` is also the way back, from the stage, from the answered ones and from those set aside.
 */
import { byVotes, type Board } from "./board";
import type { Question, QuestionState } from "./protocol";

export type Lane = "review" | "queue" | "stage" | "answered" | "aside";

const STATES: Record<Lane, readonly QuestionState[]> = {
  review: ["pending"],
  queue: ["published"],
  stage: ["now", "next"],
  answered: ["answered"],
  aside: ["declined", "hidden"],
};

export type Verb = "queue" | "dismiss" | "next" | "air" | "answered";
/** UX.md section 3. */
export const VERB_KEYS: Readonly<Record<string, Verb>> = { a: "queue", d: "dismiss", n: "next", o: "air", e: "answered" };

const TARGETS: Record<QuestionState, Partial<Record<Verb, QuestionState>>> = {
  pending: { queue: "published", dismiss: "declined", next: "next", air: "now" },
  published: { next: "next", air: "now", answered: "answered", dismiss: "hidden" },
  next: { air: "now", answered: "answered", queue: "published", dismiss: "hidden" },
  now: { answered: "answered", queue: "published", next: "next", dismiss: "hidden" },
  answered: { queue: "published", dismiss: "hidden" },
  declined: { queue: "published" },
  hidden: { queue: "published" },
  merged: {},
  withdrawn: {},
  archived: {},
};

/** What the verb makes of a question in this state; null: it makes nothing. */
export function target(state: QuestionState, verb: Verb): QuestionState | null {
  return TARGETS[state][verb] ?? null;
}

/** What may be done with a question; after the event's end nothing goes on air any more, tidying still does. */
export function verbsFor(state: QuestionState, isOver = false): readonly Verb[] {
  const verbs = Object.keys(TARGETS[state]) as Verb[];
  return isOver ? verbs.filter((verb) => verb !== "air" && verb !== "next") : verbs;
}

export type Lanes = Readonly<Record<Lane, readonly Question[]>>;

const oldestFirst = (a: Question, b: Question) => a.at - b.at || (a.id < b.id ? -1 : 1);
const latestMoveFirst = (a: Question, b: Question) => b.state_at - a.state_at || (a.id < b.id ? -1 : 1);

/** Every question in its lane: to review oldest first, the queue by votes, the others by when they came there. */
export function lanesOf(board: Board, search = ""): Lanes {
  const wanted = search.trim().toLocaleLowerCase();
  const all = [...board.questions.values()].filter((one) => matches(one, wanted));
  const inLane = (lane: Lane) => all.filter((one) => STATES[lane].includes(one.state));
  return {
    review: inLane("review").sort(oldestFirst),
    queue: inLane("queue").sort(byVotes(board)),
    stage: inLane("stage").sort((a, b) => STATES.stage.indexOf(a.state) - STATES.stage.indexOf(b.state)),
    answered: inLane("answered").sort(latestMoveFirst),
    aside: inLane("aside").sort(latestMoveFirst),
  };
}

function matches(question: Question, wanted: string): boolean {
  if (!wanted) return true;
  return `${question.text} ${question.author ?? ""}`.toLocaleLowerCase().includes(wanted);
}

export interface Selection {
  readonly lane: Lane;
  /** Null in an empty lane. */
  readonly id: string | null;
  /** Where in the lane it stood: whoever moves a card on goes on with the next one at its place. */
  readonly index: number;
}

export const NOTHING: Selection = { lane: "review", id: null, index: 0 };

export function select(lanes: Lanes, lane: Lane, index: number): Selection {
  const within = Math.max(0, Math.min(index, lanes[lane].length - 1));
  return { lane, index: within, id: lanes[lane][within]?.id ?? null };
}

/** The selection after the board changed: it follows its card within the lane, or stays at its place in it. */
export function keep(lanes: Lanes, selection: Selection): Selection {
  const index = lanes[selection.lane].findIndex((one) => one.id === selection.id);
  const next = select(lanes, selection.lane, index < 0 ? selection.index : index);
  return next.id === selection.id && next.index === selection.index ? selection : next;
}

/** J and K: within the lane, never across. */
export function step(lanes: Lanes, selection: Selection, by: 1 | -1): Selection {
  return selection.id === null ? select(lanes, selection.lane, 0) : select(lanes, selection.lane, selection.index + by);
}

/** H and L: to the neighbouring lane among the visible ones. */
export function across(lanes: Lanes, selection: Selection, by: 1 | -1, visible: readonly Lane[]): Selection {
  const at = Math.max(0, visible.indexOf(selection.lane));
  const lane = visible[Math.max(0, Math.min(at + by, visible.length - 1))] ?? selection.lane;
  return lane === selection.lane ? selection : select(lanes, lane, 0);
}
