// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { LinkState } from "../../src/core/link";
import { NOTHING } from "../../src/core/lines";
import { Roster } from "../../src/core/roster";
import { Kind, type Programme } from "../../src/core/wire";
import { Feed, type FeedListener, type FeedOptions } from "../../src/net/feed";

/** The other end of a connection: what the feed opened, sent and closed, and what the server says. */
class Line {
  readyState = 0;
  binaryType = "";
  readonly sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly address: string) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.readyState = 3;
    this.onclose?.();
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(kind: number, fields: { rendition?: number; msn?: number; part?: number } = {}, payload: unknown = null): void {
    const body = payload === null ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(payload));
    const message = new Uint8Array(40 + body.length);
    message.set(body, 40);
    const view = new DataView(message.buffer);
    view.setUint8(0, 1);
    view.setUint8(1, kind);
    view.setUint8(2, fields.rendition ?? 255);
    view.setUint32(8, 1);
    view.setUint32(12, fields.msn ?? 0);
    view.setUint16(16, fields.part ?? 0);
    this.onmessage?.({ data: message.buffer });
  }
}

const RENDITIONS = [
  { id: 0, name: "720p", kind: "video", bitrate_bps: 1, codec: "avc1.42c01f", timescale: 90_000 },
  { id: 4, name: "audio", kind: "audio", bitrate_bps: 1, codec: "mp4a.40.2", timescale: 48_000 },
];
const LIVE = { renditions: RENDITIONS, state: "live", epoch: 1 };

let lines: Line[];
let links: LinkState[];
let parts: string[];
let programmes: Programme[];
let told: string[];
let tickets: boolean[];
let ticket: () => Promise<string>;
let looked: number[];
let feed: Feed;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  links = [];
  parts = [];
  programmes = [];
  told = [];
  tickets = [];
  looked = [];
  ticket = () => Promise.resolve("ticket");
  feed = new Feed(options());
});

function options(more: Partial<FeedOptions> = {}): FeedOptions {
  const listener: FeedListener = {
    link: (state) => links.push(state),
    programme: (programme) => programmes.push(programme),
    init: (header) => told.push(`init ${header.rendition}`),
    part: (header) => parts.push(`${header.rendition}:${header.msn}.${header.part}`),
    gap: (header) => told.push(`gap ${header.msn}.${header.part}`),
    selected: ({ rendition }) => told.push(`selected ${rendition || "nothing"}`),
    end: () => told.push("end"),
    dismissed: (code) => told.push(`dismissed ${code}`),
    blocked: () => told.push("blocked"),
  };
  return {
    roster: new Roster(["/one", "/two"]),
    listener,
    ticket: (refused) => {
      tickets.push(refused);
      return ticket();
    },
    connect: (address) => {
      const line = new Line(address);
      lines.push(line);
      return line as unknown as WebSocket;
    },
    lookAround: (withinMs) => looked.push(withinMs),
    random: () => 0.5,
    ...more,
  };
}

afterEach(() => {
  feed.close();
  vi.useRealTimers();
});

function line(): Line {
  const newest = lines.at(-1);
  if (!newest) throw new Error("nothing was opened");
  return newest;
}

async function connected(): Promise<Line> {
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(0);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  return line();
}

async function reconnected(): Promise<Line> {
  const before = lines.length;
  while (lines.length === before) await vi.advanceTimersByTimeAsync(50);
  line().accept();
  return line();
}

test("it asks for the programme's state alone until somebody has chosen", async () => {
  const first = await connected();
  feed.choose({ renditions: ["720p", "audio"], most: "" });
  expect(first.sent).toEqual([
    { t: "subscribe", renditions: [], ticket: "ticket" },
    { t: "subscribe", renditions: ["720p", "audio"], ticket: "ticket" },
  ]);
  expect(programmes[0]?.state).toBe("live");
});

test("the same choice is not sent twice", async () => {
  const first = await connected();
  feed.choose({ renditions: ["audio"], most: "" });
  feed.choose({ renditions: ["audio"], most: "" });
  expect(first.sent).toHaveLength(2);
});

