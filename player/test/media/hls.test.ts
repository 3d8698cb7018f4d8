// @vitest-environment happy-dom
/** The hls engine is the last way to play: whatever breaks, it starts anew, ever slower, and takes up speed after a quiet time. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { LinkState } from "../../src/core/link";
import { ServerClock } from "../../src/core/latency";
import { HlsEngine } from "../../src/media/hls";

type Handler = (name: string, data: object) => void;

const made = vi.hoisted(() => [] as { repairs: number; isGone: boolean; source: string; fail(type: string, more?: object): void; play(): void }[]);

vi.mock("hls.js", () => {
  class FakeHls {
    static readonly Events = { MANIFEST_PARSED: "parsed", FRAG_CHANGED: "frag", LEVEL_UPDATED: "level", ERROR: "error" };
    static readonly ErrorTypes = { MEDIA_ERROR: "media", NETWORK_ERROR: "network" };
    static readonly DefaultConfig = { loader: class {} };
    static isSupported = () => true;
    readonly levels = [];
    private readonly handlers = new Map<string, Handler>();
    repairs = 0;
    isGone = false;
    source = "";

    constructor() {
      made.push(this);
    }

    on(name: string, handler: Handler): void {
      this.handlers.set(name, handler);
    }

    fail(type: string, more: object = {}): void {
      this.handlers.get("error")?.("error", { fatal: true, type, details: `${type} broke`, ...more });
    }

    play(): void {
      this.handlers.get("level")?.("level", {});
    }

    recoverMediaError(): void {
      this.repairs += 1;
    }

    attachMedia(): void {}
    loadSource(address: string): void {
      this.source = address;
    }

    destroy(): void {
      this.isGone = true;
    }
  }
  return { default: FakeHls };
});

const MOST_WAIT_MS = 7500;
let links: LinkState[];
let engine: HlsEngine;
let rejoin: () => Promise<string>;

const newest = () => made.at(-1) as (typeof made)[number];

beforeEach(() => {
  vi.useFakeTimers();
  made.length = 0;
  links = [];
  rejoin = () => Promise.reject(new Error("away"));
  const listener = { link: (state: LinkState) => links.push(state), ready() {}, blocked() {}, rungs() {}, rejoin: () => rejoin() };
  engine = new HlsEngine(document.createElement("video"), "/live/e/index.m3u8", new ServerClock(), listener, "720p");
});

afterEach(() => {
  engine.close();
  vi.useRealTimers();
});

/** What repairs do not mend. */
function breakForGood(): void {
  for (let n = 0; n < 4; n += 1) newest().fail("media");
}

test("what three repairs did not mend is started anew by itself", async () => {
  breakForGood();
  expect(newest()).toMatchObject({ repairs: 3, isGone: true });
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
  await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
  expect(made).toHaveLength(2);
  newest().play();
  expect(links.at(-1)).toEqual({ is: "open" });
});

test("any other fatal error too", async () => {
  newest().fail("other");
  await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
  expect(made).toHaveLength(2);
});

test("one that breaks again and again is tried ever more slowly, although its playlist opens each time", async () => {
  for (const attempt of [1, 2, 3]) {
    breakForGood();
    expect(links.at(-1)).toMatchObject({ is: "lost", attempt });
    await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
    newest().play();
  }
});

test("after a quiet time it is repaired and started as if for the first time", async () => {
  breakForGood();
  await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
  newest().play();
  await vi.advanceTimersByTimeAsync(30_000);
  newest().fail("media");
  expect(newest()).toMatchObject({ repairs: 1, isGone: false });
  breakForGood();
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
});

test("a broken network leaves on screen what is in hand", () => {
  newest().fail("network");
  expect(newest().isGone).toBe(false);
});

test("after the network failed it goes to the address that a new join names: the edge may be gone", async () => {
  rejoin = () => Promise.resolve("https://berlin.example/live/e/index.m3u8");
  newest().fail("network");
  await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
  expect(made.map((one) => one.source)).toEqual(["/live/e/index.m3u8", "https://berlin.example/live/e/index.m3u8"]);
});

test("where nobody can be asked for another address the old one is tried", async () => {
  newest().fail("network");
  await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
  expect(made.map((one) => one.source)).toEqual(["/live/e/index.m3u8", "/live/e/index.m3u8"]);
});

test("a closed one is not started anew", async () => {
  breakForGood();
  engine.close();
  await vi.advanceTimersByTimeAsync(MOST_WAIT_MS);
  expect(made).toHaveLength(1);
});

/** An engine that plays the recording, and how often it was told what. */
function recording() {
  engine.close();
  const told = { gone: 0, failed: 0 };
  const past = { fromMs: 0, isPaused: false, gone: () => (told.gone += 1), failed: () => (told.failed += 1) };
  const { listener } = engine;
  engine = new HlsEngine(document.createElement("video"), "/live/e/dvr.m3u8", new ServerClock(), listener, "720p", past);
  return told;
}

const refusedWith = (code: string) => ({ response: { code: 404 }, networkDetails: { responseType: "text", responseText: `{"code":"${code}"}` } });

test("a recording is gone where its playlist says so", () => {
  const told = recording();
  newest().fail("network", refusedWith("not_recorded"));
  expect(told).toEqual({ gone: 1, failed: 0 });
});

test("a piece that is not held any more, a playlist that is not there yet, an answer without words: all that may be otherwise later", () => {
  const told = recording();
  const piece = { response: { code: 404 }, frag: {}, networkDetails: { responseType: "arraybuffer" } };
  for (const why of [piece, refusedWith("not_live"), { response: { code: 404 } }]) newest().fail("network", why);
  expect(told).toEqual({ gone: 0, failed: 3 });
});

test("a key that is not taken is asked for again: nothing of the recording is gone", async () => {
  const told = recording();
  newest().fail("network", { response: { code: 401 } });
  expect(links.at(-1)).toMatchObject({ is: "lost", attempt: 1 });
  expect(told).toEqual({ gone: 0, failed: 0 });
});
