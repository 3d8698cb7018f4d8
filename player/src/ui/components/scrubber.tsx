/**
 * A bar to move along a span of seconds with: pointer, finger, keyboard, screen reader. A native range under a drawn track.
 *
 * Nothing moves while it is dragged: where it is let go is what was meant. The arrow keys go by `step`, page keys by `leap`.
 */
import type { ComponentChildren } from "preact";
import { useSignal } from "@preact/signals";

const THUMB_PX = 16;

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
  const go = (to: number) => (to >= max ? onEnd() : onMove(Math.max(0, to)));
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const fraction = (event.clientX - box.left - THUMB_PX / 2) / Math.max(1, box.width - THUMB_PX);
    return Math.min(1, Math.max(0, fraction)) * max;
  };
  const onKeyDown = (event: KeyboardEvent) => {
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
        aria-valuetext={words(value)}
        onInput={(event) => (dragged.value = Number(event.currentTarget.value))}
        onChange={(event) => {
          dragged.value = null;
          go(Number(event.currentTarget.value));
        }}
        onKeyDown={onKeyDown}
        onFocus={onNear}
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
