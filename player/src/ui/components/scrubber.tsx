/**
 * A bar to move along a span of seconds with: pointer, finger, keyboard, screen reader. A native range under a drawn track.
 *
 * Nothing moves while it is dragged: where it is let go is what was meant. The arrow keys go by `step`, page keys by `leap`.
 * `change` alone does not end a drag: Firefox fires none where it ends where it began, nor after Escape.
 */
import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

const THUMB_PX = 16;
/** What a second of playing moves it by, and a late look. */
const DRIFT_S = 3;

export interface ScrubberProps {
  label: string;
  /** Seconds from the left end. */
  value: number;
  max: number;
  step: number;
  leap: number;
  /** The end moves along and the value with it: the bar is full and says so. */
  isLive: boolean;
  /** How ears are told where it stands. */
  words(value: number): string;
  /** What stands over a place under the pointer. */
  hint(value: number): ComponentChildren;
  onMove(value: number): void;
  /** `end` was asked for: not a place, wherever the end is by then. */
  onEnd(): void;
  /** Somebody is about to. */
  onNear?(): void;
}

export function Scrubber(props: ScrubberProps) {
  const { label, max, step, leap, isLive, words, hint, onMove, onEnd, onNear } = props;
  const dragged = useSignal<number | null>(null);
  const hovered = useSignal<number | null>(null);
  const value = dragged.value ?? (isLive ? max : Math.min(props.value, max));
  const hinted = dragged.value ?? hovered.value;
  const held = useRef<"no" | "held" | "dropped">("no");
  const told = useToldWords(words(value), value, isLive, dragged.value !== null);
  const go = (to: number) => (to >= max ? onEnd() : onMove(Math.max(0, to)));
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const fraction = (event.clientX - box.left - THUMB_PX / 2) / Math.max(1, box.width - THUMB_PX);
    return Math.min(1, Math.max(0, fraction)) * max;
  };
  const settle = () => {
    const to = dragged.value;
    dragged.value = null;
    if (to !== null) go(to);
  };
  /** Without a move: the browser took the pointer away, or the person thought better of it. */
  const cancel = () => {
    dragged.value = null;
    if (held.current === "held") held.current = "dropped";
  };
  // The end moves along during a drag.
  const ends = useRef({ settle, cancel });
  ends.current = { settle, cancel };
  const onPointerDown = () => {
    held.current = "held";
    const over = new AbortController();
    const end = (how: "settle" | "cancel") => {
      over.abort();
      ends.current[how]();
      held.current = "no";
    };
    // Wherever it is let go.
    addEventListener("pointerup", () => end("settle"), { signal: over.signal });
    addEventListener("pointercancel", () => end("cancel"), { signal: over.signal });
  };
  const onInput = (event: { currentTarget: HTMLInputElement }) => {
    // The browser may go on dragging, or tell of its own way back.
    if (held.current === "dropped") event.currentTarget.value = String(value);
    else dragged.value = Number(event.currentTarget.value);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") cancel();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const by: Record<string, number> = {
      ArrowLeft: -step,
      ArrowDown: -step,
      ArrowRight: step,
      ArrowUp: step,
      PageDown: -leap,
      PageUp: leap,
      Home: Number.NEGATIVE_INFINITY,
      End: Number.POSITIVE_INFINITY,
    };
    const move = by[event.key];
    if (move === undefined) return;
    event.preventDefault();
    go(value + move);
  };
  return (
    <div
      class={`scrubber ${isLive && dragged.value === null ? "scrubber-live" : ""}`}
      style={{ "--at": max > 0 ? value / max : 1, "--hint": max > 0 ? (hinted ?? 0) / max : 0 }}
      onPointerEnter={onNear}
      onPointerMove={(event) => {
        // A finger has no place of its own before it drags.
        if (event.pointerType !== "touch") hovered.value = at(event);
      }}
      onPointerLeave={() => (hovered.value = null)}
    >
      <span class="scrubber-track" />
      <span class="scrubber-done" />
      <input
        class="scrubber-range"
        type="range"
        min={0}
        max={max}
        step={1}
        value={value}
        aria-label={label}
        aria-valuetext={told.words}
        onPointerDown={onPointerDown}
        onInput={onInput}
        onChange={settle}
        onKeyDown={onKeyDown}
        onFocus={() => {
          told.isHeard(true);
          onNear?.();
        }}
        onBlur={() => {
          told.isHeard(false);
          cancel();
        }}
        data-testid="scrubber"
      />
      {hinted !== null && (
        <span class="scrubber-hint numbers" aria-hidden="true" data-testid="scrubber-hint">
          {hint(hinted)}
        </span>
      )}
    </div>
  );
}

/**
 * A screen reader says each change of the words while it is here: what passes by itself, playing or paused, is not told, else it
 * would speak without end. Whatever moves by hand is more than a drift.
 */
function useToldWords(words: string, value: number, isLive: boolean, isDragged: boolean) {
  const isFocused = useRef(false);
  const last = useRef({ words, value, isLive });
  const isDrift = !isDragged && Math.abs(value - last.current.value) < DRIFT_S && isLive === last.current.isLive;
  last.current = { words: isFocused.current && isDrift ? last.current.words : words, value, isLive };
  return {
    words: last.current.words,
    isHeard(isHeard: boolean): void {
      isFocused.current = isHeard;
    },
  };
}
