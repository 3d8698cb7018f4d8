// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { LinkState } from "../../src/core/link";
import { Kind, type Programme } from "../../src/core/wire";
import { Feed, type FeedListener } from "../../src/net/feed";

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

  say(kind: Kind, fields: { rendition?: number; msn?: number; part?: number } = {}, payload: unknown = null): void {
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
let feed: Feed;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  links = [];
  parts = [];
  programmes = [];
  told = [];
  tickets = [];
  ticket = () => Promise.resolve("ticket");
  const listener: FeedListener = {
    link: (state) => links.push(state),
    programme: (programme) => programmes.push(programme),
    init: (header) => told.push(`init ${header.rendition}`),
    part: (header) => parts.push(`${header.rendition}:${header.msn}.${header.part}`),
    end: () => told.push("end"),
    dismissed: (code) => told.push(`dismissed ${code}`),
    blocked: () => told.push("blocked"),
  };
  feed = new Feed({
    addresses: ["/one", "/two"],
    listener,
    ticket: (renew) => {
      tickets.push(renew);
      return ticket();
    },
    connect: (address) => {
      const line = new Line(address);
      lines.push(line);
      return line as unknown as WebSocket;
    },
    random: () => 0.5,
  });
});

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
  feed.start([]);
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
  feed.choose(["720p", "audio"]);
  expect(first.sent).toEqual([
    { t: "subscribe", renditions: [], ticket: "ticket" },
    { t: "subscribe", renditions: ["720p", "audio"], ticket: "ticket" },
  ]);
  expect(programmes[0]?.state).toBe("live");
});

test("the same choice is not sent twice", async () => {
  const first = await connected();
  feed.choose(["audio"]);
  feed.choose(["audio"]);
  expect(first.sent).toHaveLength(2);
});

test("after a break it resumes after the last part that it has of every rendition", async () => {
  const first = await connected();
  feed.choose(["720p", "audio"]);
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
  feed.choose(["audio"]);
  first.say(Kind.PART, { rendition: 4, msn: 5, part: 2 });
  feed.restart();
  const second = await reconnected();
  expect(second.sent).toEqual([{ t: "subscribe", renditions: ["audio"], ticket: "ticket" }]);
});

test("each attempt is told, takes the next address and a fresh ticket", async () => {
  (await connected()).close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
  await vi.advanceTimersByTimeAsync(400);
  line().close();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 2 });
  expect(lines.map((one) => one.address)).toEqual(["/one", "/two"]);
  expect(tickets).toEqual([false, true]);
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
  feed.start([]);
  await vi.advanceTimersByTimeAsync(0);
  line().close();
  expect(told).toEqual([]);
  await vi.advanceTimersByTimeAsync(500);
  line().close();
  expect(told).toEqual(["blocked"]);
});

test("a connection that neither opens nor fails is given up", async () => {
  feed.start([]);
  await vi.advanceTimersByTimeAsync(4000);
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
});

test("the server's farewell says when to come back", async () => {
  const first = await connected();
  first.say(Kind.BYE, {}, { code: "restarting", retry_ms: 7000 });
  first.close();
  await vi.advanceTimersByTimeAsync(6900);
  expect(lines).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(3600);
  expect(lines).toHaveLength(2);
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
  expect(tickets).toEqual([false, true]);
});

test("a ticket that cannot be had is a failed attempt", async () => {
  ticket = () => Promise.reject(new Error("away"));
  feed.start([]);
  await vi.advanceTimersByTimeAsync(0);
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
  expect(lines).toHaveLength(0);
});

test("a sender that falls silent while the programme runs is a broken line", async () => {
  const first = await connected();
  feed.choose(["audio"]);
  await vi.advanceTimersByTimeAsync(7000);
  first.say(Kind.PART, { rendition: 4, msn: 1 });
  await vi.advanceTimersByTimeAsync(7900);
  expect(first.readyState).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(first.readyState).toBe(3);
});

test("before anybody is on air silence is normal", async () => {
  const first = await connected();
  first.say(Kind.RENDITIONS, {}, { renditions: [], state: "waiting", epoch: 0 });
  await vi.advanceTimersByTimeAsync(600_000);
  expect(first.readyState).toBe(1);
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
