/**
 * The board of questions as this browser knows it: a snapshot, then one event after the other. Pure.
 *
 * Nothing here guesses: a state changes when the log says so, a count when a tally or an answer says so. `follow` says
 * `gap` when an event does not continue the chain, and the connection then asks for what is missing.
 */
import type { Box, EventOnBoard, LogEvent, Position, Question, QuestionState, Snapshot, StateChange, Tally } from "./protocol";

export interface Board {
  readonly at: Position;
  readonly questions: ReadonlyMap<string, Question>;
  readonly votes: ReadonlyMap<string, number>;
  readonly voted: ReadonlySet<string>;
  readonly mine: ReadonlySet<string>;
  readonly box: Box;
  readonly event: EventOnBoard;
  readonly audience: number;
}

/** What the audience sees of other people's questions. */
const PUBLIC: ReadonlySet<QuestionState> = new Set(["published", "next", "now", "answered"]);
const VOTABLE: ReadonlySet<QuestionState> = new Set(["published", "next"]);

export function fromSnapshot(snap: Snapshot): Board {
  return {
    at: { id: snap.id, ep: snap.ep },
    questions: new Map(snap.questions.map((question) => [question.id, question])),
    votes: new Map(Object.entries(snap.votes)),
    voted: new Set(snap.me.voted),
    mine: new Set(snap.me.mine),
    box: snap.box,
    event: snap.event,
    audience: snap.aud,
  };
}

/** The board after `event`, or `gap` when an event before it is missing, or the same board when it is known already. */
export function follow(board: Board, event: LogEvent, isStaff: boolean): Board | "gap" {
  if (event.id === board.at.id) return board;
  if (event.prev !== board.at.id) return "gap";
  const next = { ...board, at: { id: event.id, ep: board.at.ep } };
  switch (event.k) {
    case "q.new":
      return withQuestion(next, event.d.question, isStaff);
    case "q.state":
      return afterChange(next, event.d, isStaff);
    case "box":
      return { ...next, box: { mode: event.d.mode, open: event.d.open } };
    case "event.state":
      return { ...next, event: eventAfter(board.event, event.d) };
    default:
      // A kind from a newer server: nothing to show, but the chain goes on.
      return next;
  }
}

function eventAfter(event: EventOnBoard, change: { state: EventOnBoard["state"]; at: number }): EventOnBoard {
  if (change.state === "live") return { ...event, state: "live", live_at_ms: change.at };
  if (change.state === "ended") return { ...event, state: "ended", ended_at_ms: change.at };
  return { ...event, state: change.state };
}

function withQuestion(board: Board, question: Question, isStaff: boolean): Board {
  // Only its author is told of a question that the public does not see.
  const own = !isStaff && !PUBLIC.has(question.state) && !board.mine.has(question.id);
  return {
    ...board,
    questions: new Map(board.questions).set(question.id, question),
    mine: own ? new Set(board.mine).add(question.id) : board.mine,
  };
}

function afterChange(board: Board, change: StateChange, isStaff: boolean): Board {
  const known = change.question ?? board.questions.get(change.q);
  if (!known) return board;
  const stays = isStaff || PUBLIC.has(change.to) || board.mine.has(change.q);
  const questions = new Map(board.questions);
  if (stays) questions.set(change.q, changed(known, change));
  else questions.delete(change.q);
  return { ...board, questions };
}

function changed(question: Question, change: StateChange): Question {
  const { reason: _old, ...rest } = question;
  const next = { ...rest, state: change.to, state_at: change.at };
  return change.reason ? { ...next, reason: change.reason } : next;
}

export function withTally(board: Board, tally: Tally): Board {
  const votes = new Map(board.votes);
  for (const [question, count] of Object.entries(tally.q)) votes.set(question, count);
  return { ...board, votes, audience: tally.aud };
}

/** A vote of ours that the server has acknowledged. */
export function withVote(board: Board, question: string, on: boolean, votes: number | undefined): Board {
  const voted = new Set(board.voted);
  if (on) voted.add(question);
  else voted.delete(question);
  const counts = votes === undefined ? board.votes : new Map(board.votes).set(question, votes);
  return { ...board, voted, votes: counts };
}

/** A question of ours that the server has acknowledged. */
export function withMine(board: Board, question: string): Board {
  return board.mine.has(question) ? board : { ...board, mine: new Set(board.mine).add(question) };
}

export function votesOf(board: Board, question: string): number {
  return board.votes.get(question) ?? 0;
}

export type VoteStand = "votable" | "voted" | "own" | "answered" | "now" | "closed";

/** How the vote button of a question stands, a pending vote left aside. */
export function voteStand(board: Board, question: Question): VoteStand {
  if (question.state === "now") return "now";
  if (question.state === "answered") return "answered";
  if (board.mine.has(question.id)) return "own";
  if (!VOTABLE.has(question.state)) return "closed";
  return board.voted.has(question.id) ? "voted" : "votable";
}

export type Order = "top" | "newest" | "mine";

/** By votes, older first on ties. */
export function byVotes(board: Board): (a: Question, b: Question) => number {
  return (a, b) => votesOf(board, b.id) - votesOf(board, a.id) || a.at - b.at || (a.id < b.id ? -1 : 1);
}

const newestFirst = (a: Question, b: Question) => b.at - a.at || (a.id < b.id ? 1 : -1);

/** What stands above all others whatever the order: on air first, what comes next second, answered ones last. */
function rank(question: Question): number {
  if (question.state === "now") return 0;
  if (question.state === "next") return 1;
  return question.state === "answered" ? 3 : 2;
}

/** The reader's list: the ids in the order in which they are shown. */
export function listed(board: Board, order: Order): readonly string[] {
  const all = [...board.questions.values()];
  if (order === "mine") return all.filter((one) => board.mine.has(one.id)).sort(newestFirst).map((one) => one.id);
  const compare = order === "top" ? byVotes(board) : newestFirst;
  return all
    .filter((one) => PUBLIC.has(one.state))
    .sort((a, b) => rank(a) - rank(b) || compare(a, b))
    .map((one) => one.id);
}

export function inState(board: Board, state: QuestionState): Question | null {
  for (const question of board.questions.values()) if (question.state === state) return question;
  return null;
}