test("after a break it resumes after the last part that it has of every rendition", async () => {
  const first = await connected();
  feed.choose({ renditions: ["720p", "audio"], most: "" });
  first.say(Kind.PART, { rendition: 0, msn: 5, part: 3 });
  first.say(Kind.PART, { rendition: 4, msn: 5, part: 2 });
  first.close();
  const second = await reconnected();
  expect(second.sent).toEqual([{ t: "resume", epoch: 1, msn: 5, part: 2, renditions: ["720p", "audio"], ticket: "ticket" }]);
  second.say(Kind.PART, { rendition: 0, msn: 5, part: 3 });
  second.say(Kind.PART, { rendition: 4, msn: 5, part: 3 });
  expect(parts).toEqual(["0:5.3", "4:5.2", "4:5.3"]);
});

test("a restart begins with the current segment instead", async () => {
  const first = await connected();
  feed.choose({ renditions: ["audio"], most: "" });
  first.say(Kind.PART, { rendition: 4, msn: 5, part: 2 });
  feed.restart();
  const second = await reconnected();
  expect(second.sent).toEqual([{ t: "subscribe", renditions: ["audio"], ticket: "ticket" }]);
});

test("each attempt is told and takes the next address, with the ticket in hand", async () => {
  (await connected()).close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
  await vi.advanceTimersByTimeAsync(400);
  line().close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 2 });
  expect(lines.map((one) => one.address)).toEqual(["/one", "/two"]);
  expect(tickets).toEqual([false, false]);
  expect(told).not.toContain("blocked");
});

test("a connection counts as good only when the programme has come", async () => {
  (await connected()).close();
  const second = await reconnected();
  expect(links.at(-1)?.is).toBe("lost");
  second.close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 2 });
  const third = await reconnected();
  third.say(Kind.RENDITIONS, {}, LIVE);
  expect(links.at(-1)?.is).toBe("open");
  third.close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
});

test("two attempts that never got through mean that something is in the way", async () => {
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(0);
  line().close();
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  line().close();
  expect(told).toEqual(["blocked"]);
  await vi.advanceTimersByTimeAsync(1500);
  line().close();
  expect(told).toEqual(["blocked", "blocked"]);
});

test("a connection that neither opens nor fails is given up", async () => {
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(4000);
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
});

test("the server's farewell says when to come back", async () => {
  const first = await connected();
  first.say(Kind.BYE, {}, { code: "too_slow", retry_ms: 7000 });
  first.close();
  await vi.advanceTimersByTimeAsync(6900);
  expect(lines).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(3600);
  expect(lines).toHaveLength(2);
});

test("a server that goes is no reason to wait where another one stays", async () => {
  const first = await connected();
  first.say(Kind.BYE, {}, { code: "restarting", retry_ms: 7000 });
  first.close();
  await vi.advanceTimersByTimeAsync(300);
  expect(line().address).toBe("/two");
});

test("whoever is dismissed does not come back", async () => {
  const first = await connected();
  first.say(Kind.BYE, {}, { code: "kicked", retry_ms: -1 });
  first.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual(["dismissed kicked"]);
  expect(lines).toHaveLength(1);
});

test("a ticket that has expired is no dismissal: the next attempt brings a new one", async () => {
  const first = await connected();
  first.say(Kind.BYE, {}, { code: "ticket_expired", retry_ms: -1 });
  first.close();
  await reconnected();
  expect(told).toEqual([]);
  expect(line().address).toBe("/one");
  expect(tickets).toEqual([false, true]);
});

test("an address that refuses the new ticket too is left: its clock may be wrong", async () => {
  const first = await connected();
  const expired = (one: Line) => {
    one.say(Kind.BYE, {}, { code: "ticket_expired", retry_ms: -1 });
    one.close();
  };
  expired(first);
  expired(await reconnected());
  expect((await reconnected()).address).toBe("/two");
  expect(lines.map((one) => one.address)).toEqual(["/one", "/one", "/two"]);
});

test("while no ticket is to be had the attempts become rare, also where other addresses stand ready", async () => {
  ticket = () => Promise.reject(new Error("away"));
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tickets.length).toBeLessThan(13);
  expect(lines).toHaveLength(0);
  expect(told).toEqual([]);
});

test("where every address refuses the ticket, attempts become rare too", async () => {
  feed.start(NOTHING);
  for (let s = 0; s < 600; s += 1) {
    await vi.advanceTimersByTimeAsync(100);
    if (line().readyState !== 0) continue;
    line().accept();
    line().say(Kind.BYE, {}, { code: "bad_ticket", retry_ms: -1 });
    line().close();
  }
  expect(lines.length).toBeLessThan(13);
});

test("when all addresses have failed others are asked for", async () => {
  (await connected()).close();
  await vi.advanceTimersByTimeAsync(300);
  expect(looked).toEqual([]);
  line().close();
  expect(looked).toEqual([0]);
});

