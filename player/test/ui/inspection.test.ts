// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { StudioDevices } from "../../src/ui/studio/devices";
import { Inspection } from "../../src/ui/studio/inspection";
import { FakeTrack } from "./gear";

/** An element that presents thirty pictures a second of one size. */
class Screen {
  private readonly waiting = new Map<number, () => void>();
  private handle = 0;
  private readonly timer = setInterval(() => this.present(), 1000 / 30);

  constructor(
    readonly videoWidth: number,
    readonly videoHeight: number,
  ) {}

  requestVideoFrameCallback(act: () => void): number {
    this.waiting.set((this.handle += 1), act);
    return this.handle;
  }

  cancelVideoFrameCallback(handle: number): void {
    this.waiting.delete(handle);
  }

  get isWatched(): boolean {
    return this.waiting.size > 0;
  }

  remove(): void {
    clearInterval(this.timer);
  }

  private present(): void {
    const due = [...this.waiting.values()];
    this.waiting.clear();
    for (const act of due) act();
  }
}

const camera = signal<unknown>(null);
const composition = signal("camera");
const hidden = vi.spyOn(document, "hidden", "get");
let inspection: Inspection;

const watch = (screen: Screen) => inspection.watch(screen as unknown as HTMLVideoElement);
const found = () => inspection.checks.value.camera;

beforeEach(() => {
  vi.useFakeTimers();
  hidden.mockReturnValue(false);
  camera.value = new FakeTrack("video");
  composition.value = "camera";
  const devices = { camera, composition, microphone: signal(null), isMuted: signal(false), onLevel: () => undefined };
  inspection = new Inspection(devices as unknown as StudioDevices, async () => undefined);
});

afterEach(() => vi.useRealTimers());

test("what the element presents is what is found", () => {
  watch(new Screen(1280, 720));
  vi.advanceTimersByTime(3000);
  expect(found()).toEqual({ is: "good", finding: { what: "picture", width: 1280, height: 720, fps: 30 } });
});

test("an element that is gone has no say any more, neither its size nor its pictures", () => {
  const old = new Screen(1280, 720);
  const stop = watch(old);
  vi.advanceTimersByTime(3000);
  stop();
  expect(old.isWatched).toBe(false);
  camera.value = new FakeTrack("video");
  watch(new Screen(640, 360));
  vi.advanceTimersByTime(3000);
  expect(found()).toEqual({ is: "warn", finding: { what: "smallPicture", width: 640, height: 360, fps: 30 } });
  expect(vi.getTimerCount()).toBe(3);
});

test.each([
  ["a shared screen", () => (composition.value = "inset"), () => (composition.value = "camera")],
  ["a hidden page", () => hidden.mockReturnValue(true), () => hidden.mockReturnValue(false)],
] as [string, () => unknown, () => unknown][])("the time of %s does not count", (_, begin, end) => {
  const screen = new Screen(1280, 720);
  watch(screen);
  vi.advanceTimersByTime(1000);
  begin();
  screen.remove(); // no picture of the camera in this time
  vi.advanceTimersByTime(60_000);
  end();
  vi.advanceTimersByTime(600);
  expect(found()).toEqual({ is: "running" });
});
