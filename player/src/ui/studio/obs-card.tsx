/** What OBS (or any WHIP client) needs to present this event instead of this page. */
import { useId, useRef } from "preact/hooks";

import { formatMoment } from "../../i18n";
import { sentenceFor } from "../../i18n/errors";
import { studio as t } from "../../i18n/studio";
import { copyField } from "../clipboard";
import { Button, IconButton, Notice } from "../components";
import type { StudioStore } from "./store";

export function ObsCard({ store }: { store: StudioStore }) {
  const words = t().obs;
  return (
    <details class="fold" data-testid="obs">
      <summary>{words.title}</summary>
      <div class="fold-body">
        <p class="small">{words.means}</p>
        {store.cardProblem.value && <Notice kind="bad">{sentenceFor(store.cardProblem.value)}</Notice>}
        {store.card.value ? (
          <Card store={store} />
        ) : (
          <Button onClick={() => void store.fetchCard()} data-testid="obs-show">
            {words.show}
          </Button>
        )}
        <p class="small muted">{words.settings}</p>
      </div>
    </details>
  );
}

function Card({ store }: { store: StudioStore }) {
  const card = store.card.value;
  if (!card) return null;
  const words = t().obs;
  return (
    <>
      <Copyable label={words.server} value={card.url} copy={words.copyServer} testId="obs-url" />
      <Copyable label={words.token} value={card.token} copy={words.copyToken} testId="obs-token" />
      <p class="small muted">{words.validUntil(formatMoment(card.expires_at))}</p>
    </>
  );
}

function Copyable(props: { label: string; value: string; copy: string; testId: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  return (
    <div>
      <label class="small copyable-label" for={id}>
        {props.label}
      </label>
      <div class="copyable">
        <input
          ref={field}
          id={id}
          class="input copyable-value"
          readOnly
          value={props.value}
          onFocus={(event) => event.currentTarget.select()}
          data-testid={props.testId}
        />
        <IconButton name="copy" label={props.copy} onClick={() => void copyField(field.current)} />
      </div>
    </div>
  );
}