test("a ticket that cannot be had is a failed attempt", async () => {
  ticket = () => Promise.reject(new Error("away"));
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(0);
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
  expect(lines).toHaveLength(0);
});

test("a sender that falls silent while the programme runs is a broken line", async () => {
  feed = new Feed(options({ roster: new Roster(["/one"]) }));
  const first = await connected();
  feed.choose({ renditions: ["audio"], most: "" });
  await vi.advanceTimersByTimeAsync(7000);
  first.say(Kind.PART, { rendition: 4, msn: 1 });
  await vi.advanceTimersByTimeAsync(7900);
  expect(first.readyState).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(first.readyState).toBe(3);
});

const WAITING = { renditions: [], state: "waiting", epoch: 0 };

test("before anybody is on air the server's word every 20 s is enough, and without it the line is broken", async () => {
  const first = await connected();
  for (let i = 0; i < 30; i += 1) {
    first.say(Kind.RENDITIONS, {}, WAITING);
    await vi.advanceTimersByTimeAsync(20_000);
  }
  expect(first.readyState).toBe(1);
  await vi.advanceTimersByTimeAsync(31_000);
  expect(first.readyState).toBe(3);
  await vi.advanceTimersByTimeAsync(300);
  expect(line().address).toBe("/two");
});

test("an open line on which no word comes is left after 5 s, and two of them mean that something is in the way", async () => {
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(0);
  line().accept();
  await vi.advanceTimersByTimeAsync(6000);
  expect(lines.map((one) => one.address)).toEqual(["/one", "/two"]);
  line().accept();
  await vi.advanceTimersByTimeAsync(5600);
  expect(told).toEqual(["blocked"]);
});

test("a server that does not know the programme yet is waited for, unless another one may", async () => {
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(0);
  const first = line();
  first.accept();
  first.say(Kind.PADDING);
  await vi.advanceTimersByTimeAsync(11_900);
  expect(first.readyState).toBe(1);
  await vi.advanceTimersByTimeAsync(900);
  expect(line().address).toBe("/two");
  expect(told).toEqual([]);
});

test("a message that only a newer server knows changes nothing", async () => {
  const first = await watching();
  first.say(11, {}, { what: "ever" });
  expect(first.readyState).toBe(1);
  first.say(Kind.PART, { rendition: 0, msn: 5, part: 4 });
  expect(parts).toEqual(["0:5.3", "0:5.4"]);
});

test("a message that is not of the feed breaks the line, not the page", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  const first = await connected();
  first.onmessage?.({ data: new ArrayBuffer(3) });
  expect(first.readyState).toBe(3);
  expect(links.at(-1)?.is).toBe("lost");
  expect(warn).toHaveBeenCalledOnce();
});

test("the network's return shortens the wait", async () => {
  (await connected()).close();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await vi.advanceTimersByTimeAsync(4600);
    line().close();
  }
  const before = lines.length;
  dispatchEvent(new Event("online"));
  await vi.advanceTimersByTimeAsync(250);
  expect(lines).toHaveLength(before + 1);
});

test("closed is closed", async () => {
  const first = await connected();
  feed.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(first.readyState).toBe(3);
  expect(lines).toHaveLength(1);
  expect(links.at(-1)).toEqual({ is: "closed" });
});

const AUTO = { renditions: ["auto"], most: "720p" };

async function watching(): Promise<Line> {
  const first = await connected();
  feed.choose(AUTO);
  first.say(Kind.SELECTED, {}, { rendition: "720p", abandoned: false, why: "start" });
  first.say(Kind.PART, { rendition: 0, msn: 5, part: 3 });
  return first;
}

test("the largest picture wanted and the line's place beside another are said", async () => {
  feed = new Feed(options({ beside: true }));
  const first = await connected();
  feed.choose(AUTO);
  expect(first.sent.at(-1)).toEqual({ t: "subscribe", renditions: ["auto"], ticket: "ticket", most: "720p", beside: true });
});

test("what the server chose is told and is what a resume goes on with", async () => {
  const first = await watching();
  expect(told).toEqual(["selected 720p"]);
  first.close();
  const second = await reconnected();
  expect(second.sent).toEqual([
    { t: "resume", epoch: 1, msn: 5, part: 3, renditions: ["auto"], ticket: "ticket", most: "720p", begin: "720p" },
  ]);
});

