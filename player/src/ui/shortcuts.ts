/**
 * Single-key shortcuts of a page: off while somebody types, with a modifier held, in a dialog or menu, and switched off
 * for good by whoever wants that (WCAG 2.1.4).
 */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { recall, remember } from "../net/remembered";

const REMEMBERED = "plenum.shortcuts";

export const shortcutsOn = signal(recall(REMEMBERED) !== "off");

export function switchShortcuts(on: boolean): void {
  shortcutsOn.value = on;
  remember(REMEMBERED, on ? null : "off");
}

/** By `KeyboardEvent.key`, letters in lower case. An act that returns false did not want the key. */
export type Shortcuts = Readonly<Record<string, (event: KeyboardEvent) => boolean | void>>;

const TYPING = "input:not([type=radio], [type=range]), textarea, select, [contenteditable], [role=menu], dialog";
/** These already mean something on a focused control. */
const CONTROL_KEYS: ReadonlySet<string> = new Set([" ", "Enter"]);

function isMeant(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  const target = event.target instanceof Element ? event.target : document.body;
  if (target.closest(TYPING)) return false;
  // Nobody types into a radio button, and whoever has just pressed one must still be able to mute.
  if (target.closest("[type=radio]")) return event.key !== " " && !event.key.startsWith("Arrow");
  // A slider's own keys; whoever has just dragged one must still be able to pause.
  if (target.closest("[type=range]")) return !/^(Arrow|Page|Home|End)/.test(event.key);
  return !(CONTROL_KEYS.has(event.key) && target.closest("button, a, [role=slider], [role=switch]"));
}

/** `walking`: the keys that go on for as long as they are held. Any other held key acts once: it would publish a whole lane. */
export function useShortcuts(shortcuts: Shortcuts, walking: readonly string[] = []): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!shortcutsOn.peek() || !isMeant(event)) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const act = shortcuts[key];
      if (!act) return;
      const isHeld = event.repeat && !walking.includes(key);
      // A held key is kept from the browser too: the space bar would scroll.
      if (isHeld || act(event) !== false) event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}
