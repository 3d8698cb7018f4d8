/**
 * What was said to the server and not answered yet. Pure; time is an argument.
 *
 * A command stays here until its answer came, through any number of reconnects: it carries its own id (`cid`, or `n` for
 * a vote), so sending it again does nothing twice. Votes keep one wish per question, the newest; asks are few because a
 * person types them. Full (64) refuses, which a person only meets when the server has been away for long.
 */
import type { Command, Vote } from "./protocol";

export const MOST = 64;
/** Older ones are given up: the server knows a repeated question for 24 hours (qna/scripts/ask.lua), then it would be a second one. */
export const LIFE_MS = 20 * 3_600_000;

interface Waiting {
  readonly message: Vote | Command;
  /** Not before this moment (ms); 0: may go at once. Infinity: sent, the answer is awaited. */
  readonly notBeforeMs: number;
  readonly saidAtMs: number;
}

export type Key = string;

export interface Outbox {
  readonly waiting: ReadonlyMap<Key, Waiting>;
}

export const EMPTY: Outbox = { waiting: new Map() };

export function keyOf(message: { n?: number | undefined; cid?: string | undefined }): Key {
  return message.cid !== undefined ? `c${message.cid}` : `n${message.n}`;
}

function with_(outbox: Outbox, change: (waiting: Map<Key, Waiting>) => void): Outbox {
  const waiting = new Map(outbox.waiting);
  change(waiting);
  return { waiting };
}

/** Null when the outbox is full. */
export function put(outbox: Outbox, message: Vote | Command, nowMs: number): Outbox | null {
  const replaced = message.t === "vote" ? voteFor(outbox, message.q) : null;
  if (!replaced && outbox.waiting.size >= MOST) return null;
  return with_(outbox, (waiting) => {
    if (replaced) waiting.delete(keyOf(replaced));
    waiting.set(keyOf(message), { message, notBeforeMs: 0, saidAtMs: nowMs });
  });
}

/** The answer came: what it answered (null when nothing waits for it), and the outbox without it. */
export function settle(outbox: Outbox, answer: { n?: number; cid?: string }): [Vote | Command | null, Outbox] {
  const key = keyOf(answer);
  const found = outbox.waiting.get(key);
  if (!found) return [null, outbox];
  return [found.message, with_(outbox, (waiting) => waiting.delete(key))];
}

/** The server asks to come back later with it. */
export function postpone(outbox: Outbox, answer: { n?: number; cid?: string }, untilMs: number): Outbox {
  const key = keyOf(answer);
  const found = outbox.waiting.get(key);
  return found ? with_(outbox, (waiting) => waiting.set(key, { ...found, notBeforeMs: untilMs })) : outbox;
}

/** What may be sent now, in the order in which it was said, and the outbox that knows it is under way. */
export function take(outbox: Outbox, nowMs: number): [readonly (Vote | Command)[], Outbox] {
  const due = [...outbox.waiting].filter(([, waiting]) => waiting.notBeforeMs <= nowMs);
  if (!due.length) return [[], outbox];
  const next = with_(outbox, (all) => {
    for (const [key, waiting] of due) all.set(key, { ...waiting, notBeforeMs: Infinity });
  });
  return [due.map(([, waiting]) => waiting.message), next];
}

/** A new connection, or the store is back: everything unanswered may go again. */
export function rewind(outbox: Outbox): Outbox {
  return with_(outbox, (waiting) => {
    for (const [key, one] of waiting) waiting.set(key, { ...one, notBeforeMs: 0 });
  });
}

/** What has waited for too long to be sent again, and the outbox without it. */
export function giveUp(outbox: Outbox, nowMs: number): [readonly (Vote | Command)[], Outbox] {
  const old = [...outbox.waiting].filter(([, waiting]) => nowMs - waiting.saidAtMs > LIFE_MS);
  if (!old.length) return [[], outbox];
  return [old.map(([, waiting]) => waiting.message), with_(outbox, (all) => old.forEach(([key]) => all.delete(key)))];
}

/** When the next postponed message is due; null when none is. */
export function nextDueMs(outbox: Outbox): number | null {
  const due = [...outbox.waiting.values()].map((one) => one.notBeforeMs).filter((ms) => ms > 0 && ms !== Infinity);
  return due.length ? Math.min(...due) : null;
}

/** The unanswered vote on a question, if there is one. */
export function voteFor(outbox: Outbox, question: string): Vote | null {
  for (const { message } of outbox.waiting.values()) if (message.t === "vote" && message.q === question) return message;
  return null;
}

/** The unanswered moderation of a question, if there is one. */
export function moderationOf(outbox: Outbox, question: string): Command | null {
  for (const { message } of outbox.waiting.values()) if (message.t === "mod" && message.q === question) return message;
  return null;
}

export function asks(outbox: Outbox): readonly Extract<Command, { t: "ask" }>[] {
  return [...outbox.waiting.values()].flatMap(({ message }) => (message.t === "ask" ? [message] : []));
}
