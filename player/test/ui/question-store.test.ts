// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Problem } from "../../src/core/problem";
import { Refusal } from "../../src/core/refusal";
import type { Snapshot, Welcome } from "../../src/core/protocol";
import { QuestionStore } from "../../src/ui/questions/store";
import { moved, question, snapshot } from "../core/boards";
import { newest, pass, ScriptedSocket, scriptSockets } from "./line";

const WELCOME: Welcome = {
  t: "welcome",
  role: "viewer",
  name: "Ada",
  limits: { ask_min: 10, ask_max: 500 },
  tick_hz: 5,
  server_time_ms: 1_000_000,
};
const LONGEST_WAIT_MS = 25_000;

let tickets = 0;
let store: QuestionStore;

async function enter() {
  tickets += 1;
  return { url: "ws://localhost/qna/e/socket", ticket: `ticket-${tickets}`, validUntilMs: Date.now() + 60_000 };
}

async function arrive(snap: Partial<Snapshot> = {}): Promise<void> {
  await pass();
  newest().accept();
  await pass();
  newest().say(WELCOME);
  newest().say(snapshot([question("a"), question("b")], snap));
}

beforeEach(() => {
  vi.useFakeTimers();
  scriptSockets();
  tickets = 0;
  store = new QuestionStore(enter, "viewer");
});

