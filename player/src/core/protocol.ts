/**
 * The audience socket `plenum.qna.1` as values: what we send, what comes, and how text becomes one of them.
 *
 * With qna/protocol.py the only places that know the JSON. A message of an unknown type reads as null and is ignored, so
 * that an older page survives a newer server; broken JSON too, since the socket's own checks (id and prev) notice a loss.
 */
import type { EventState, Moderation, Role } from "./event";

export const SUBPROTOCOL = "plenum.qna.1";
export const VERSION = 1;
export const TEXT_MIN = 10;
export const TEXT_MAX = 500;

export type QuestionState =
  | "pending"
  | "published"
  | "next"
  | "now"
  | "answered"
  | "declined"
  | "hidden"
  | "merged"
  | "withdrawn"
  | "archived";

export interface Question {
  readonly id: string;
  readonly text: string;
  /** Null for a confidential question, on every screen. */
  readonly author: string | null;
  readonly conf: boolean;
  readonly lang: string;
  readonly state: QuestionState;
  /** Asked at, in Unix milliseconds. */
  readonly at: number;
  readonly state_at: number;
  readonly reason?: string;
}

export interface Box {
  readonly mode: Moderation;
  readonly open: boolean;
}

/** Whether the question store answers: `stale` means the server shows what it knew last. */
export type StoreState = "up" | "down" | "stale";

export interface EventOnBoard {
  readonly state: EventState;
  readonly live_at_ms: number;
  readonly ended_at_ms: number;
}

export interface Snapshot {
  readonly t: "snap";
  readonly id: string;
  readonly ep: string;
  readonly v: number;
  readonly questions: readonly Question[];
  readonly votes: Readonly<Record<string, number>>;
  readonly me: { readonly voted: readonly string[]; readonly mine: readonly string[] };
  readonly box: Box;
  readonly event: EventOnBoard;
  readonly aud: number;
}

export type Happening =
  | { readonly k: "q.new"; readonly d: { readonly question: Question } }
  | { readonly k: "q.state"; readonly d: StateChange }
  | { readonly k: "box"; readonly d: Box }
  | { readonly k: "event.state"; readonly d: { readonly state: EventState; readonly at: number } };

export interface StateChange {
  readonly q: string;
  readonly from: QuestionState;
  readonly to: QuestionState;
  readonly at: number;
  readonly reason?: string;
  /** The whole question where this audience may not know it yet. */
  readonly question?: Question;
}

/** `prev` is the id of the event before this one for this audience: a mismatch proves that something is missing. */
export type LogEvent = { readonly t: "ev"; readonly id: string; readonly prev: string } & Happening;

export interface Tally {
  readonly t: "tally";
  readonly v: number;
  readonly q: Readonly<Record<string, number>>;
  readonly aud: number;
}

export interface Welcome {
  readonly t: "welcome";
  readonly role: Role;
  readonly name: string;
  readonly limits: { readonly ask_min: number; readonly ask_max: number };
  readonly tick_hz: number;
  readonly server_time_ms: number;
}

/** The answer to a vote carries its `n`, to anything else its `cid`. */
export interface Accepted {
  readonly t: "ok";
  readonly n?: number;
  readonly cid?: string;
  readonly r: { readonly q?: string; readonly votes?: number; readonly state?: QuestionState };
}

export interface Refused {
  readonly t: "err";
  readonly n?: number;
  readonly cid?: string;
  readonly code: string;
  readonly message: string;
  readonly retry_ms?: number;
  /** With `stale_state`: what the question is now. */
  readonly current?: QuestionState;
  /** … and who made it so. */
  readonly by?: string;
}

export type ServerMessage =
  | Welcome
  | Snapshot
  | LogEvent
  | Tally
  | Accepted
  | Refused
  | { readonly t: "state"; readonly store: StoreState }
  | { readonly t: "resync"; readonly reason: string }
  | { readonly t: "bye"; readonly code: string; readonly retry_ms?: number }
  | { readonly t: "ping" };

export interface Position {
  readonly id: string;
  readonly ep: string;
}

/** Whose view to be given: that of the ticket's role, or the audience's (a producer on the watch page). */
export type View = "role" | "viewer";

export interface Hello {
  readonly t: "hello";
  readonly ticket: string;
  readonly v: typeof VERSION;
  readonly as: View;
  /** Resume after this event instead of a snapshot. */
  readonly last?: Position;
}

export type Vote = { readonly t: "vote"; readonly n: number; readonly q: string; readonly on: boolean };

export type Command =
  | { readonly t: "ask"; readonly cid: string; readonly text: string; readonly conf: boolean; readonly lang: string }
  | {
      readonly t: "mod";
      readonly cid: string;
      readonly q: string;
      readonly from: QuestionState;
      readonly to: QuestionState;
      readonly reason?: string;
    }
  | { readonly t: "box"; readonly cid: string; readonly mode?: Moderation; readonly open?: boolean };

export type ClientMessage =
  | Hello
  | { readonly t: "pong" }
  | Vote
  | Command;

const KNOWN: ReadonlySet<string> = new Set([
  "welcome",
  "snap",
  "ev",
  "tally",
  "ok",
  "err",
  "state",
  "resync",
  "bye",
  "ping",
]);

export function readServerMessage(text: string): ServerMessage | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    const { t } = value as { t?: unknown };
    return typeof t === "string" && KNOWN.has(t) ? (value as ServerMessage) : null;
  } catch {
    return null;
  }
}

/** The text as it will be stored, and whether it may be sent. Length counts what a person would count: code points. */
export function checkText(raw: string, limits = { ask_min: TEXT_MIN, ask_max: TEXT_MAX }): "ok" | "too_short" | "too_long" {
  const length = lengthOf(raw.trim());
  if (length < limits.ask_min) return "too_short";
  return length > limits.ask_max ? "too_long" : "ok";
}

export function lengthOf(text: string): number {
  return [...text].length;
}
