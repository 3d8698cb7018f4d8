/** Where a question is written: text with its counter, who will see the name, and what became of the last one. */
import { useComputed, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import { asks } from "../../core/outbox";
import { checkText, lengthOf } from "../../core/protocol";
import { language } from "../../i18n";
import { common } from "../../i18n/common";
import { sentenceFor } from "../../i18n/errors";
import { questions as t, refusalSentence } from "../../i18n/questions";
import { Button, Chips, Field, focusInvalid, toast } from "../components";
import type { QuestionStore } from "./store";

type Level = "named" | "confidential";

const AMBER_WITHIN = 50;

interface AskBoxProps {
  store: QuestionStore;
  name: string;
  /** Change the person's name for good. May reject with a Problem. */
  onRename(name: string): Promise<void>;
}

export function AskBox({ store, name, onRename }: AskBoxProps) {
  const text = useSignal("");
  const level = useSignal<Level>("named");
  const typedName = useSignal<string | null>(null);
  const error = useSignal<string | null>(null);
  /** What is wrong is the name, not the text. */
  const nameError = useSignal<string | null>(null);
  const sending = useSignal(false);
  const isOpen = useSignal(false);
  const form = useRef<HTMLFormElement>(null);
  const waiting = useComputed(() => asks(store.outbox.value).length > 0 && store.isPaused.value).value;

  const event = store.event.value;
  const box = store.board.value?.box;
  if (event?.state === "ended") return <Closed words={t().eventOver} error={error.value} />;

  const limits = store.limits.value;
  const used = lengthOf(text.value.trim());
  const isNamed = level.value === "named";
  const asksName = isNamed && (typedName.value !== null || !name);

  const renamed = async (wished: string): Promise<boolean> => {
    try {
      if (wished !== name) await onRename(wished);
      typedName.value = null;
      return true;
    } catch (problem) {
      nameError.value = sentenceFor(problem);
      return false;
    }
  };
  const send = async () => {
    // The button is off meanwhile, the keys are not.
    if (sending.value) return;
    const said = text.value;
    const check = checkText(said, limits);
    if (check !== "ok") {
      error.value = t().errors[check] ?? null;
      focusInvalid(form.current);
      return;
    }
    const wished = typedName.value?.trim() ?? "";
    if (asksName && !wished) {
      nameError.value = t().nameNeeded;
      focusInvalid(form.current);
      return;
    }
    sending.value = true;
    error.value = null;
    if (asksName && !(await renamed(wished))) {
      sending.value = false;
      focusInvalid(form.current);
      return;
    }
    try {
      await store.ask(said, !isNamed, language.value);
      // What was typed meanwhile stays.
      text.value = text.value.startsWith(said) ? text.value.slice(said.length).trimStart() : text.value;
      isOpen.value = text.value !== "";
      toast(box?.mode === "pre" ? t().sentForReview : t().sent, "good");
    } catch (problem) {
      error.value = refusalSentence(problem);
    } finally {
      sending.value = false;
    }
  };

  if (box && !box.open) {
    return (
      <div class="ask">
        <Closed words={t().boxClosed} error={error.value} />
      </div>
    );
  }
  return (
    <form
      ref={form}
      class={`ask ${isOpen.value ? "ask-open" : ""}`}
      onSubmit={(submitted) => {
        submitted.preventDefault();
        void send();
      }}
      onFocusIn={() => {
        isOpen.value = true;
      }}
    >
      <label class="visually-hidden" for="ask-text">
        {t().ask}
      </label>
      <textarea
        id="ask-text"
        class="input ask-text"
        rows={isOpen.value ? 3 : 1}
        placeholder={t().askPlaceholder}
        value={text.value}
        aria-describedby="ask-count ask-error"
        aria-invalid={error.value ? "true" : undefined}
        onInput={(typed) => {
          text.value = typed.currentTarget.value;
          error.value = null;
        }}
        onKeyDown={(pressed) => {
          if (pressed.key === "Enter" && (pressed.ctrlKey || pressed.metaKey)) form.current?.requestSubmit();
          if (pressed.key === "Escape") {
            isOpen.value = false;
            pressed.currentTarget.blur();
          }
        }}
      />
      {isOpen.value && (
        <>
          <Chips
            label={t().level}
            options={[
              { value: "named" as Level, words: t().levels.named },
              { value: "confidential" as Level, words: t().levels.confidential },
            ]}
            chosen={level.value}
            onChoose={(chosen) => {
              level.value = chosen;
              nameError.value = null;
            }}
          />
          <p class="ask-means small muted">{isNamed ? t().namedMeans : t().confidentialMeans}</p>
          {isNamed && !asksName && (
            <p class="ask-as small">
              <span>{t().askingAs(name)}</span>
              <button
                type="button"
                class="text-button"
                onClick={() => {
                  typedName.value = name;
                }}
              >
                {t().changeName}
              </button>
            </p>
          )}
          {asksName && (
            <Field
              label={t().yourName}
              hint={t().yourNameHint}
              error={nameError.value ?? undefined}
              value={typedName.value ?? ""}
              maxLength={64}
              autocomplete="name"
              onInput={(typed) => {
                typedName.value = typed.currentTarget.value;
                nameError.value = null;
              }}
            />
          )}
        </>
      )}
      <p id="ask-error" class="field-error" role="alert" hidden={!error.value}>
        {error.value}
      </p>
      {waiting && <p class="small ask-waits">{t().waitsForServer}</p>}
      <div class="ask-foot">
        <Counter used={used} min={limits.ask_min} max={limits.ask_max} />
        {isOpen.value && (
          <button
            type="button"
            class="text-button ask-back"
            onClick={() => {
              isOpen.value = false;
            }}
          >
            {t().backToList}
          </button>
        )}
        <Button kind="primary" type="submit" busy={sending.value}>
          {sending.value ? t().sending : t().send}
        </Button>
      </div>
    </form>
  );
}

/** Instead of the form. A question that was under way when it closed may have been refused: said here. */
function Closed({ words, error }: { words: string; error: string | null }) {
  return (
    <>
      <p class="ask-closed muted">{words}</p>
      {error && (
        <p class="field-error" role="alert">
          {t().notSent(error)}
        </p>
      )}
    </>
  );
}

function Counter({ used, min, max }: { used: number; min: number; max: number }) {
  const look = used > max ? "ask-count-bad" : used > max - AMBER_WITHIN ? "ask-count-amber" : "";
  return (
    <span id="ask-count" class={`ask-count small numbers ${look}`}>
      <span aria-hidden="true">{used < min ? t().askHint : `${used} / ${max}`}</span>
      <span class="visually-hidden">{common().characters(used, max)}</span>
    </span>
  );
}
