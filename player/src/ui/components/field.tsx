/** A labelled form field: words above, hint and error below and tied to the control for ears. */
import type { ComponentChildren, TextareaHTMLAttributes } from "preact";
import { useId } from "preact/hooks";

interface Labelled {
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  /** Beside the label, such as a character counter. */
  aside?: ComponentChildren;
}

type Described = { id: string; "aria-describedby"?: string; "aria-invalid"?: "true" };

function Frame(props: Labelled & { control: (described: Described) => ComponentChildren }) {
  const { label, hint, error, aside, control } = props;
  const id = useId();
  const notes = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  const described: Described = { id };
  if (notes) described["aria-describedby"] = notes;
  if (error) described["aria-invalid"] = "true";
  return (
    <div class="field">
      <div class="field-head">
        <label for={id}>{label}</label>
        {aside}
      </div>
      {control(described)}
      {hint && (
        <p id={`${id}-hint`} class="field-hint">
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} class="field-error" role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/** After a try that was refused: to the first field of a form that is wrong, once it is drawn so. */
export function focusInvalid(form: HTMLElement | null): void {
  setTimeout(() => form?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
}

interface Input {
  value: string;
  onInput(event: { currentTarget: HTMLInputElement }): void;
  type?: "text" | "datetime-local" | "search";
  name?: string;
  placeholder?: string;
  maxLength?: number;
  autocomplete?: "off" | "name";
  required?: boolean;
  autofocus?: boolean;
}

interface Choice {
  value: string;
  onChange(event: { currentTarget: HTMLSelectElement }): void;
  name?: string;
  disabled?: boolean;
  children: ComponentChildren;
}

type Area = Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "class" | "label" | "id">;

export function Field({ label, hint, error, aside, type = "text", ...native }: Labelled & Input) {
  // The typings tie ARIA roles to each single type; we set none.
  const one = type as "text";
  return (
    <Frame {...{ label, hint, error, aside }} control={(described) => <input type={one} {...native} {...described} class="input" />} />
  );
}

export function TextArea({ label, hint, error, aside, ...native }: Labelled & Area) {
  return (
    <Frame {...{ label, hint, error, aside }} control={(described) => <textarea {...native} {...described} class="input" />} />
  );
}

export function Select({ label, hint, error, aside, children, ...native }: Labelled & Choice) {
  return (
    <Frame
      {...{ label, hint, error, aside }}
      control={(described) => (
        <select {...native} {...described} class="input select">
          {children}
        </select>
      )}
    />
  );
}
