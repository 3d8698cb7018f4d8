import { expect, test } from "vitest";

import { asks, EMPTY, giveUp, LIFE_MS, MOST, moderationOf, nextDueMs, postpone, put, rewind, settle, take, voteFor, type Outbox } from "../../src/core/outbox";
import type { Command, Vote } from "../../src/core/protocol";

const vote = (n: number, q: string, on = true): Vote => ({ t: "vote", n, q, on });
const ask = (cid: string): Command => ({ t: "ask", cid, text: "What will it cost us?", conf: false, lang: "en" });

function filled(...messages: (Vote | Command)[]): Outbox {
  return messages.reduce<Outbox>((outbox, message) => put(outbox, message, 0) ?? outbox, EMPTY);
}

test("what is under way is not sent again before the line breaks", () => {
  const [first, sent] = take(filled(ask("c1"), vote(1, "q")), 100);
  expect(first).toHaveLength(2);
  expect(take(sent, 200)[0]).toEqual([]);
});

test("after a reconnect everything unanswered goes again, in the order in which it was said", () => {
  const [, sent] = take(filled(ask("c1"), vote(1, "q"), ask("c2")), 100);
  const [, answered] = settle(sent, { n: 1 });
  expect(take(rewind(answered), 200)[0]).toEqual([ask("c1"), ask("c2")]);
});

test("a question keeps one wish, the newest", () => {
  const outbox = filled(vote(1, "q", true), vote(2, "q", false));
  expect(voteFor(outbox, "q")).toEqual(vote(2, "q", false));
  expect(outbox.waiting.size).toBe(1);
});

test("the answer to a wish that was replaced settles nothing", () => {
  const outbox = filled(vote(1, "q", true), vote(2, "q", false));
  expect(settle(outbox, { n: 1 })[0]).toBeNull();
});

test("a postponed message waits for its time", () => {
  const [, sent] = take(filled(ask("c1")), 100);
  const later = postpone(sent, { cid: "c1" }, 900);
  expect(nextDueMs(later)).toBe(900);
  expect(take(later, 899)[0]).toEqual([]);
  expect(take(later, 900)[0]).toEqual([ask("c1")]);
});

test("a vote and a command of the same number are told apart", () => {
  const outbox = filled(vote(1, "q"), ask("1"));
  expect(settle(outbox, { cid: "1" })[0]).toEqual(ask("1"));
  expect(settle(outbox, { n: 1 })[0]).toEqual(vote(1, "q"));
});

test("a full outbox refuses, but a changed wish still finds its place", () => {
  let outbox = filled(...Array.from({ length: MOST }, (_, n) => vote(n, `q${n}`)));
  expect(put(outbox, ask("c"), 0)).toBeNull();
  outbox = put(outbox, vote(1000, "q3", false), 0) as Outbox;
  expect(voteFor(outbox, "q3")).toEqual(vote(1000, "q3", false));
});

test("it tells which questions are being asked and moved", () => {
  const move: Command = { t: "mod", cid: "m", q: "q7", from: "pending", to: "published" };
  const outbox = filled(ask("c1"), move);
  expect(asks(outbox)).toEqual([ask("c1")]);
  expect(moderationOf(outbox, "q7")).toEqual(move);
  expect(moderationOf(outbox, "q8")).toBeNull();
});

test("what has waited for longer than the server remembers it is given up", () => {
  const outbox = put(filled(ask("c1")), ask("c2"), 1000) as Outbox;
  expect(giveUp(outbox, LIFE_MS)[0]).toEqual([]);
  const [old, rest] = giveUp(outbox, LIFE_MS + 1);
  expect(old).toEqual([ask("c1")]);
  expect(asks(rest)).toEqual([ask("c2")]);
});
