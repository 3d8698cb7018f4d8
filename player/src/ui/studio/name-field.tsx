/** Who presents, asked only of whoever came without a name: it stands on the plate and beside "on air". */
import { useSignal } from "@preact/signals";

import { sentenceFor } from "../../i18n/errors";
import { studio as t } from "../../i18n/studio";
import { Button, Field } from "../components";
import type { StudioStore } from "./store";

const NAME_MAX = 64;

export function NameField({ store }: { store: StudioStore }) {
  const draft = useSignal("");
  const busy = useSignal(false);
  const error = useSignal("");
  const save = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    error.value = await store.rename(draft.value).then(() => "", sentenceFor);
    busy.value = false;
  };
  return (
    <form class="name-field" onSubmit={(event) => void save(event)} data-testid="name">
      <Field
        label={t().yourName}
        hint={t().yourNameHint}
        error={error.value || undefined}
        value={draft.value}
        maxLength={NAME_MAX}
        autocomplete="name"
        onInput={(event) => (draft.value = event.currentTarget.value)}
      />
      <Button type="submit" busy={busy.value} disabled={draft.value.trim() === ""}>
        {t().saveName}
      </Button>
    </form>
  );
}
