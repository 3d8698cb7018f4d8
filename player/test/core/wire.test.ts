import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

import {
  asBye,
  asMove,
  asProgramme,
  asSelected,
  BadFrame,
  HEADER_SIZE,
  Kind,
  progress,
  resume,
  subscribe,
  unpack,
} from "../../src/core/wire";

interface Known {
  readonly name: string;
  readonly message: string;
  readonly kind: keyof typeof Kind;
  readonly rendition: number;
  readonly independent: boolean;
  readonly last: boolean;
  readonly discontinuity: boolean;
  readonly init_id: number;
  readonly epoch: number;
  readonly msn: number;
  readonly part: number;
  readonly duration: number;
  readonly start: number;
  readonly wall_us: number;
  readonly payload: string;
}

const file = new URL("../../../tests/player/feed_messages.json", import.meta.url);
const known = JSON.parse(readFileSync(file, "utf8")) as readonly Known[];

function bytes(hex: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(hex, "hex")).buffer;
}

function message(name: string): ArrayBuffer {
  return bytes(known.find((one) => one.name === name)?.message ?? "");
}

test.each(known)("reads what the server sends: $name", (one) => {
  const { header, payload } = unpack(bytes(one.message));
  expect(header).toEqual({
    kind: Kind[one.kind],
    rendition: one.rendition,
    independent: one.independent,
    last: one.last,
    discontinuity: one.discontinuity,
    initId: one.init_id,
    epoch: one.epoch,
    msn: one.msn,
    part: one.part,
    duration: one.duration,
    start: one.start,
    wallMs: one.wall_us / 1000,
  });
  expect(Buffer.from(payload).toString("hex")).toBe(one.payload);
});

test("the payload is a view into the message, not a copy", () => {
  const whole = message("an init segment");
  expect(unpack(whole).payload.buffer).toBe(whole);
  expect(unpack(whole).payload.byteOffset).toBe(HEADER_SIZE);
});

test("a programme names its renditions and who is on air", () => {
  const programme = asProgramme(unpack(message("a programme")).payload);
  expect(programme.state).toBe("live");
  expect(programme.on_air).toBe("Zoë Müller");
  expect(programme.renditions.map((r) => r.name)).toEqual(["720p", "audio"]);
  expect(programme.part_s).toBe(0.2);
});

test("a farewell says why and when to come back", () => {
  expect(asBye(unpack(message("a farewell")).payload)).toEqual({ code: "restarting", retry_ms: 200 });
});

test("a selection says what the picture comes as, a move how long this address stays", () => {
  expect(asSelected(unpack(message("a selection")).payload)).toEqual({ rendition: "480p", abandoned: true, why: "slow" });
  expect(asMove(unpack(message("a move")).payload)).toEqual({ code: "draining", within_ms: 8000 });
});

test("a message that is too short or of another version is refused", () => {
  const foreign = new Uint8Array(message("the end"));
  expect(() => unpack(new ArrayBuffer(HEADER_SIZE - 1))).toThrow(BadFrame);
  const newer = foreign.slice();
  newer[0] = 2;
  expect(() => unpack(newer.buffer)).toThrow(BadFrame);
});

test("a kind that only a newer server knows means nothing", () => {
  const strange = new Uint8Array(message("the end"));
  for (strange[1] = 11; strange[1] < 255; strange[1] += 1) expect(unpack(strange.buffer).header.kind).toBe(Kind.OTHER);
});

test("a payload that is not the JSON it should be is refused", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  expect(() => asProgramme(encode("{"))).toThrow(BadFrame);
  expect(() => asProgramme(encode("[]"))).toThrow(BadFrame);
  expect(() => asBye(encode("null"))).toThrow(BadFrame);
  expect(() => asSelected(encode("{}"))).toThrow(BadFrame);
});

test("the client's messages are the JSON that the server decodes", () => {
  expect(JSON.parse(subscribe(["720p", "audio"], "t"))).toEqual({ t: "subscribe", renditions: ["720p", "audio"], ticket: "t" });
  expect(JSON.parse(resume({ epoch: 7, msn: 3, part: 9 }, ["audio"], "t"))).toEqual({
    t: "resume",
    epoch: 7,
    msn: 3,
    part: 9,
    renditions: ["audio"],
    ticket: "t",
  });
  expect(JSON.parse(progress(3, 9, 812.4))).toEqual({ t: "progress", msn: 3, part: 9, lag_ms: 812 });
  expect(JSON.parse(progress(3, 9, -5)).lag_ms).toBe(0);
  expect(JSON.parse(progress(3, 9, 0, { got: [4, 2] })).got).toEqual([4, 2]);
  expect(JSON.parse(subscribe(["auto"], "t", { most: "480p", beside: true }))).toEqual({
    t: "subscribe",
    renditions: ["auto"],
    ticket: "t",
    most: "480p",
    beside: true,
  });
});
