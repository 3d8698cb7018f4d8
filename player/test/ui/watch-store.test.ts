// @vitest-environment happy-dom
/** The watch page's own decisions, without a server: when it is over, and what the sound still waits for. */
import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { QuestionStore } from "../../src/ui/questions/store";
import { Sound } from "../../src/ui/watch/sound";
import { WatchStore } from "../../src/ui/watch/store";

// The store fetches the player while it joins; it would still be on its way when these tests are over.
vi.mock("../../src/ui/watch/push-path", () => ({ canPush: () => false }));
vi.mock("../../src/ui/questions", () => ({ openQuestions: () => null }));

beforeEach(() => vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network"))));
afterEach(() => vi.unstubAllGlobals());

test("when the board says that the event ended, picture and sound stop too", async () => {
  const store = new WatchStore("town-hall");
  const close = vi.fn();
  const inside = store as unknown as { engine: object | null; push: object | null };
  inside.engine = { stats: () => null };
  inside.push = { close };
  store.hasPicture.value = true;
  const event = signal({ state: "live", live_at_ms: 1, ended_at_ms: 0 });
  const questions = { event, audience: signal(3) } as unknown as QuestionStore;
  store.questions.value = questions;
  expect(close).not.toHaveBeenCalled();
  event.value = { ...event.value, state: "ended" };
  expect(store.scene.value).toBe("ended");
  expect(close).toHaveBeenCalledOnce();
  expect(inside.engine).toBeNull();
  expect(inside.push).toBeNull();
  expect(store.hasPicture.value).toBe(false);
});

test("a picture that was started by a key has nothing to tap for any more", () => {
  const sound = new Sound();
  const video = document.createElement("video");
  sound.attach(video);
  sound.blocked.value = "still";
  video.dispatchEvent(new Event("playing"));
  expect(sound.blocked.value).toBe("no");
});

test("one that runs silently still offers its sound", () => {
  const sound = new Sound();
  const video = document.createElement("video");
  sound.attach(video);
  sound.blocked.value = "sound";
  video.dispatchEvent(new Event("playing"));
  expect(sound.blocked.value).toBe("sound");
});

interface Inside {
  engine: object | null;
  push: object | null;
  fallBack(reason: string): Promise<void>;
  poll(): Promise<void>;
  took(answer: unknown): void;
  rejoin(which: "hls" | "dvr", lost: string): Promise<string>;
  openPull(): Promise<void>;
}

const EVENT = { id: "town-hall", state: "live", live_at: 1, ended_at: 0 };
const JOIN = {
  event: EVENT,
  name: "",
  ticket: "",
  ticket_lifetime_s: 600,
  feed_ticket: "",
  feed_ticket_lifetime_s: 21_600,
  feed: ["https://munich.example/live/town-hall/feed", "https://berlin.example/live/town-hall/feed", "/live/town-hall/feed"],
  hls: "https://munich.example/live/town-hall/key/index.m3u8",
  dvr: "",
  server_time_ms: 0,
};

function inside(): [WatchStore, Inside] {
  const store = new WatchStore("town-hall");
  return [store, store as unknown as Inside];
}

test("an engine that cannot go on is left as soon as the server answers, though it said so once", async () => {
  const [store, within] = inside();
  const close = vi.fn();
  within.push = { close };
  await within.fallBack("decode");
  expect(close).not.toHaveBeenCalled();
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ ...EVENT, state: "scheduled", programme: null, viewers: 0 })));
  await within.poll();
  expect(close).toHaveBeenCalledOnce();
  expect(store.path.value).toBe("hls");
});

test("a way that was blocked while the server was away is not left when it comes back: the feed says so again", async () => {
  const [, within] = inside();
  const close = vi.fn();
  within.push = { close };
  await within.fallBack("blocked");
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ ...EVENT, programme: null, viewers: 0 })));
  await within.poll();
  expect(close).not.toHaveBeenCalled();
});

test("a playlist that is lost is looked for at the next server, with or without the API, and never where it failed last", async () => {
  const [store, within] = inside();
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(JOIN)));
  const munich = await within.rejoin("hls", "");
  expect(munich).toBe(JOIN.hls);
  const berlin = await within.rejoin("hls", munich);
  expect(berlin).toBe("https://berlin.example/live/town-hall/key/index.m3u8");
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  const own = await within.rejoin("hls", berlin);
  expect(own).toBe("/live/town-hall/key/index.m3u8");
  expect(await within.rejoin("hls", own)).toBe(munich);
  await expect(within.rejoin("hls", "")).rejects.toThrow();
  store.turned.value = "kicked";
});

test("an end that is learnt by joining again offers the recording too", async () => {
  const [store, within] = inside();
  const lookForReplay = vi.fn();
  const dvr = { isPast: signal(false), isBehind: signal(false), behindS: signal(0), lookForReplay, close: () => {}, look: () => {} };
  Object.assign(store, { video: document.createElement("video"), canvas: document.createElement("canvas") });
  store.dvr.value = dvr as unknown as NonNullable<typeof store.dvr.value>;
  within.took({ ...JOIN, dvr: "/live/town-hall/key/dvr.m3u8", event: { ...EVENT, state: "ended" } });
  expect(store.scene.value).toBe("ended");
  await vi.waitFor(() => expect(lookForReplay).toHaveBeenCalledOnce());
});
