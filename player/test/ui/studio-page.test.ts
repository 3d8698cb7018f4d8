// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { Problem } from "../../src/core/problem";
import type { PublishState } from "../../src/media/publisher";
import { eventStatus, join } from "../../src/net/api";
import { shortcutsOn, switchShortcuts } from "../../src/ui/shortcuts";
import { StudioPage } from "../../src/ui/studio/page";
import { StudioStore } from "../../src/ui/studio/store";
import { FakeTrack, Gear, settled } from "./gear";

/** The way on air, as far as the page asks for it. */
const Way = vi.hoisted(() => {
  class Way {
    static opened: Way[] = [];
    static farewell: Promise<void> = Promise.resolve();
    readonly sent: (string | null)[] = [];
    constructor(
      readonly address: string,
      readonly onState: (state: PublishState) => void,
    ) {
      Way.opened.push(this);
    }
    async send(kind: string, track: { label: string } | null): Promise<void> {
      if (kind === "video") this.sent.push(track?.label ?? null);
    }
    start(): void {
      this.onState({ is: "air" });
    }
    async end(): Promise<void> {
      this.onState({ is: "ended" });
      await Way.farewell;
    }
    async uplink(): Promise<null> {
      return null;
    }
  }
  return Way;
});

vi.mock("../../src/media/publisher", () => ({ Publisher: Way }));
vi.mock("../../src/media/meter", () => ({ LevelMeter: class { close(): void {} } }));
vi.mock("../../src/media/plate", () => ({
  namePlate: (name: string) => {
    const track = new FakeTrack("video", `plate of ${name}`);
    return { track, close: () => track.stop() };
  },
}));
vi.mock("../../src/ui/questions/entrance", () => ({ openQuestions: () => null }));
vi.mock("../../src/net/api", () => ({ join: vi.fn(), eventStatus: vi.fn(), rename: vi.fn(), whipCard: vi.fn() }));

const EVENT = { id: "e", title: "Town hall", language: "en", starts_at: 0, state: "live", role: "presenter" };
const theme = { theme: signal<"dark" | "light">("dark"), toggle: () => undefined };
let gear: Gear;
let store: StudioStore;

function press(key: string): void {
  void act(() => void document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })));
}

const see = (id: string) => document.querySelector(`[data-testid=${id}]`);
const page = () => document.body.textContent ?? "";

async function enter(): Promise<void> {
  store = new StudioStore("e");
  await act(() => render(h(StudioPage, { store, theme }), document.body));
  await act(async () => void (await gear.answer()));
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("matchMedia", () => Object.assign(new EventTarget(), { matches: false }));
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", { value: null, writable: true, configurable: true });
  Way.opened = [];
  Way.farewell = Promise.resolve();
  gear = new Gear();
  vi.mocked(join).mockResolvedValue({ event: EVENT, role: "presenter", name: "Ada", whip: "/whip/e" } as never);
  vi.mocked(eventStatus).mockResolvedValue({ ...EVENT, viewers: 3 } as never);
  await enter();
});

afterEach(() => {
  switchShortcuts(true);
  render(null, document.body);
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("what is said of the camera", () => {
  test("it is off only while it is", async () => {
    press("v");
    expect(page()).toContain("Camera off: viewers see your name");
    await act(() => store.goLive());
    await act(() => store.endPart());
    await act(async () => {
      store.again();
      await gear.answer();
    });
    expect(store.devices.composition.value).toBe("camera");
    expect(page()).not.toContain("Camera off");
  });
});

describe("what is said to be released is released", () => {
  test("when the event ends while somebody is in the check", async () => {
    expect(gear.live).toHaveLength(2);
    vi.mocked(eventStatus).mockResolvedValue({ ...EVENT, state: "ended", viewers: 0 } as never);
    await act(() => vi.advanceTimersByTimeAsync(6000).then(() => undefined));
    expect(page()).toContain("The event has ended");
    expect(gear.live).toEqual([]);
  });

  test("and no key takes it back on the page that says so", async () => {
    await act(() => store.goLive());
    await act(() => store.endPart());
    expect(see("over")).not.toBeNull();
    const asked = gear.asked.length;
    press("v");
    press("m");
    await settled();
    expect(gear.asked).toHaveLength(asked);
    expect(gear.live).toEqual([]);
  });
});

test("who goes live again while the server still lets go keeps the new way on air", async () => {
  await act(() => store.goLive());
  let letGo = () => undefined as void;
  Way.farewell = new Promise((resolve) => (letGo = resolve));
  const ending = store.endPart();
  await act(async () => {
    store.again();
    await gear.answer();
    store.goLive();
  });
  letGo();
  await ending;
  press("v");
  expect(Way.opened).toHaveLength(2);
  expect(Way.opened[1]?.sent.at(-1)).toBe("plate of Ada");
});

test("whom another window replaced is told so, and takes over by hand", async () => {
  await act(() => store.goLive());
  await act(() => Way.opened[0]?.onState({ is: "refused", problem: new Problem(409, "replaced", "") }));
  expect(page()).toContain("Another window or program of yours");
  await act(() => (see("take-over") as HTMLButtonElement).click());
  expect(Way.opened).toHaveLength(2);
  expect(store.isOnAir.value).toBe(true);
  expect(see("take-over")).toBeNull();
});

describe("single keys", () => {
  test("stand in a list with a switch that turns them off", async () => {
    press("?");
    expect(see("help-dialog")?.textContent).toContain("Mute or unmute your microphone");
    const off = document.querySelector<HTMLElement>("dialog [role=switch]");
    await act(() => off?.click());
    expect(shortcutsOn.value).toBe(false);
    press("m");
    expect(store.devices.isMuted.value).toBe(false);
  });

  test("can be found without one", async () => {
    await act(() => (see("help") as HTMLButtonElement).click());
    expect(see("help-dialog")).not.toBeNull();
  });
});
