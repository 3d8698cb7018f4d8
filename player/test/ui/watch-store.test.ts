// @vitest-environment happy-dom
/** The watch page's own decisions, without a server: when it is over, and what the sound still waits for. */
import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { QuestionStore } from "../../src/ui/questions/store";
import { Sound } from "../../src/ui/watch/sound";
import { WatchStore } from "../../src/ui/watch/store";

// The store fetches the player while it joins; it would still be on its way when these tests are over.
vi.mock("../../src/ui/watch/push-path", () => ({ canPush: () => false }));
vi.mock("../../src/ui/questions", () => ({}));

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
