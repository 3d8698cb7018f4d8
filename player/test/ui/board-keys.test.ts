// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { h, render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ConsolePage } from "../../src/ui/console/page";
import { ConsoleStore } from "../../src/ui/console/store";
import { DismissDialog } from "../../src/ui/console/dismiss";
import { switchShortcuts } from "../../src/ui/shortcuts";
import { board, question } from "../core/boards";

vi.mock("../../src/ui/console/show", () => ({ ProgrammeMonitor: () => null, ShowClock: () => null, ShowControls: () => null }));
vi.mock("../../src/ui/console/audience", () => ({ Audience: () => null }));

const theme = { theme: signal<"dark" | "light">("light"), toggle: () => undefined };
const moderate = vi.fn(async (_question: unknown, _to: string, _reason?: string) => undefined);
let isPhone = true;
let store: ConsoleStore;

function press(key: string, repeat = false): void {
  void act(() => void document.body.dispatchEvent(new KeyboardEvent("keydown", { key, repeat, bubbles: true, cancelable: true })));
}

async function click(words: string): Promise<void> {
  const buttons = [...document.querySelectorAll<HTMLElement>("[role=tab], [role=radio]")];
  await act(() => buttons.find((button) => button.textContent?.includes(words))?.click());
}

const moved = () => moderate.mock.calls.map(([one, to]) => [(one as { id: string }).id, to]);
const onScreen = () => [...document.querySelectorAll("[data-question]")].map((card) => card.getAttribute("data-question"));

async function show(): Promise<void> {
  await act(() => render(h(ConsolePage, { store, theme }), document.body));
}

beforeEach(() => {
  vi.clearAllMocks();
  isPhone = true;
  vi.stubGlobal("matchMedia", () => Object.assign(new EventTarget(), { matches: isPhone }));
  store = new ConsoleStore("e", () => undefined);
  const questions = [
    ...["r1", "r2", "r3"].map((id) => question(id, "pending")),
    question("q1"),
    question("done", "answered"),
    question("gone", "hidden"),
  ];
  store.isMoving = () => false;
  store.questions.value = {
    board: signal(board(questions)),
    event: signal(null),
    audience: signal(0),
    clockOffsetMs: signal(0),
    storeState: signal("up"),
    refused: signal(null),
    link: signal({ is: "open" }),
    moderate,
  } as never;
});

afterEach(() => {
  switchShortcuts(true);
  render(null, document.body);
  vi.unstubAllGlobals();
});

describe("on a phone", () => {
  test("a key acts on the card of the tab that is shown", async () => {
    await show();
    await click("Queue");
    expect(onScreen()).toEqual(["q1"]);
    press("e");
    expect(moved()).toEqual([["q1", "answered"]]);
  });

  test("with the show on screen no key moves a question", async () => {
    await show();
    await click("Show");
    expect(onScreen()).toEqual([]);
    for (const key of ["a", "o", "n", "d", "j", "a"]) press(key);
    expect(moved()).toEqual([]);
    expect(store.dismissing.value).toBeNull();
  });

  test("the chip of the last lane takes the selection along", async () => {
    await show();
    await click("Done");
    await click("Set aside");
    expect(onScreen()).toEqual(["gone"]);
    press("a");
    expect(moved()).toEqual([["gone", "published"]]);
  });
});

test("on a desk the chip takes the selection along too", async () => {
  isPhone = false;
  await show();
  await click("Set aside");
  expect(store.selection.value).toMatchObject({ lane: "aside", id: "gone" });
});

test("a held key publishes one question, a held J walks", async () => {
  await show();
  press("a");
  press("a", true);
  press("a", true);
  expect(moved()).toEqual([["r1", "published"]]);
  store.enterLane("review");
  press("j", true);
  press("j", true);
  expect(store.selection.value.id).toBe("r3");
});

describe("the reasons' keys", () => {
  beforeEach(async () => {
    store.dismissing.value = question("r1", "pending");
    await act(() => render(h(DismissDialog, { store }), document.body));
  });

  test("dismiss with that reason", () => {
    press("2");
    expect(moderate).toHaveBeenCalledWith(expect.objectContaining({ id: "r1" }), "declined", "off_topic");
  });

  test("do nothing where single keys are switched off", () => {
    switchShortcuts(false);
    press("2");
    expect(moderate).not.toHaveBeenCalled();
  });
});
