// @vitest-environment happy-dom
/** Going back: which source has the video, what it was told, and which place is shown meanwhile. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ServerClock } from "../../src/core/latency";
import { Roster } from "../../src/core/roster";
import { NO_STATS, type EngineStats, type Past } from "../../src/media/engine";
import { dvr as t } from "../../src/i18n/dvr";
import { Dvr, type DvrHost } from "../../src/ui/watch/dvr";

const opened = vi.hoisted(() => [] as { past: Past; engine: object }[]);
const file = vi.hoisted(() => ({ isMissing: false }));
const standing = vi.hoisted(() => ({ open: 0 }));

const said = vi.hoisted(() => [] as string[]);

vi.mock("../../src/ui/components/toast", () => ({ toast: (words: string) => said.push(words) }));
vi.mock("../../src/net/feed", () => ({
  Feed: class {
    start(): void {
      standing.open += 1;
    }
    close(): void {
      standing.open -= 1;
    }
  },
}));
vi.mock("../../src/media/hls", () => ({
  canHls: () => {
    if (file.isMissing) throw new TypeError("Failed to fetch dynamically imported module");
    return true;
  },
  HlsEngine: class extends FakeEngine {
    constructor(...given: [unknown, unknown, unknown, unknown, unknown, Past]) {
      super();
      this.wallMs = given[5].fromMs;
      this.follows = false;
      opened.push({ past: given[5], engine: this });
    }
  },
}));

const NOW = 1_800_000_600_000;
const START = NOW - 600_000;
const LIVE_DELAY_MS = 1000;

class FakeEngine {
  readonly path = "push";
  readonly switches = [];
  wallMs = NOW - LIVE_DELAY_MS;
  follows = true;
  heldFromMs = NOW - 15_000;
  wentLive = 0;
  readonly seeks: number[] = [];
  isClosed = false;
  choose(): void {}
  pause(): void {}
  resume(): void {}
  goLive(): void {
    this.wentLive += 1;
  }
  holds(wallMs: number): boolean {
    return wallMs >= this.heldFromMs;
  }
  seekTo(wallMs: number): void {
    this.seeks.push(wallMs);
    this.wallMs = wallMs;
    this.follows = false;
  }
  stats(): EngineStats {
    return { ...NO_STATS, wallMs: this.wallMs, latencyMs: NOW - this.wallMs, following: this.follows, bufferedS: 5 };
  }
  startMs(): number {
    return START;
  }
  leftS(): number {
    return 30;
  }
  close(): void {
    this.isClosed = true;
  }
}

let live: FakeEngine;
let engine: FakeEngine | null;
let isPaused: boolean;
let endMs: number;
let dvr: Dvr;
let lives: number;
let closed: number;
let canvas: HTMLCanvasElement;
let video: HTMLVideoElement;
let isSeeking: boolean;
let address: string;

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const agoS = () => Math.round(dvr.behindS.value);

beforeEach(() => {
  vi.spyOn(Date, "now").mockReturnValue(NOW);
  opened.length = 0;
  standing.open = lives = closed = endMs = 0;
  isPaused = isSeeking = file.isMissing = false;
  said.length = 0;
  address = "/live/e/key/dvr.m3u8";
  engine = live = new FakeEngine();
  video = document.createElement("video");
  Object.defineProperty(video, "paused", { get: () => isPaused });
  Object.defineProperty(video, "seeking", { get: () => isSeeking });
  canvas = Object.assign(document.createElement("canvas"), { hidden: true });
  dvr = new Dvr({
    video,
    canvas,
    door: { clock: new ServerClock(), roster: new Roster(["/feed"]), ticketNow: async () => "" } as unknown as DvrHost["door"],
    engine: () => engine,
    leave: () => {
      engine?.close();
      engine = null;
    },
    take: (next) => (engine = next as unknown as FakeEngine),
    live: () => {
      lives += 1;
      engine = live = new FakeEngine();
    },
    close: () => (closed += 1),
    address: async () => address,
    choice: () => "720p",
    startMs: () => START,
    endMs: () => endMs,
    listener: () => ({ ready() {}, blocked() {}, link() {}, rungs() {}, rejoin: async () => "" }),
    isPushed: () => true,
    told() {},
    ended() {},
    dismissed() {},
  });
  dvr.look();
});

afterEach(() => vi.restoreAllMocks());

test("a step that live has in hand is made there; nothing else is opened", () => {
  dvr.step(-10);
  expect(live.seeks).toEqual([NOW - LIVE_DELAY_MS - 10_000]);
  expect(agoS()).toBe(10);
  expect(dvr.isBehind.value).toBe(true);
  expect(dvr.isPast.value).toBe(false);
});

test("further back comes from the recording; live is closed, and what goes on there is still told", async () => {
  dvr.step(-30);
  expect(agoS()).toBe(30);
  await settled();
  expect(live.isClosed).toBe(true);
  expect(opened[0]?.past).toMatchObject({ fromMs: NOW - LIVE_DELAY_MS - 30_000, isPaused: false });
  expect(dvr.isPast.value).toBe(true);
  expect(standing.open).toBe(1);
});

test("steps count from where the person wanted to be, however slow the recording opens", async () => {
  dvr.step(-30);
  dvr.step(-10);
  dvr.step(-10);
  expect(agoS()).toBe(50);
  await vi.waitFor(() => expect(opened).toHaveLength(1));
  expect(opened[0]?.past.fromMs).toBe(NOW - LIVE_DELAY_MS - 50_000);
});

test("a step made while the recording has no picture yet is made up for when it has", async () => {
  dvr.step(-30);
  await settled();
  dvr.step(-10);
  expect(engine?.seeks).toEqual([]);
  dvr.arrived();
  expect(engine?.seeks).toEqual([NOW - LIVE_DELAY_MS - 40_000]);
});

test("going live closes the recording and stops the line beside it", async () => {
  dvr.step(-30);
  await settled();
  dvr.arrived();
  const past = engine;
  dvr.goLive();
  await settled();
  expect(past?.isClosed).toBe(true);
  expect([lives, standing.open]).toEqual([1, 0]);
  expect(dvr.isPast.value).toBe(false);
});

test("who goes live before the recording is open stays with live", async () => {
  dvr.step(-30);
  dvr.goLive();
  await settled();
  expect(opened).toHaveLength(0);
  expect(live.isClosed).toBe(false);
  expect(dvr.isMoving.value).toBe(false);
});

test("a pause further back than live holds goes on from the recording, where it was", async () => {
  isPaused = true;
  live.wallMs = NOW - 90_000;
  dvr.look();
  expect(dvr.resume()).toBe(true);
  await settled();
  expect(opened[0]?.past).toMatchObject({ fromMs: NOW - 90_000, isPaused: false });
});

test("a short pause goes on in place", () => {
  isPaused = true;
  live.wallMs = NOW - 8000;
  dvr.look();
  expect(dvr.resume()).toBe(false);
});

test("a pause of many minutes is parked at the recording, still paused: nothing is received for nobody", async () => {
  isPaused = true;
  live.wallMs = NOW - 200_000;
  dvr.look();
  await settled();
  expect(live.isClosed).toBe(true);
  expect(opened[0]?.past).toMatchObject({ fromMs: NOW - 200_000, isPaused: true });
});

test("a recording that is gone is said once, and live plays", async () => {
  dvr.step(-30);
  await settled();
  opened[0]?.past.gone();
  await settled();
  expect(dvr.isGone.value).toBe(true);
  expect(lives).toBe(1);
  expect(said).toEqual([t().gone]);
});

test("what plays the recording could not be fetched: that is said, live goes on, and the next try may succeed", async () => {
  file.isMissing = true;
  dvr.step(-30);
  await settled();
  expect(said).toEqual([t().failed]);
  expect([dvr.isGone.value, dvr.isMoving.value, live.isClosed]).toEqual([false, false, false]);
  file.isMissing = false;
  dvr.step(-30);
  await settled();
  expect(dvr.isPast.value).toBe(true);
});

test("a moment that cannot be had leads back to live, and others may be tried", async () => {
  dvr.step(-30);
  await settled();
  opened[0]?.past.failed();
  await settled();
  expect([dvr.isGone.value, lives]).toEqual([false, 1]);
  expect(said).toEqual([t().failed]);
});

test("a long pause that cannot be parked is silent, and not tried again at once", async () => {
  file.isMissing = isPaused = true;
  live.wallMs = NOW - 200_000;
  dvr.look();
  await settled();
  file.isMissing = false;
  dvr.look();
  await settled();
  expect(said).toEqual([]);
  expect(opened).toHaveLength(0);
});

/** The element as it is in the middle of a jump: it has a picture, as soon as the jump is over. */
function inAJump(): () => void {
  isSeeking = true;
  Object.defineProperty(video, "videoWidth", { value: 1280 });
  Object.defineProperty(video, "readyState", { value: HTMLMediaElement.HAVE_CURRENT_DATA });
  return () => {
    isSeeking = false;
    video.dispatchEvent(new Event("seeked"));
  };
}

