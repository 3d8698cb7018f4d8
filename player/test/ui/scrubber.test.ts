// @vitest-environment happy-dom
/** The scrubber: where a drag ends, by whatever event a browser tells of it, and what ears are told meanwhile. */
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Scrubber } from "../../src/ui/components/scrubber";

const onMove = vi.fn();
const onEnd = vi.fn();
let page: HTMLElement;

const range = () => page.querySelector("input") as HTMLInputElement;
const told = () => range().getAttribute("aria-valuetext");
const isDragged = () => page.querySelector("[data-testid=scrubber-hint]") !== null;

function show(value: number, { max = 600, isLive = false } = {}): void {
  const words = (at: number) => (at >= max ? "live" : `${max - at} s behind`);
  const hint = (at: number) => String(at);
  act(() => render(h(Scrubber, { label: "place", value, max, step: 10, leap: 60, isLive, words, hint, onMove, onEnd }), page));
}

function drag(to: number): void {
  act(() => {
    range().dispatchEvent(new Event("pointerdown", { bubbles: true }));
    move(to);
  });
}

function move(to: number): void {
  range().value = String(to);
  range().dispatchEvent(new Event("input", { bubbles: true }));
}

const happens = (name: string, on: EventTarget = range()) => act(() => void on.dispatchEvent(new Event(name, { bubbles: true })));
const escape = () => act(() => void range().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true })));

beforeEach(() => {
  vi.clearAllMocks();
  page = document.body.appendChild(document.createElement("main"));
});

afterEach(() => {
  act(() => render(null, page));
  page.remove();
});

test("where it is let go is what was meant, told once, whatever comes first", () => {
  show(300);
  drag(200);
  expect([isDragged(), onMove.mock.calls]).toEqual([true, []]);
  happens("pointerup");
  happens("change");
  expect([isDragged(), onMove.mock.calls]).toEqual([false, [[200]]]);
  drag(100);
  happens("change");
  happens("pointerup");
  expect(onMove.mock.calls).toEqual([[200], [100]]);
});

test("a drag that ends where it began is over although no change is told, wherever the pointer is", () => {
  show(300);
  drag(300);
  happens("pointerup", document.body);
  expect(isDragged()).toBe(false);
  show(420);
  expect(range().value).toBe("420");
});

test.each(["pointercancel", "blur"])("%s ends a drag, and nothing moves", (name) => {
  show(300);
  drag(200);
  happens(name);
  expect([isDragged(), onMove.mock.calls]).toEqual([false, []]);
});

test("Escape ends a drag, and what the browser still tells of it does not count", () => {
  show(300);
  drag(200);
  escape();
  expect(isDragged()).toBe(false);
  act(() => move(250));
  happens("pointerup");
  happens("change");
  expect([isDragged(), range().value, onMove.mock.calls]).toEqual([false, "300", []]);
  drag(100);
  happens("pointerup");
  expect(onMove.mock.calls).toEqual([[100]]);
});

test("a screen reader moves it without any pointer", () => {
  show(300);
  act(() => move(301));
  happens("change");
  expect(onMove.mock.calls).toEqual([[301]]);
});

test("while somebody is at it, what passes by itself is not told; what they do is", () => {
  show(300);
  happens("focus");
  for (const max of [601, 602, 610]) show(300, { max });
  expect(told()).toBe("300 s behind");
  show(290, { max: 611 });
  expect(told()).toBe("321 s behind");
  act(() => move(289));
  expect(told()).toBe("322 s behind");
  happens("blur");
  show(290, { max: 630 });
  expect(told()).toBe("340 s behind");
});