test("without a picture there is nothing to go on with", async () => {
  const first = await watching();
  first.say(Kind.SELECTED, {}, { rendition: "", abandoned: true, why: "slow" });
  first.close();
  expect((await reconnected()).sent).toMatchObject([{ t: "subscribe" }]);
});

test("a line that carries no picture on purpose is not silent", async () => {
  const first = await watching();
  first.say(Kind.SELECTED, {}, { rendition: "", abandoned: true, why: "slow" });
  for (let s = 0; s < 60; s += 20) {
    await vi.advanceTimersByTimeAsync(20_000);
    first.say(Kind.RENDITIONS, {}, LIVE);
  }
  expect(first.readyState).toBe(1);
});

test("where another address stands ready, a broken line is replaced within 300 ms and the broken one comes last", async () => {
  (await watching()).close();
  await vi.advanceTimersByTimeAsync(300);
  expect(lines.map((one) => one.address)).toEqual(["/one", "/two"]);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  line().close();
  await vi.advanceTimersByTimeAsync(600);
  expect(line().address).toBe("/one");
});

test("two lines that are silent together are given up early, one alone is not", async () => {
  let otherMs = 0;
  feed = new Feed(options({ otherSilentMs: () => otherMs }));
  const first = await watching();
  await vi.advanceTimersByTimeAsync(4000);
  expect(first.readyState).toBe(1);
  otherMs = 2600;
  await vi.advanceTimersByTimeAsync(500);
  expect(first.readyState).toBe(3);
});

test("silence of both says nothing before media has come", async () => {
  feed = new Feed(options({ otherSilentMs: () => 60_000 }));
  const first = await connected();
  feed.choose(AUTO);
  await vi.advanceTimersByTimeAsync(7000);
  expect(first.readyState).toBe(1);
});

test("what was received is reported, and stands for what was played where that says nothing", async () => {
  const first = await watching();
  feed.progress({ msn: 5, part: 1 }, 812);
  feed.progress(null, 812);
  expect(first.sent.slice(-2)).toEqual([
    { t: "progress", msn: 5, part: 1, lag_ms: 812, got: [5, 3] },
    { t: "progress", msn: 5, part: 3, lag_ms: 812, got: [5, 3] },
  ]);
});

test("who has received nothing of a programme yet says so", async () => {
  const first = await connected();
  feed.progress(null, 0);
  expect(first.sent.at(-1)).toEqual({ t: "progress", msn: 0, part: -1, lag_ms: 0, got: [0, -1] });
});

const MOVE = { code: "draining", within_ms: 8000 };

test("a server that goes is left when the first part has come from the next one", async () => {
  const first = await watching();
  first.say(Kind.MOVE, {}, MOVE);
  expect(lines).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1500);
  expect(line().address).toBe("/two");
  line().accept();
  expect(line().sent).toMatchObject([{ t: "resume", msn: 5, part: 3 }]);
  line().say(Kind.RENDITIONS, {}, LIVE);
  first.say(Kind.PART, { rendition: 0, msn: 5, part: 4 });
  line().say(Kind.SELECTED, {}, { rendition: "720p", abandoned: false, why: "start" });
  expect(first.readyState).toBe(1);
  line().say(Kind.PART, { rendition: 0, msn: 5, part: 4 });
  line().say(Kind.PART, { rendition: 0, msn: 5, part: 5 });
  expect(first.readyState).toBe(3);
  expect(parts).toEqual(["0:5.3", "0:5.4", "0:5.5"]);
  expect(told).toEqual(["selected 720p", "selected 720p"]);
  expect(links.at(-1)?.is).toBe("open");
  expect(feed.address).toBe("/two");
});

test("what the next server chose holds from its first part on", async () => {
  const first = await watching();
  first.say(Kind.MOVE, {}, MOVE);
  await vi.advanceTimersByTimeAsync(1500);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  line().say(Kind.SELECTED, {}, { rendition: "360p", abandoned: false, why: "start" });
  expect(told).toEqual(["selected 720p"]);
  line().say(Kind.GAP, { rendition: 0, msn: 6 });
  expect(told).toEqual(["selected 720p", "selected 360p", "gap 6.0"]);
});

test("where no picture flows, the next server's first word is enough", async () => {
  const first = await watching();
  first.say(Kind.SELECTED, {}, { rendition: "", abandoned: true, why: "slow" });
  first.say(Kind.MOVE, {}, MOVE);
  await vi.advanceTimersByTimeAsync(1500);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  expect(first.readyState).toBe(3);
});