test("the last picture is kept until the recording has one", async () => {
  const arrive = inAJump();
  dvr.step(-30);
  await settled();
  arrive();
  await settled();
  expect(canvas.hidden).toBe(false);
  expect(dvr.isPast.value).toBe(true);
});

test("who goes live while a picture is about to be kept sees live, not the picture", async () => {
  const arrive = inAJump();
  dvr.step(-30);
  await settled();
  dvr.goLive();
  arrive();
  await settled();
  expect(canvas.hidden).toBe(true);
  expect(dvr.isMoving.value).toBe(false);
});

test("one that moves on at once keeps the picture for the move that counts", async () => {
  const arrive = inAJump();
  dvr.step(-30);
  await settled();
  dvr.goLive();
  dvr.step(-40);
  await settled();
  arrive();
  await settled();
  expect(canvas.hidden).toBe(false);
  expect(opened).toHaveLength(1);
});

test("whoever is back in what live had in hand goes on there from the recording, when another choice took it", async () => {
  dvr.step(-10);
  live.heldFromMs = NOW;
  dvr.keepPlace();
  await settled();
  expect(opened[0]?.past.fromMs).toBe(NOW - LIVE_DELAY_MS - 10_000);
});

test("a choice takes nobody who is with live anywhere", async () => {
  live.heldFromMs = NOW;
  dvr.keepPlace();
  await settled();
  expect(opened).toHaveLength(0);
});

test("after the end of the event the recording goes on, and leaving it leads to the thanks", async () => {
  dvr.step(-30);
  await settled();
  dvr.arrived();
  endMs = NOW;
  dvr.look();
  expect(dvr.isPast.value).toBe(true);
  dvr.goLive();
  expect([closed, lives]).toEqual([1, 0]);
});

test("a recording of what is over is offered where the join answer names one, and nothing is asked for in vain", async () => {
  const asked = vi.fn(() => Promise.resolve(new Response()));
  vi.stubGlobal("fetch", asked);
  address = "";
  await dvr.lookForReplay();
  expect(dvr.canReplay.value).toBe(false);
  address = "/live/e/key/dvr.m3u8";
  await dvr.lookForReplay();
  expect(dvr.canReplay.value).toBe(true);
  expect(asked).not.toHaveBeenCalled();
  vi.unstubAllGlobals();
});
