/** Tabs (one panel at a time, arrow keys move) and chips (a choice of one within a toolbar). */
import type { ComponentChildren } from "preact";

export interface Option<T extends string> {
  readonly value: T;
  readonly words: string;
  readonly count?: number;
  readonly marked?: boolean;
}

interface ChoiceProps<T extends string> {
  /** Names the group for ears. */
  label: string;
  options: readonly Option<T>[];
  chosen: T;
  onChoose(value: T): void;
}

const STEPS: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1 };

function moveWithArrows<T extends string>(event: KeyboardEvent, props: ChoiceProps<T>): void {
  const step = STEPS[event.key];
  if (!step) return;
  const at = props.options.findIndex((option) => option.value === props.chosen);
  const next = props.options[(at + step + props.options.length) % props.options.length];
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  props.onChoose(next.value);
  const buttons = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("button");
  buttons[props.options.indexOf(next)]?.focus();
}

/** The panel belongs to the caller: give it `id={panelId(id, value)}` and `role="tabpanel"`. */
export function Tabs<T extends string>(props: ChoiceProps<T> & { id: string }) {
  return (
    <div role="tablist" class="tabs" aria-label={props.label} onKeyDown={(event) => moveWithArrows(event, props)}>
      {props.options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="tab"
          id={`${props.id}-tab-${option.value}`}
          class="tab"
          aria-selected={option.value === props.chosen}
          aria-controls={panelId(props.id, option.value)}
          tabIndex={option.value === props.chosen ? 0 : -1}
          onClick={() => props.onChoose(option.value)}
        >
          <span>{option.words}</span>
          {option.count !== undefined && <span class="count numbers">{option.count}</span>}
        </button>
      ))}
    </div>
  );
}

export function panelId(id: string, value: string): string {
  return `${id}-panel-${value}`;
}

export function Panel(props: { id: string; value: string; class?: string; children: ComponentChildren }) {
  return (
    <div role="tabpanel" id={panelId(props.id, props.value)} aria-labelledby={`${props.id}-tab-${props.value}`} class={props.class}>
      {props.children}
    </div>
  );
}

export function Chips<T extends string>(props: ChoiceProps<T>) {
  return (
    <div role="radiogroup" class="chips" aria-label={props.label} onKeyDown={(event) => moveWithArrows(event, props)}>
      {props.options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          class="chip"
          aria-checked={option.value === props.chosen}
          tabIndex={option.value === props.chosen ? 0 : -1}
          onClick={() => props.onChoose(option.value)}
        >
          {option.words}
        </button>
      ))}
    </div>
  );
}
