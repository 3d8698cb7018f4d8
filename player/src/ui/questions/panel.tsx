/**
 * The questions of the watch page: on air first, the list in the reader's order, the ask box docked below.
 * Keys: Q to ask, U to vote for the focused question. The page renders it into any box; it fills it.
 */
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

import type { Order } from "../../core/board";
import { questions as t, refusedWords, sentAwayWords } from "../../i18n/questions";
import { Badge, Chips, Notice } from "../components";
import { useNow } from "../now";
import { useShortcuts } from "../shortcuts";
import { AskBox } from "./ask-box";
import { QuestionCard } from "./question-card";
import { QuestionList } from "./question-list";
import type { QuestionStore } from "./store";
import "../../css/questions.css";

interface QuestionPanelProps {
  store: QuestionStore;
  name: string;
  /** Change the person's name for good (net/api rename), then the panel has the socket use it. */
  onRename(name: string): Promise<void>;
}

const ORDERS: readonly Order[] = ["top", "newest", "mine"];

export function QuestionPanel({ store, name, onRename }: QuestionPanelProps) {
  const order = useSignal<Order>("top");
  const panel = useRef<HTMLElement>(null);
  const now = useNow(15_000);
  useShortcuts({
    q: () => {
      const field = panel.current?.querySelector<HTMLTextAreaElement>("#ask-text");
      if (!field) return false;
      focusInSight(field);
      return true;
    },
    u: () => voteForFocused(store),
  });
  const onAir = store.onAir.value;
  return (
    <section ref={panel} class="questions" aria-label={t().title}>
      <div class="questions-head">
        <Chips
          label={t().order}
          options={ORDERS.map((value) => ({ value, words: t().orders[value] }))}
          chosen={order.value}
          onChoose={(chosen) => {
            order.value = chosen;
          }}
        />
        <StoreBanner store={store} />
      </div>
      {onAir && order.value !== "mine" && (
        <div class="questions-on-air">
          <QuestionCard key={onAir.id} store={store} id={onAir.id} now={now} />
        </div>
      )}
      <QuestionList store={store} order={order.value} />
      <AskBox
        store={store}
        name={name}
        onRename={async (wished) => {
          await onRename(wished);
          store.renew();
        }}
      />
    </section>
  );
}

/** A full screen shows the stage alone: whoever wants to write leaves it. */
function focusInSight(field: HTMLElement): void {
  const focus = () => field.focus();
  if (document.fullscreenElement) void document.exitFullscreen().then(focus, focus);
  else focus();
}

function voteForFocused(store: QuestionStore): boolean {
  const card = document.activeElement?.closest<HTMLElement>("[data-question]");
  const button = card?.querySelector<HTMLButtonElement>("button.vote");
  if (!card?.dataset["question"] || !button) return false;
  store.vote(card.dataset["question"], button.getAttribute("aria-pressed") !== "true");
  return true;
}

/** Why questions stand still, while they do. */
export function StoreBanner({ store }: { store: QuestionStore }) {
  if (store.refused.value) return <Notice kind="bad">{refusedWords(store.refused.value)}</Notice>;
  const link = store.link.value;
  const sentAway = link.is === "lost" ? sentAwayWords(link.code) : undefined;
  if (sentAway) return <Notice kind="bad">{sentAway}</Notice>;
  const isAway = link.is === "lost" && link.attempt > 1;
  if (isAway || store.storeState.value === "down") return <Notice>{t().paused}</Notice>;
  return store.storeState.value === "stale" ? <Notice>{t().stale}</Notice> : null;
}

/** The question on air over the picture of a wide stage. Slides in; gone when nothing is on air. */
export function OnAirOverlay({ store }: { store: QuestionStore }) {
  const question = store.onAir.value;
  return (
    <div class="on-air-region" aria-live="polite">
      {question && (
        <div key={question.id} class="on-air">
          <Badge kind="accent">{t().onAirNow}</Badge>
          <p class="on-air-text" lang={question.lang}>
            {question.text}
          </p>
          <OnAirMeta store={store} />
        </div>
      )}
    </div>
  );
}

function OnAirMeta({ store }: { store: QuestionStore }) {
  const question = store.onAir.value;
  if (!question) return null;
  const author = question.conf ? t().confidentialAuthor : question.author || t().unnamedAuthor;
  return (
    <p class="small muted numbers">
      {author} · {t().votes(store.board.value?.votes.get(question.id) ?? 0)}
    </p>
  );
}
