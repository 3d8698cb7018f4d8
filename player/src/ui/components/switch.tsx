import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** On or off at once, for settings that take effect when touched. `explain` says what each position means. */
export function Switch(props: { label: string; on: boolean; onChange(on: boolean): void; disabled?: boolean; explain?: ComponentChildren }) {
  const { label, on, onChange, disabled, explain } = props;
  const id = useId();
  const described = explain ? { "aria-describedby": `${id}-explain` } : {};
  return (
    <div class="switch-row">
      <button
        type="button"
        role="switch"
        class="switch"
        aria-checked={on}
        aria-labelledby={`${id}-label`}
        disabled={disabled}
        onClick={() => onChange(!on)}
        {...described}
      >
        <span class="switch-track">
          <span class="switch-knob" />
        </span>
      </button>
      <div>
        <span id={`${id}-label`} class="switch-label" onClick={() => !disabled && onChange(!on)}>
          {label}
        </span>
        {explain && (
          <p id={`${id}-explain`} class="field-hint">
            {explain}
          </p>
        )}
      </div>
    </div>
  );
}
