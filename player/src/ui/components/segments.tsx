/** A choice of one among very few, side by side as one control: native radio buttons, so arrow keys and ears know it. */
import { useId } from "preact/hooks";

import { Icon, type IconName } from "./icons";

export interface Segment<T extends string> {
  readonly value: T;
  readonly words: string;
  readonly icon: IconName;
  readonly disabled?: boolean;
  readonly title?: string | undefined;
}

export function Segments<T extends string>(props: {
  /** Names the group for ears. */
  label: string;
  options: readonly Segment<T>[];
  chosen: T;
  onChoose(value: T): void;
}) {
  const name = useId();
  return (
    <div role="radiogroup" class="segments" aria-label={props.label}>
      {props.options.map(({ value, words, icon, disabled, title }) => (
        <label key={value} class="segment" title={title}>
          <input
            type="radio"
            class="segment-input"
            name={name}
            value={value}
            checked={value === props.chosen}
            disabled={disabled}
            onChange={() => props.onChoose(value)}
          />
          {/* The chosen one has another shape, not only another colour. */}
          <Icon name={value === props.chosen ? "check" : icon} size={16} />
          <span>{words}</span>
        </label>
      ))}
    </div>
  );
}
