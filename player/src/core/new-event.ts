/** The form of a new event: what was typed, what is wrong with it, and the request it becomes. Pure. */
import { TITLE_MAX, type Moderation, type NewEvent } from "./event";

export interface EventForm {
  readonly title: string;
  /** As a `datetime-local` field has it, in the reader's zone; empty: not fixed yet. */
  readonly start: string;
  readonly language: "de" | "en";
  readonly moderation: Moderation;
}

export type FieldName = "title" | "start";
export type FieldErrors = Partial<Record<FieldName, string>>;

/** The stable codes of what is wrong, the server's own, by field. */
export function check(form: EventForm): FieldErrors {
  const errors: FieldErrors = {};
  const length = [...form.title.trim()].length;
  if (length < 1 || length > TITLE_MAX) errors.title = "bad_title";
  if (form.start && Number.isNaN(Date.parse(form.start))) errors.start = "bad_start";
  return errors;
}

export function requestOf(form: EventForm): NewEvent {
  const starts_at = form.start ? Math.round(Date.parse(form.start) / 1000) : 0;
  return { title: form.title.trim(), language: form.language, moderation: form.moderation, starts_at };
}

/** Which field the server's refusal belongs to; null: the form as a whole. */
export function fieldOf(code: string): FieldName | null {
  if (code === "bad_title") return "title";
  return code === "bad_start" ? "start" : null;
}
