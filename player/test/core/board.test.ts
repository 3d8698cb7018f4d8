import { describe, expect, test } from "vitest";

import { follow, listed, voteStand, votesOf, withMine, withTally, withVote, type Board } from "../../src/core/board";
import type { LogEvent } from "../../src/core/protocol";
import { board, moved, question } from "./boards";

function after(start: Board, event: LogEvent, isStaff = false): Board {
  const next = follow(start, event, isStaff);
  if (next === "gap") throw new Error("the chain broke");
  return next;
}

describe("following the log", () => {
  test("an event that does not continue the chain is a gap", () => {
    const event = { ...moved("a", "published", "now"), prev: "4-0" };
    expect(follow(board([question("a")]), event, false)).toBe("gap");
  });

  test("an event that is known already changes nothing", () => {
    const start = board([question("a")]);
    expect(follow(start, { ...moved("a", "published", "now"), id: "5-0", prev: "4-0" }, false)).toBe(start);
  });

  test("an event moves the position on, also one of a kind we do not know", () => {
    const event = { t: "ev", id: "6-0", prev: "5-0", k: "q.sung", d: {} } as unknown as LogEvent;
    expect(after(board([]), event).at).toEqual({ id: "6-0", ep: "e1" });
  });

  test("a question changes its state and forgets the reason of the state before", () => {
    const start = board([question("a", "hidden", { reason: "duplicate" })]);
    const now = after(start, moved("a", "hidden", "published"), true).questions.get("a");
    expect(now).toMatchObject({ state: "published", state_at: 2000 });
    expect(now).not.toHaveProperty("reason");
  });

  test("what is taken down leaves the audience's board", () => {
    expect(after(board([question("a")]), moved("a", "published", "hidden")).questions.has("a")).toBe(false);
  });

  test("staff keep what is taken down, with its reason", () => {
    const next = after(board([question("a")]), moved("a", "published", "hidden", { reason: "off_topic" }), true);
    expect(next.questions.get("a")).toMatchObject({ state: "hidden", reason: "off_topic" });
  });

  test("the asker keeps a declined question and reads why", () => {
    const start = board([question("a", "pending")], { me: { voted: [], mine: ["a"] } });
    const next = after(start, moved("a", "pending", "declined", { reason: "elsewhere" }));
    expect(next.questions.get("a")).toMatchObject({ state: "declined", reason: "elsewhere" });
  });

  test("a published question that this audience has never seen comes whole", () => {
    const whole = question("b", "published");
    const next = after(board([]), moved("b", "pending", "published", { question: whole }));
    expect(next.questions.get("b")).toMatchObject({ text: "Question b?", state: "published" });
  });

  test("a move of an unknown question is passed over", () => {
    expect(after(board([]), moved("x", "published", "now")).questions.size).toBe(0);
  });

  test("a question in review that reaches somebody of the audience is their own", () => {
    const event: LogEvent = { t: "ev", id: "6-0", prev: "5-0", k: "q.new", d: { question: question("a", "pending") } };
    expect(after(board([]), event).mine.has("a")).toBe(true);
    expect(after(board([]), event, true).mine.has("a")).toBe(false);
  });

  test("the box and the event's state follow", () => {
    const box: LogEvent = { t: "ev", id: "6-0", prev: "5-0", k: "box", d: { mode: "post", open: false } };
    expect(after(board([]), box).box).toEqual({ mode: "post", open: false });
    const over: LogEvent = { t: "ev", id: "6-0", prev: "5-0", k: "event.state", d: { state: "ended", at: 9000 } };
    expect(after(board([]), over).event).toEqual({ state: "ended", live_at_ms: 500, ended_at_ms: 9000 });
  });
});

describe("votes", () => {
  test("a tally replaces counts and the size of the audience, others stay", () => {
    const start = board([question("a"), question("b")], { votes: { a: 1, b: 2 } });
    const next = withTally(start, { t: "tally", v: 2, q: { a: 7 }, aud: 40 });
    expect([votesOf(next, "a"), votesOf(next, "b"), next.audience]).toEqual([7, 2, 40]);
  });

  test("an acknowledged vote is mine until it is taken back", () => {
    const given = withVote(board([question("a")]), "a", true, 4);
    expect(given.voted.has("a")).toBe(true);
    expect(votesOf(given, "a")).toBe(4);
    expect(withVote(given, "a", false, 3).voted.has("a")).toBe(false);
  });

  test.each([
    ["published", "votable"],
    ["next", "votable"],
    ["now", "now"],
    ["answered", "answered"],
    ["pending", "closed"],
  ] as const)("a %s question's button is %s", (state, stand) => {
    expect(voteStand(board([]), question("a", state))).toBe(stand);
  });

  test("nobody votes for their own question, and a vote given shows", () => {
    const own = withMine(board([question("a")]), "a");
    expect(voteStand(own, question("a"))).toBe("own");
    expect(voteStand(withVote(board([]), "a", true, 1), question("a"))).toBe("voted");
  });
});

describe("the reader's list", () => {
  const questions = [
    question("old", "published", { at: 1 }),
    question("young", "published", { at: 9 }),
    question("loved", "published", { at: 5 }),
    question("air", "now", { at: 3 }),
    question("soon", "next", { at: 4 }),
    question("done", "answered", { at: 2 }),
    question("secret", "pending", { at: 8 }),
  ];
  const all = board(questions, { votes: { loved: 5, done: 99 }, me: { voted: [], mine: ["secret", "old"] } });

  test("by votes: on air and next first, answered last, older first on ties", () => {
    expect(listed(all, "top")).toEqual(["air", "soon", "loved", "old", "young", "done"]);
  });

  test("newest first keeps what is on air above and what is answered below", () => {
    expect(listed(all, "newest")).toEqual(["air", "soon", "young", "loved", "old", "done"]);
  });

  test("mine holds my own in any state, newest first", () => {
    expect(listed(all, "mine")).toEqual(["secret", "old"]);
  });
});
