/** Ending the event is final and for everybody: typed, so that no slip of the mouse does it. */
import { useSignal } from "@preact/signals";

import { common } from "../../i18n/common";
import { sentenceFor } from "../../i18n/errors";
import { desk as t } from "../../i18n/console";
import { Button, Dialog, Field, Notice, toast } from "../components";
import type { ConsoleStore } from "./store";

export function EndDialog({ store, onClose }: { store: ConsoleStore; onClose(): void }) {
  const typed = useSignal("");
  const busy = useSignal(false);
  const failure = useSignal<unknown>(null);
  const isConfirmed = typed.value.trim().toLocaleUpperCase() === t().endWord;
  const end = async () => {
    busy.value = true;
    try {
      await store.end();
      toast(t().ended);
      onClose();
    } catch (problem) {
      failure.value = problem;
      busy.value = false;
    }
  };
  return (
    <Dialog title={t().endTitle} onClose={onClose}>
      <form
        class="end-form"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          if (isConfirmed) void end();
        }}
      >
        <p>{t().endWords(store.viewers.value)}</p>
        <Field
          label={t().endLabel(t().endWord)}
          value={typed.value}
          autocomplete="off"
          autofocus
          onInput={(input) => {
            typed.value = input.currentTarget.value;
          }}
        />
        {failure.value !== null && <Notice kind="bad">{sentenceFor(failure.value)}</Notice>}
        <div class="dialog-actions">
          <Button onClick={onClose}>{common().cancel}</Button>
          <Button kind="primary" type="submit" disabled={!isConfirmed} busy={busy.value}>
            {t().endConfirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
