// @vitest-environment happy-dom
/** What a person meets in the question panel: the ask box, the banner, the list, the keys. */
import { signal } from "@preact/signals";
import { h, render, type ComponentChild } from "preact";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type { LinkState } from "../../src/core/link";
import { EMPTY } from "../../src/core/outbox";
import { Refusal } from "../../src/core/refusal";
import type { Board } from "../../src/core/board";
import { chooseLanguage } from "../../src/i18n";
import { AskBox } from "../../src/ui/questions/ask-box";
import { QuestionPanel, StoreBanner } from "../../src/ui/questions/panel";
import { isAtRest, QuestionList } from "../../src/ui/questions/question-list";
import type { QuestionStore } from "../../src/ui/questions/store";
import { board } from "../core/boards";

const TEXT = "When does the canteen open?";

interface Asked {
  text: string;
  resolve(id: string): void;
  reject(error: Refusal): void;
}

let asked: Asked[];
let known: ReturnType<typeof knownStore>;

/** A question store as far as the panel reads it. */
function knownStore() {
  const shown = signal<Board>(board([]));
  return {
    board: shown,
    event: signal(shown.value.event),
    link: signal<LinkState>({ is: "open" }),
    storeState: signal("up"),
    isPaused: signal(false),
    limits: signal({ ask_min: 10, ask_max: 500 }),
    refused: signal<string | null>(null),
    outbox: signal(EMPTY),
    onAir: signal(null),
    clockOffsetMs: signal(0),
    ask: (text: string) => new Promise<string>((resolve, reject) => asked.push({ text, resolve, reject })),
    renew: vi.fn(),
  };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
const store = () => known as unknown as QuestionStore;
const area = () => document.querySelector<HTMLTextAreaElement>("#ask-text") as HTMLTextAreaElement;
const show = (page: ComponentChild) => render(page, document.body);

function type(text: string): void {
  area().value = text;
  area().dispatchEvent(new Event("input", { bubbles: true }));
}

function press(target: EventTarget, key: string, more: KeyboardEventInit = {}): void {
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
}

beforeEach(() => {
  chooseLanguage("en");
  asked = [];
  known = knownStore();
});

afterEach(() => {
  render(null, document.body);
  vi.unstubAllGlobals();
});

describe("the ask box", () => {
  beforeEach(async () => {
    show(h(AskBox, { store: store(), name: "Ada", onRename: async () => {} }));
    area().focus();
    type(TEXT);
    await settled();
  });

  test("asks once, however often Ctrl+Enter is pressed", async () => {
    for (let n = 0; n < 3; n += 1) {
      press(area(), "Enter", { ctrlKey: true });
      await settled();
    }
    expect(asked.map((one) => one.text)).toEqual([TEXT]);
  });

  test("keeps what was typed while the last one was under way", async () => {
    press(area(), "Enter", { ctrlKey: true });
    await settled();
    type(`${TEXT} And the next one?`);
    asked[0]?.resolve("q1");
    await settled();
    expect(area().value).toBe("And the next one?");
  });

  test("is empty after a question that went out", async () => {
    press(area(), "Enter", { ctrlKey: true });
    await settled();
    asked[0]?.resolve("q1");
    await settled();
    expect(area().value).toBe("");
  });

  test.each([
    ["the event ended", () => (known.event.value = { ...known.event.value, state: "ended" }), "event_ended"],
    ["the box closed", () => (known.board.value = { ...known.board.value, box: { mode: "pre", open: false } }), "box_closed"],
  ])("says that it was refused although %s meanwhile", async (_, close, code) => {
    press(area(), "Enter", { ctrlKey: true });
    await settled();
    close();
    await settled();
    asked[0]?.reject(new Refusal(code, "no"));
    await settled();
    expect(area()).toBeNull();
    expect(document.querySelector("[role=alert]")?.textContent).toContain("Your question was not sent.");
  });

  test("goes back to the field that is wrong", async () => {
    type("short");
    document.querySelector<HTMLButtonElement>("button[type=submit]")?.focus();
    document.querySelector("form")?.requestSubmit();
    await settled();
    expect(document.activeElement).toBe(area());
  });

  test("tells ears what is wrong with the name, and goes there", async () => {
    render(null, document.body);
    show(h(AskBox, { store: store(), name: "", onRename: async () => {} }));
    area().focus();
    type(TEXT);
    await settled();
    document.querySelector("form")?.requestSubmit();
    await settled();
    const name = document.querySelector<HTMLInputElement>("input[aria-invalid]");
    expect(document.activeElement).toBe(name);
    expect(document.getElementById(name?.getAttribute("aria-describedby")?.split(" ").at(-1) ?? "")?.getAttribute("role")).toBe("alert");
  });
});

describe("the banner", () => {
  const words = () => document.body.textContent;

  test.each([
    ["session_expired", "Your session has expired."],
    ["bad_session", "You are not signed in on this browser."],
    ["kicked", "The producer has removed you"],
    ["forbidden", "You may not do this in this event."],
    ["something_new", "Questions are not open to this page any more."],
  ])("says what the refusal %s means", (code, sentence) => {
    known.refused.value = code;
    show(h(StoreBanner, { store: store() }));
    expect(words()).toContain(sentence);
  });

  test("of too many tabs asks to close one, and not to wait", () => {
    known.link.value = { is: "lost", attempt: 3, nextAtMs: 0, code: "too_many_sockets" };
    show(h(StoreBanner, { store: store() }));
    expect(words()).toContain("Close another tab");
    expect(words()).not.toContain("paused");
  });

  test("of a restart speaks of a pause", () => {
    known.link.value = { is: "lost", attempt: 3, nextAtMs: 0, code: "restarting" };
    show(h(StoreBanner, { store: store() }));
    expect(words()).toContain("Questions are paused.");
  });
});

describe("Q", () => {
  test("leaves a full screen before it goes to the box", async () => {
    const order: string[] = [];
    show(h(QuestionPanel, { store: store(), name: "Ada", onRename: async () => {} }));
    await settled();
    area().addEventListener("focus", () => order.push("focus"));
    Object.defineProperty(document, "fullscreenElement", { configurable: true, get: () => document.body });
    document.exitFullscreen = async () => {
      await settled();
      order.push("left");
    };
    press(document.body, "q");
    await settled();
    await settled();
    Reflect.deleteProperty(document, "fullscreenElement");
    expect(order).toEqual(["left", "focus"]);
  });
});

describe("the list", () => {
  test.each([
    ["live", "No questions yet"],
    ["ended", "Nobody asked a question"],
  ] as const)("of an event that is %s and has no question says: %s", (state, words) => {
    known.event.value = { ...known.event.value, state };
    show(h(QuestionList, { store: store(), order: "top" }));
    expect(document.body.textContent).toContain(words);
    expect(document.body.textContent?.includes("Ask the first one")).toBe(state === "live");
  });

  test.each([
    ["a click left on a button", false, true],
    ["the keyboard has in it", true, false],
  ])("with the focus that %s: shown %s, at rest %s", (_, isShown, rests) => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const list = document.createElement("div");
    const button = document.createElement("button");
    list.append(button);
    document.body.append(list);
    button.focus();
    vi.spyOn(button, "matches").mockImplementation((selector: string) => selector === ":focus-visible" && isShown);
    expect(isAtRest(list, -Infinity)).toBe(rests);
    list.remove();
  });
});