test("a next server that is not there either leaves us with the old one, and a third is tried", async () => {
  feed = new Feed(options({ roster: new Roster(["/one", "/two", "/three"]) }));
  const first = await watching();
  first.say(Kind.MOVE, {}, MOVE);
  await vi.advanceTimersByTimeAsync(1500);
  line().close();
  await vi.advanceTimersByTimeAsync(0);
  expect(line().address).toBe("/three");
  line().close();
  await vi.advanceTimersByTimeAsync(0);
  expect(lines).toHaveLength(3);
  expect(first.readyState).toBe(1);
  first.say(Kind.BYE, {}, { code: "restarting", retry_ms: 200 });
  first.close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
});

test("an old server that dies while we move leaves us with the new one", async () => {
  const first = await watching();
  first.say(Kind.MOVE, {}, MOVE);
  await vi.advanceTimersByTimeAsync(1500);
  first.close();
  expect(lines).toHaveLength(2);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  line().say(Kind.PART, { rendition: 0, msn: 5, part: 4 });
  expect(parts).toEqual(["0:5.3", "0:5.4"]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(lines).toHaveLength(2);
});

test("a move brings a ticket that is good now, and asks for the addresses of today when there is time", async () => {
  const first = await watching();
  ticket = () => Promise.resolve("a newer one");
  first.say(Kind.MOVE, {}, MOVE);
  await vi.advanceTimersByTimeAsync(1500);
  line().accept();
  expect(line().sent).toMatchObject([{ t: "resume", ticket: "a newer one" }]);
  expect(looked).toEqual([30_000]);
});

test("a next server that refuses the ticket is asked once more with a new one, and is not taken for dead", async () => {
  const roster = new Roster(["/one", "/two"]);
  feed = new Feed(options({ roster }));
  const first = await watching();
  first.say(Kind.MOVE, {}, MOVE);
  await vi.advanceTimersByTimeAsync(1500);
  line().accept();
  line().say(Kind.BYE, {}, { code: "ticket_expired", retry_ms: -1 });
  line().close();
  await vi.advanceTimersByTimeAsync(0);
  expect(lines.map((one) => one.address)).toEqual(["/one", "/two", "/two"]);
  expect(tickets).toEqual([false, false, true]);
  expect(roster.hasFailed("/two", performance.now())).toBe(false);
  line().accept();
  line().say(Kind.BYE, {}, { code: "ticket_expired", retry_ms: -1 });
  line().close();
  await vi.advanceTimersByTimeAsync(0);
  expect(lines).toHaveLength(3);
  expect(roster.hasFailed("/two", performance.now())).toBe(true);
  expect(first.readyState).toBe(1);
});

/** In time for some seconds: what then is missing is missed. */
async function steady(): Promise<Line> {
  const first = await watching();
  for (let part = 0; part < 20; part += 1) {
    await vi.advanceTimersByTimeAsync(200);
    first.say(Kind.PART, { rendition: 0, msn: 6, part });
  }
  return first;
}

test("a server that goes without a word is replaced within 2.5 s, also where only one line expects media", async () => {
  const first = await steady();
  await vi.advanceTimersByTimeAsync(2200);
  expect(lines.map((one) => one.address)).toEqual(["/one", "/two"]);
  expect(first.readyState).toBe(1);
  line().accept();
  expect(line().sent).toMatchObject([{ t: "resume", msn: 6, part: 19 }]);
  line().say(Kind.RENDITIONS, {}, LIVE);
  line().say(Kind.PART, { rendition: 0, msn: 7 });
  expect(first.readyState).toBe(3);
  expect(feed.address).toBe("/two");
  expect(links.filter((link) => link.is === "lost")).toEqual([]);
});

test("a line that speaks again is stayed with, and nobody is taken for dead", async () => {
  const roster = new Roster(["/one", "/two"]);
  feed = new Feed(options({ roster }));
  const first = await steady();
  await vi.advanceTimersByTimeAsync(2200);
  first.say(Kind.PART, { rendition: 0, msn: 7 });
  expect(lines.map((one) => one.readyState)).toEqual([1, 3]);
  for (const address of ["/one", "/two"]) expect(roster.hasFailed(address, performance.now())).toBe(false);
});

test("where the other server has the programme and no media either, the source is silent: nobody is left", async () => {
  const first = await steady();
  await vi.advanceTimersByTimeAsync(2200);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  await vi.advanceTimersByTimeAsync(5000);
  expect(first.readyState).toBe(1);
  expect(lines).toHaveLength(2);
});

test("a line whose other one is well is only late", async () => {
  feed = new Feed(options({ otherSilentMs: () => 200 }));
  const first = await steady();
  await vi.advanceTimersByTimeAsync(7000);
  expect([first.readyState, lines.length]).toEqual([1, 1]);
});

test("a line that was never in time is given longer before another one is opened beside it", async () => {
  const first = await watching();
  await vi.advanceTimersByTimeAsync(1000);
  first.say(Kind.PART, { rendition: 0, msn: 6 });
  await vi.advanceTimersByTimeAsync(2400);
  expect(lines).toHaveLength(1);
});

test("a restart stays at the address where it is", async () => {
  (await watching()).close();
  await reconnected();
  line().say(Kind.RENDITIONS, {}, LIVE);
  await vi.advanceTimersByTimeAsync(120_000 - 60_000);
  line().say(Kind.PART, { rendition: 0, msn: 9 });
  feed.restart();
  expect((await reconnected()).address).toBe("/two");
});

test("a line that brings nothing follows the other one away from a dead server", async () => {
  const roster = new Roster(["/one", "/two"]);
  feed = new Feed(options({ roster }));
  const first = await watching();
  first.say(Kind.SELECTED, {}, { rendition: "", abandoned: true, why: "slow" });
  await vi.advanceTimersByTimeAsync(3000);
  roster.failed("/one", performance.now());
  expect((await reconnected()).address).toBe("/two");
});

// Given up: the line does not carry what is on its way

const severed: WebSocket[] = [];

/** As the real one: a socket that is severed ends without a word. */
function severable(): void {
  severed.length = 0;
  feed = new Feed(options({ sever: (socket) => severed.push(socket) }));
}

test("a line that is given up ends without a farewell, and the next one to the same address begins with the smallest picture", async () => {
  severable();
  const first = await watching();
  expect(feed.giveUp("240p")).toBe(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(severed).toEqual([first]);
  expect(first.readyState, "closing would wait for what is on its way").toBe(1);
  expect(lines.map((one) => one.address)).toEqual(["/one", "/one"]);
  line().accept();
  expect(line().sent).toEqual([
    { t: "subscribe", renditions: ["auto"], ticket: "ticket", most: "240p", slow: true },
    { t: "subscribe", renditions: ["auto"], ticket: "ticket", most: "720p" },
  ]);
});

test("it is no failure: nobody is told of a lost line, no other address is tried, and what still comes of the old one is nothing", async () => {
  severable();
  const first = await watching();
  feed.giveUp("240p");
  first.say(Kind.PART, { rendition: 0, msn: 5, part: 4 });
  first.close();
  await vi.advanceTimersByTimeAsync(0);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  await vi.advanceTimersByTimeAsync(2000);
  expect(lines).toHaveLength(2);
  expect(links.some((link) => link.is === "lost")).toBe(false);
  expect(parts).toEqual(["0:5.3"]);
});

test("parts that came by the line that was given up are taken again from the next one: they may be of another picture", async () => {
  severable();
  await watching();
  feed.giveUp("240p");
  await vi.advanceTimersByTimeAsync(0);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  line().say(Kind.PART, { rendition: 0, msn: 5, part: 0 });
  expect(parts).toEqual(["0:5.3", "0:5.0"]);
});

test("only the line after one that was given up begins so", async () => {
  severable();
  await watching();
  feed.giveUp("240p");
  await vi.advanceTimersByTimeAsync(0);
  line().accept();
  line().close();
  await reconnected();
  expect(line().sent).toMatchObject([{ t: "subscribe", most: "720p" }]);
  expect(line().sent[0]).not.toHaveProperty("slow");
});

test("nothing is given up where nothing can be severed, before the line is open, and while a successor is on its way", async () => {
  const first = await watching();
  expect(feed.giveUp("240p")).toBe(false);
  feed.close();
  severable();
  feed.start(NOTHING);
  await vi.advanceTimersByTimeAsync(0);
  expect(feed.giveUp("240p")).toBe(false);
  line().accept();
  line().say(Kind.RENDITIONS, {}, LIVE);
  line().say(Kind.MOVE, {}, { code: "draining", within_ms: 8000 });
  expect(feed.giveUp("240p")).toBe(false);
  expect([severed.length, first.readyState]).toEqual([0, 3]);
});