afterEach(() => {
  store.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("coming in", () => {
  test("hello is the first message, with ticket and view, on our subprotocol", async () => {
    await pass();
    newest().accept();
    await pass();
    expect(newest().protocol).toBe("plenum.qna.1");
    expect(newest().heard).toEqual([{ t: "hello", v: 1, as: "viewer", ticket: "ticket-1" }]);
  });

  test("the snapshot is the board", async () => {
    await arrive({ aud: 12 });
    expect(store.board.value?.questions.size).toBe(2);
    expect(store.audience.value).toBe(12);
    expect(store.link.value.is).toBe("open");
  });

  test("whoever may not come in is told once and the page stays silent", async () => {
    store.close();
    const refused = new QuestionStore(() => Promise.reject(new Problem(403, "not_invited", "no")), "viewer");
    await pass(LONGEST_WAIT_MS);
    expect(refused.refused.value).toBe("not_invited");
    expect(refused.link.value.is).toBe("closed");
  });
});

describe("a line that breaks", () => {
  test("the page comes back and asks for what it missed", async () => {
    await arrive();
    newest().break();
    expect(store.link.value.is).toBe("lost");
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    expect(ScriptedSocket.opened).toHaveLength(2);
    expect(newest().heardOf("hello")[0]?.last).toEqual({ id: "5-0", ep: "e1" });
  });

  test("bye with a time is honoured, with one that is negative it is final", async () => {
    await arrive();
    newest().say({ t: "bye", code: "restart", retry_ms: 4000 });
    await pass(3999);
    expect(ScriptedSocket.opened).toHaveLength(1);
    await pass(2001);
    expect(ScriptedSocket.opened).toHaveLength(2);
    newest().accept();
    newest().say({ t: "bye", code: "kicked", retry_ms: -1 });
    await pass(LONGEST_WAIT_MS);
    expect(ScriptedSocket.opened).toHaveLength(2);
    expect(store.refused.value).toBe("kicked");
  });

  test("a server that falls silent counts as lost; a ping is answered and keeps the line", async () => {
    await arrive();
    await pass(40_000);
    newest().say({ t: "ping" });
    expect(newest().heardOf("pong")).toHaveLength(1);
    await pass(40_000);
    expect(store.link.value.is).toBe("open");
    await pass(6_000);
    expect(store.link.value.is).not.toBe("open");
  });

  test("an old ticket is renewed before the next hello", async () => {
    await arrive();
    await pass(30_000);
    newest().say({ t: "ping" });
    await pass(31_000);
    newest().break();
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    expect(newest().heardOf("hello")[0]?.ticket).toBe("ticket-2");
  });
});

describe("the store's state", () => {
  test("a pause that a broken line hid the end of is over with the next welcome", async () => {
    await arrive();
    newest().say({ t: "state", store: "down" });
    newest().break();
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    newest().say(WELCOME);
    expect(store.storeState.value).toBe("up");
    newest().say({ t: "state", store: "stale" });
    expect(store.storeState.value).toBe("stale");
  });

  test("a board from a server without its store is never resumed from, however the line breaks", async () => {
    await pass();
    newest().accept();
    await pass();
    newest().say(WELCOME);
    newest().say({ t: "state", store: "stale" });
    newest().say(snapshot([question("a")]));
    newest().say({ t: "state", store: "up" });
    newest().break();
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    expect(newest().heardOf("hello")[0]).not.toHaveProperty("last");
    newest().say(WELCOME);
    newest().say(snapshot([question("a")]));
    newest().break();
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    expect(newest().heardOf("hello")[0]).toHaveProperty("last");
  });
});

describe("a hello that could not be said on an open line", () => {
  let answer: () => Promise<never> | null;

  async function staleTicketThenResync(): Promise<void> {
    store.close();
    answer = () => null;
    store = new QuestionStore(() => answer() ?? enter(), "viewer");
    await arrive();
    await pass(30_000);
    newest().say({ t: "ping" });
    await pass(31_000);
  }

  test("costs the line, which comes back and still asks for everything", async () => {
    await staleTicketThenResync();
    const before = ScriptedSocket.opened.length;
    answer = () => Promise.reject(new Problem(0, "offline", "no answer"));
    newest().say({ t: "resync", reason: "stale" });
    await pass();
    expect(store.link.value).toMatchObject({ is: "lost", attempt: 1 });
    answer = () => null;
    await pass(LONGEST_WAIT_MS);
    expect(ScriptedSocket.opened).toHaveLength(before + 1);
    newest().accept();
    await pass();
    expect(newest().heardOf("hello")[0]).not.toHaveProperty("last");
  });

  test("is final where the answer is", async () => {
    await staleTicketThenResync();
    answer = () => Promise.reject(new Problem(401, "session_expired", "too old"));
    newest().say({ t: "resync", reason: "stale" });
    await pass();
    expect(store.refused.value).toBe("session_expired");
  });
});

describe("a server that will not have us", () => {
  test("settles whoever waits for an answer, and whoever asks later", async () => {
    await arrive();
    const waits = expect(store.ask("When do we start?", false, "en")).rejects.toMatchObject({ code: "kicked" });
    newest().say({ t: "bye", code: "kicked", retry_ms: -1 });
    await waits;
    expect(store.outbox.value.waiting.size).toBe(0);
    await expect(store.ask("When do we start?", false, "en")).rejects.toMatchObject({ code: "kicked" });
  });

  test("for a while only: the link keeps why", async () => {
    await arrive();
    newest().say({ t: "bye", code: "too_many_sockets", retry_ms: 4000 });
    expect(store.link.value).toMatchObject({ is: "lost", code: "too_many_sockets" });
    await pass(6000);
    newest().break();
    expect(store.link.value).not.toHaveProperty("code");
  });
});

describe("gaps", () => {
  test("a broken chain asks for the missing, and for everything if that does not help", async () => {
    await arrive();
    const later = { ...moved("a", "published", "now"), id: "9-0", prev: "8-0" };
    newest().say(later);
    await pass();
    expect(newest().heardOf("hello")[1]?.last).toEqual({ id: "5-0", ep: "e1" });
    newest().say(WELCOME);
    newest().say(later);
    await pass();
    expect(newest().heardOf("hello")[2]).not.toHaveProperty("last");
    expect(store.onAir.value).toBeNull();
  });

  test("resync asks for everything", async () => {
    await arrive();
    newest().say({ t: "resync", reason: "lagging" });
    await pass();
    expect(newest().heardOf("hello")[1]).not.toHaveProperty("last");
  });
});

describe("votes", () => {
  test("a vote is pending at once and counts when the server says so", async () => {
    await arrive();
    store.vote("a", true);
    expect(store.outbox.value.waiting.size).toBe(1);
    expect(store.board.value?.voted.has("a")).toBe(false);
    newest().say({ t: "ok", n: newest().heardOf("vote")[0]?.n ?? 0, r: { votes: 8 } });
    expect(store.outbox.value.waiting.size).toBe(0);
    expect(store.board.value?.voted.has("a")).toBe(true);
    expect(store.board.value?.votes.get("a")).toBe(8);
  });

  test("a vote whose answer was lost goes again after the reconnect, under the same number", async () => {
    await arrive();
    store.vote("a", true);
    const first = newest().heardOf("vote");
    newest().break();
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    expect(newest().heardOf("vote")).toEqual([]);
    newest().say(WELCOME);
    expect(newest().heardOf("vote")).toEqual(first);
  });

  test("a vote that came too fast is tried again by itself", async () => {
    await arrive();
    store.vote("a", true);
    newest().say({ t: "err", n: 1, code: "rate_limited", message: "slow down", retry_ms: 500 });
    await pass(1100);
    expect(newest().heardOf("vote")).toHaveLength(2);
  });

  test("a vote that is refused for good is forgotten", async () => {
    await arrive();
    store.vote("a", true);
    newest().say({ t: "err", n: 1, code: "not_votable", message: "closed" });
    expect(store.outbox.value.waiting.size).toBe(0);
    expect(store.board.value?.voted.has("a")).toBe(false);
  });
});

describe("asking", () => {
  test("a question is mine when the server has it", async () => {
    await arrive();
    const asked = store.ask("  When do we start?  ", true, "en");
    const sent = newest().heardOf("ask")[0];
    expect(sent).toMatchObject({ text: "When do we start?", conf: true, lang: "en" });
    newest().say({ t: "ok", cid: sent?.cid ?? "", r: { q: "z9" } });
    await expect(asked).resolves.toBe("z9");
    expect(store.board.value?.mine.has("z9")).toBe(true);
  });

  test("with the store away the question waits, and goes out under the same id when it is back", async () => {
    await arrive();
    const asked = store.ask("When do we start?", false, "en");
    const cid = newest().heardOf("ask")[0]?.cid ?? "";
    newest().say({ t: "state", store: "down" });
    newest().say({ t: "err", cid, code: "store_unavailable", message: "away", retry_ms: 60_000 });
    expect(store.isPaused.value).toBe(true);
    newest().say({ t: "state", store: "up" });
    expect(newest().heardOf("ask").map((one) => one.cid)).toEqual([cid, cid]);
    newest().say({ t: "ok", cid, r: { q: "z9" } });
    await expect(asked).resolves.toBe("z9");
  });

  test("a refusal reaches the asker with its code", async () => {
    await arrive();
    const asked = store.ask("When do we start?", false, "en");
    const cid = newest().heardOf("ask")[0]?.cid ?? "";
    newest().say({ t: "err", cid, code: "box_closed", message: "closed" });
    await expect(asked).rejects.toMatchObject({ code: "box_closed" });
  });

  test("a question that found no server for a day is handed back instead of asked a second time", async () => {
    await arrive();
    const asked = expect(store.ask("When do we start?", false, "en")).rejects.toMatchObject({ code: "too_old" });
    newest().break();
    vi.setSystemTime(Date.now() + 24 * 3_600_000);
    await pass(LONGEST_WAIT_MS);
    newest().accept();
    await pass();
    newest().say(WELCOME);
    expect(newest().heardOf("ask")).toEqual([]);
    await asked;
  });

  test("a new name needs a new ticket", async () => {
    await arrive();
    store.renew();
    await pass();
    newest().accept();
    await pass();
    expect(newest().heardOf("hello")[0]?.ticket).toBe("ticket-2");
  });
});

test("the moderator who was slower is told what the question is now, and by whom", async () => {
  await arrive();
  const move = store.moderate(question("a", "pending"), "published");
  const sent = newest().heardOf("mod")[0];
  expect(sent).toMatchObject({ q: "a", from: "pending", to: "published" });
  newest().say({ t: "err", cid: sent?.cid ?? "", code: "stale_state", message: "moved", current: "declined", by: "Nora" });
  await expect(move).rejects.toEqual(new Refusal("stale_state", "moved", "declined", "Nora"));
  await expect(move).rejects.toMatchObject({ current: "declined", by: "Nora" });
});

test("what is on air, what is next and the queue follow the log", async () => {
  await arrive({ votes: { b: 3 } });
  expect(store.queue.value.map((one) => one.id)).toEqual(["b", "a"]);
  newest().say(moved("b", "published", "now"));
  newest().say({ ...moved("a", "published", "next"), id: "7-0", prev: "6-0" });
  expect([store.onAir.value?.id, store.next.value?.id, store.queue.value]).toEqual(["b", "a", []]);
});
