// @vitest-environment happy-dom
/** What is built anew: as still as the person left it, where they left it if that is still to be had. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ServerClock } from "../../src/core/latency";
import { AUDIO_ONLY } from "../../src/core/quality";
import { Kind, type Header, type Programme } from "../../src/core/wire";
import { MseEngine } from "../../src/media/mse";

const WALL_MS = 1_800_000_000_000;
const SOUND = { id: 2, name: "audio", kind: "audio", bitrate_bps: 96_000, codec: "mp4a.40.2", timescale: 1000 } as const;
const PROGRAMME = { renditions: [SOUND], state: "live", epoch: 1, part_s: 0.2, segment_s: 2 } as unknown as Programme;

/** Whatever is appended is one part longer. */
class FakeBuffer extends EventTarget {
  updating = false;
  from = 0;
  to = 0;
  appendBuffer(bytes: Uint8Array): void {
    // An init segment holds no time.
    if (bytes.length === 1) return;
    this.from ||= bytes[0] as number;
    this.to = (bytes[0] as number) + 1;
  }
  get buffered(): TimeRanges {
    return { length: this.to > 0 ? 1 : 0, start: () => this.from, end: () => this.to } as unknown as TimeRanges;
  }
  abort(): void {}
}

let sources: FakeSource[] = [];

class FakeSource extends EventTarget {
  static isTypeSupported = () => true;
  readyState = "closed";
  readonly buffer = new FakeBuffer();
  constructor() {
    super();
    sources.push(this);
  }
  addSourceBuffer = () => this.buffer;
  open(): void {
    this.readyState = "open";
    this.dispatchEvent(new Event("sourceopen"));
  }
}

let isPaused: boolean;
let plays: number;
let engine: MseEngine;
let video: HTMLVideoElement;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("MediaSource", FakeSource);
  vi.spyOn(URL, "createObjectURL").mockReturnValue("blob:source");
  vi.spyOn(URL, "revokeObjectURL").mockReturnValue();
  sources = [];
  plays = 0;
  isPaused = true;
  video = document.createElement("video");
  const as = (name: string, what: PropertyDescriptor) => Object.defineProperty(video, name, { configurable: true, ...what });
  as("paused", { get: () => isPaused });
  as("readyState", { get: () => HTMLMediaElement.HAVE_ENOUGH_DATA });
  as("buffered", { get: () => sources.at(-1)?.buffer.buffered });
  as("seeking", { get: () => false });
  as("currentTime", { value: 0, writable: true });
  // A new source pauses the element, whatever it did before.
  as("src", { set: () => (isPaused = true) });
  video.play = async () => {
    plays += 1;
    isPaused = false;
  };
  video.pause = () => (isPaused = true);
  engine = new MseEngine(video, new ServerClock(), { ready() {}, blocked() {}, failed() {}, restart() {} });
  engine.choose("720p");
  engine.programme(PROGRAMME);
  engine.init(header(0), new Uint8Array(1));
  comes(10, 30);
});

afterEach(() => {
  engine.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function header(second: number): Header {
  const at = { start: second * 1000, duration: 1000, wallMs: WALL_MS + second * 1000 };
  return { kind: Kind.PART, rendition: 2, independent: true, last: false, discontinuity: false, initId: 1, epoch: 1, msn: second, part: 0, ...at };
}

/** The source opens, and so many seconds come. */
function comes(from: number, to: number): void {
  sources.at(-1)?.open();
  for (let second = from; second < to; second += 1) engine.part(header(second), new Uint8Array([second, 0]));
  vi.advanceTimersByTime(200);
}

const agoS = () => 30 - ((engine.stats().wallMs ?? 0) - WALL_MS) / 1000;

test("it begins by itself, near live", () => {
  expect(plays).toBe(1);
  expect(agoS()).toBeLessThan(1);
});

test("a page that was paused stays so when another choice builds it anew, and a resume plays", () => {
  engine.pause();
  engine.choose(AUDIO_ONLY);
  expect(sources).toHaveLength(2);
  comes(28, 32);
  expect([plays, isPaused]).toEqual([1, true]);
  engine.resume();
  expect([plays, isPaused]).toEqual([2, false]);
});

test("a pause that the browser made, by a media key, counts too; one that was made while it was built as well", () => {
  isPaused = true;
  engine.choose(AUDIO_ONLY);
  comes(28, 32);
  engine.resume();
  engine.choose("720p");
  engine.pause();
  comes(30, 34);
  expect([plays, isPaused]).toEqual([2, true]);
});

test("one that played goes on", () => {
  engine.choose(AUDIO_ONLY);
  comes(28, 32);
  expect([plays, isPaused]).toEqual([2, false]);
});

test("whoever paused still stands where they stood, although that is not in hand any more", () => {
  engine.seekTo(WALL_MS + 20_000);
  engine.pause();
  engine.choose(AUDIO_ONLY);
  expect(agoS()).toBe(10);
  comes(28, 32);
  expect(agoS()).toBe(10);
  expect(engine.holds(WALL_MS + 20_000)).toBe(false);
  engine.goLive();
  expect(agoS()).toBeLessThan(0);
});

test("whoever is back in what comes again stays back", () => {
  engine.seekTo(WALL_MS + 29_000);
  engine.choose(AUDIO_ONLY);
  comes(28, 40);
  expect(engine.stats().following).toBe(false);
  expect(agoS()).toBe(1);
});

test("whoever plays what does not come again is with live", () => {
  engine.seekTo(WALL_MS + 20_000);
  engine.choose(AUDIO_ONLY);
  expect(engine.stats()).toMatchObject({ following: false, wallMs: WALL_MS + 20_000 });
  comes(28, 32);
  expect(engine.stats().following).toBe(true);
});
