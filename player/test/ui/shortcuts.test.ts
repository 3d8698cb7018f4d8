// @vitest-environment happy-dom
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { switchShortcuts, useShortcuts, type Shortcuts } from "../../src/ui/shortcuts";

const publish = vi.fn();
const next = vi.fn();

function Page({ keys }: { keys: Shortcuts }) {
  useShortcuts(keys, ["j"]);
  return null;
}

function press(key: string, repeat = false): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, repeat, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
  return event;
}

beforeEach(() => {
  vi.clearAllMocks();
  void act(() => render(h(Page, { keys: { a: publish, j: next, " ": publish } }), document.body));
});

afterEach(() => {
  switchShortcuts(true);
  render(null, document.body);
});

test("a key acts once, however long it is held", () => {
  press("a");
  press("a", true);
  press("A", true);
  expect(publish).toHaveBeenCalledTimes(1);
});

test("a walking key goes on while it is held", () => {
  press("j");
  press("j", true);
  expect(next).toHaveBeenCalledTimes(2);
});

test("a held space bar does not scroll the page either", () => {
  expect(press(" ", true).defaultPrevented).toBe(true);
  expect(press("x", true).defaultPrevented).toBe(false);
});

test("switched off, no key does anything", () => {
  switchShortcuts(false);
  press("a");
  press("j");
  expect(publish).not.toHaveBeenCalled();
  expect(next).not.toHaveBeenCalled();
});
