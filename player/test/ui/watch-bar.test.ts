// @vitest-environment happy-dom
/** The bar under the picture, for whoever uses it by keyboard or ear: the focus is never lost, and words come into a region that is there. */
import { signal } from "@preact/signals";
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Controls } from "../../src/ui/watch/controls";
import type { Dvr } from "../../src/ui/watch/dvr";
import { DvrBar, DvrSteps, Moving } from "../../src/ui/watch/dvr-bar";
import type { WatchStore } from "../../src/ui/watch/store";

const NOW = 1_800_000_600_000;

let page: HTMLElement;
const dvr = {
  span: signal({ startMs: NOW - 600_000, endMs: NOW }),
  placeMs: signal<number | null>(NOW),
  isGone: signal(false),
  isOver: signal(false),
  isBehind: signal(false),
  isWaiting: signal(false),
  step: vi.fn(),
  seek: vi.fn(),
  goLive: vi.fn(),
};
const forwardable = dvr as unknown as Dvr;

const at = (name: string) => page.querySelector(`[data-testid=${name}]`) as HTMLElement;

beforeEach(() => {
  vi.clearAllMocks();
  dvr.isBehind.value = dvr.isWaiting.value = false;
  page = document.body.appendChild(document.createElement("main"));
});

afterEach(() => {
  act(() => render(null, page));
  page.remove();
});

test("after going live the focus is where the button was, at the word that says so", () => {
  const isBehind = signal(true);
  const store = {
    hasPicture: signal(true),
    isPaused: signal(false),
    dvr: signal(null),
    dvrPages: signal(null),
    qualityMenu: signal(null),
    sound: { muted: signal(false), volume: signal(1) },
    rungs: signal([]),
    path: signal("push"),
    isBehind,
    behindS: signal(20),
    scene: signal("live"),
    stats: signal({ latencyMs: null }),
    goLive: () => (isBehind.value = false),
  } as unknown as WatchStore;
  act(() => render(h(Controls, { store, onHelp() {} }), page));
  at("go-live").focus();
  act(() => at("go-live").click());
  expect(at("go-live")).toBeNull();
  expect(document.activeElement?.contains(at("live"))).toBe(true);
  expect(document.activeElement).not.toBe(document.body);
  act(() => void (isBehind.value = true));
  at("mute").focus();
  act(() => void (isBehind.value = false));
  expect(document.activeElement).toBe(at("mute"));
});

test("who steps forward until live keeps the focus on the button, which then does nothing", () => {
  dvr.isBehind.value = true;
  act(() => render(h(DvrSteps, { dvr: forwardable }), page));
  at("forward").focus();
  act(() => at("forward").click());
  expect(dvr.step).toHaveBeenCalledOnce();
  act(() => void (dvr.isBehind.value = false));
  act(() => at("forward").click());
  expect(dvr.step).toHaveBeenCalledOnce();
  expect(document.activeElement).toBe(at("forward"));
  expect([at("forward").hasAttribute("disabled"), at("forward").getAttribute("aria-disabled")]).toEqual([false, "true"]);
});

test("the region that says what is loaded is there before its words", () => {
  act(() => render(h(Moving, { dvr: forwardable, isShown: true }), page));
  const region = page.querySelector("[role=status]");
  expect(region?.textContent).toBe("");
  act(() => void (dvr.isWaiting.value = true));
  expect(page.querySelector("[role=status]")).toBe(region);
  expect(region?.textContent).not.toBe("");
});

test("while it is dragged away from live, ears are told where it is", () => {
  act(() => render(h(DvrBar, { dvr: forwardable }), page));
  const range = at("scrubber") as HTMLInputElement;
  expect(range.getAttribute("aria-valuetext")).toBe("Live");
  act(() => {
    range.value = "540";
    range.dispatchEvent(new Event("input", { bubbles: true }));
  });
  expect(range.getAttribute("aria-valuetext")).toBe("1 minute behind live");
});
