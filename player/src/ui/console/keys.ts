/** The board's keys. They act on a card only while its lane is on screen: phones show one lane at a time, desks four of five. */
import type { Signal } from "@preact/signals";

import { across, step, VERB_KEYS, type Lane } from "../../core/lanes";
import type { Shortcuts } from "../shortcuts";
import type { ConsoleStore } from "./store";

/** What the fourth place shows. */
export type LastLane = "answered" | "aside";
/** What a phone shows; `answered` stands for the fourth place. */
export type PhoneTab = Exclude<Lane, "aside"> | "show";

/** Held keys walk on. */
export const WALKING = ["j", "k"];

export interface View {
  readonly isPhone: boolean;
  readonly tab: Signal<PhoneTab>;
  readonly last: Signal<LastLane>;
}

/** The lane that a phone's tab shows, null where it shows none. */
export function laneOf(tab: PhoneTab, last: LastLane): Lane | null {
  if (tab === "show") return null;
  return tab === "answered" ? last : tab;
}

function lanesInOrder(last: LastLane): readonly Lane[] {
  return ["review", "queue", "stage", last];
}

function shown({ isPhone, tab, last }: View): readonly Lane[] {
  if (!isPhone) return lanesInOrder(last.peek());
  const lane = laneOf(tab.peek(), last.peek());
  return lane ? [lane] : [];
}

export function boardKeys(store: ConsoleStore, view: View, onHelp: () => void): Shortcuts {
  const isSeen = () => shown(view).includes(store.selection.peek().lane);
  const walk = (by: 1 | -1) => () => {
    const [lane] = shown(view);
    if (!lane) return false;
    if (isSeen()) store.selection.value = step(store.lanes.peek(), store.selection.peek(), by);
    else store.enterLane(lane);
    return true;
  };
  const cross = (by: 1 | -1) => () => {
    const next = across(store.lanes.peek(), store.selection.peek(), by, lanesInOrder(view.last.peek()));
    store.selection.value = next;
    view.tab.value = next.lane === "aside" ? "answered" : next.lane;
  };
  const act = (verb: (typeof VERB_KEYS)[string]) => () => {
    const question = isSeen() ? store.selected.peek() : null;
    if (question && verb) store.move(question, verb);
    return question !== null;
  };
  return {
    ...Object.fromEntries(Object.entries(VERB_KEYS).map(([key, verb]) => [key, act(verb)])),
    j: walk(1),
    k: walk(-1),
    h: cross(-1),
    l: cross(1),
    "/": () => document.querySelector<HTMLInputElement>("#board-search")?.focus(),
    "?": onHelp,
  };
}
