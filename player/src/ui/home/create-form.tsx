/** Making an event. The same idempotency key goes with every try of one form, so a lost answer makes no second event. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import type { EventView, Moderation } from "../../core/event";
import { check, fieldOf, requestOf, type EventForm, type FieldErrors } from "../../core/new-event";
import { Problem } from "../../core/problem";
import { language, LANGUAGES, type Language } from "../../i18n";
import { common } from "../../i18n/common";
import { sentenceFor } from "../../i18n/errors";
import { home as t } from "../../i18n/home";
import { createEvent } from "../../net/api";
import { Button, Field, Notice, Select } from "../components";
import { newKey } from "../new-key";

function blank(): EventForm {
  return { title: "", start: "", language: language.peek(), moderation: "pre" };
}

export function CreateForm({ onCreated }: { onCreated(event: EventView): void }) {
  const form = useSignal<EventForm>(blank());
  const errors = useSignal<FieldErrors>({});
  const failure = useSignal<unknown>(null);
  const busy = useSignal(false);
  const key = useSignal(newKey());
  const element = useRef<HTMLFormElement>(null);
  useEffect(() => {
    element.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [errors.value]);

  const change = (part: Partial<EventForm>) => {
    form.value = { ...form.value, ...part };
    errors.value = {};
    failure.value = null;
  };
  const words = (code: string | undefined) => (code === undefined ? undefined : t().fields[code]);
  const refused = (problem: unknown) => {
    const field = problem instanceof Problem ? fieldOf(problem.code) : null;
    if (field && problem instanceof Problem) errors.value = { [field]: problem.code };
    else failure.value = problem;
  };
  const submit = async () => {
    errors.value = check(form.value);
    if (Object.keys(errors.value).length) return;
    busy.value = true;
    failure.value = null;
    try {
      const created = await createEvent(requestOf(form.value), key.value);
      form.value = blank();
      key.value = newKey();
      onCreated(created);
    } catch (problem) {
      refused(problem);
    } finally {
      busy.value = false;
    }
  };

  return (
    <form
      ref={element}
      class="create"
      noValidate
      aria-labelledby="create-title"
      onSubmit={(submitted) => {
        submitted.preventDefault();
        void submit();
      }}
    >
      <h2 id="create-title">{t().create}</h2>
      <Field
        label={t().eventTitle}
        hint={t().eventTitleHint}
        error={words(errors.value.title)}
        name="title"
        value={form.value.title}
        required
        autocomplete="off"
        onInput={(typed) => change({ title: typed.currentTarget.value })}
      />
      <Field
        label={t().start}
        hint={t().startHint}
        error={words(errors.value.start)}
        type="datetime-local"
        name="start"
        value={form.value.start}
        onInput={(typed) => change({ start: typed.currentTarget.value })}
      />
      <Select
        label={t().eventLanguage}
        name="language"
        value={form.value.language}
        onChange={(chosen) => change({ language: chosen.currentTarget.value as Language })}
      >
        {LANGUAGES.map((code) => (
          <option key={code} value={code}>
            {common().languages[code]}
          </option>
        ))}
      </Select>
      <Select
        label={t().moderation}
        name="moderation"
        value={form.value.moderation}
        onChange={(chosen) => change({ moderation: chosen.currentTarget.value as Moderation })}
      >
        <option value="pre">{t().moderations.pre}</option>
        <option value="post">{t().moderations.post}</option>
      </Select>
      {failure.value !== null && (
        <Notice kind="bad">{words((failure.value as Problem).code) ?? sentenceFor(failure.value)}</Notice>
      )}
      <Button kind="primary" type="submit" icon="plus" busy={busy.value}>
        {t().submit}
      </Button>
    </form>
  );
}
