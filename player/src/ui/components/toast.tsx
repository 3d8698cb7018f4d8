/** Short messages at the page's foot that go by themselves; said to ears politely. At most three at once, the oldest goes. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export type ToastKind = "plain" | "good" | "bad";

interface ToastMessage {
  readonly id: number;
  readonly words: string;
  readonly kind: ToastKind;
}

const AT_ONCE = 3;
const STAYS_MS = 6000;

const shown = signal<readonly ToastMessage[]>([]);
let last = 0;

export function toast(words: string, kind: ToastKind = "plain"): void {
  const id = ++last;
  shown.value = [...shown.value.filter((message) => message.words !== words), { id, words, kind }].slice(-AT_ONCE);
  setTimeout(() => {
    shown.value = shown.value.filter((message) => message.id !== id);
  }, STAYS_MS);
}

/** Put once into a page. */
export function Toasts() {
  const region = useRef<HTMLDivElement>(null);
  const messages = shown.value;
  useEffect(() => {
    const element = region.current;
    if (!element?.showPopover) return;
    // Into the top layer anew with each message, so that an open dialog does not cover it.
    if (element.matches(":popover-open")) element.hidePopover();
    if (messages.length) element.showPopover();
  }, [messages]);
  return (
    <div ref={region} class="toasts" role="status" aria-live="polite" popover="manual">
      {messages.map((message) => (
        <p key={message.id} class={`toast toast-${message.kind}`}>
          {message.words}
        </p>
      ))}
    </div>
  );
}
