/** Why a question is dismissed: four reasons by key, or the moderator's own words. The asker reads it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { desk as t } from "../../i18n/console";
import { reasonWords } from "../../i18n/questions";
import { Button, Dialog, Field, Kbd } from "../components";
import { shortcutsOn } from "../shortcuts";
import type { ConsoleStore } from "./store";

export const REASONS = ["duplicate", "off_topic", "unsuitable", "elsewhere"] as const;
const OWN_MAX = 200;

export function DismissDialog({ store }: { store: ConsoleStore }) {
  const own = useSignal("");
  const question = store.dismissing.value;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const reason = REASONS[Number(event.key) - 1];
      const isTyping = event.target instanceof HTMLInputElement;
      if (!shortcutsOn.peek() || !reason || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      store.dismiss(reason);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  if (!question) return null;
  const isPublic = question.state !== "pending";
  return (
    <Dialog
      title={isPublic ? t().hideTitle : t().dismissTitle}
      onClose={() => {
        store.dismissing.value = null;
      }}
    >
      <blockquote class="dismiss-text">{question.text}</blockquote>
      <p class="small muted">{t().dismissWords}</p>
      <ul class="reasons">
        {REASONS.map((reason, index) => (
          <li key={reason}>
            <button type="button" class="reason" autofocus={index === 0} onClick={() => store.dismiss(reason)}>
              <Kbd>{index + 1}</Kbd>
              <span>{reasonWords(reason)}</span>
            </button>
          </li>
        ))}
      </ul>
      <form
        class="own-reason"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          if (own.value.trim()) store.dismiss(own.value.trim());
        }}
      >
        <Field
          label={t().ownReason}
          value={own.value}
          maxLength={OWN_MAX}
          autocomplete="off"
          onInput={(typed) => {
            own.value = typed.currentTarget.value;
          }}
        />
        <Button type="submit" disabled={!own.value.trim()}>
          {isPublic ? t().hide : t().verbs.dismiss}
        </Button>
      </form>
    </Dialog>
  );
}
