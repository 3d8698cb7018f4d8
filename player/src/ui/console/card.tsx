/** A question on the moderators' board. The selected one shows what may be done with it, each with its key. */
import { useComputed, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { votesOf } from "../../core/board";
import { verbsFor, VERB_KEYS, type Verb } from "../../core/lanes";
import type { Question } from "../../core/protocol";
import { formatNumber } from "../../i18n";
import { desk as t } from "../../i18n/console";
import { reasonWords } from "../../i18n/questions";
import { Badge, Button, type BadgeKind, type ButtonKind } from "../components";
import { ageWords, authorWords } from "../questions";
import type { ConsoleStore } from "./store";

interface CardProps {
  store: ConsoleStore;
  question: Question;
  now: ReadonlySignal<number>;
  isSelected: boolean;
  /** The card that Tab reaches in its lane. */
  isReachable: boolean;
  onSelect(): void;
}

const BADGES: Partial<Record<Question["state"], BadgeKind>> = { now: "live", next: "accent", declined: "neutral", hidden: "neutral" };
const KEY_OF = Object.fromEntries(Object.entries(VERB_KEYS).map(([key, verb]) => [verb, key.toUpperCase()])) as Record<Verb, string>;

function verbWords(question: Question, verb: Verb): string {
  if (verb === "queue" && question.state !== "pending") {
    return question.state === "declined" || question.state === "hidden" ? t().restore : t().back;
  }
  if (verb === "dismiss" && question.state !== "pending") return t().hide;
  return t().verbs[verb];
}

/** One primary action per state. Red says what is on air, it is no colour for a button that will put it there. */
function verbKind(question: Question, verb: Verb): ButtonKind {
  if (verb === "air" && (question.state === "published" || question.state === "next")) return "primary";
  if (verb === "queue" && question.state === "pending") return "primary";
  if (verb === "answered" && question.state === "now") return "primary";
  return "plain";
}

export function Card({ store, question, now, isSelected, isReachable, onSelect }: CardProps) {
  const card = useRef<HTMLElement>(null);
  const votes = useComputed(() => {
    const board = store.questions.value?.board.value;
    return board ? votesOf(board, question.id) : 0;
  }).value;
  const isMoving = store.isMoving(question.id);
  const isOver = store.state.value === "ended";
  const badge = isOver && question.state === "now" ? "neutral" : BADGES[question.state];
  const asked = ageWords(question.at, now.value + (store.questions.value?.clockOffsetMs.value ?? 0));
  useEffect(() => {
    const element = card.current;
    if (!isSelected || !element) return;
    element.scrollIntoView({ block: "nearest" });
    // The keyboard takes the focus along, unless the person is elsewhere, such as in the search.
    const at = document.activeElement;
    const isElsewhere = at && at !== document.body && !at.closest(".card, .lane");
    if (!isElsewhere && !element.contains(at)) element.focus({ preventScroll: true });
  }, [isSelected]);
  return (
    <article
      ref={card}
      class={`card card-${question.state} ${isOver ? "card-over" : ""} ${isSelected ? "card-selected" : ""}`}
      data-question={question.id}
      tabIndex={isReachable ? 0 : -1}
      aria-current={isSelected ? "true" : undefined}
      aria-busy={isMoving ? "true" : undefined}
      onFocusIn={onSelect}
      onClick={onSelect}
    >
      <header class="card-head">
        <span class="card-votes numbers" role="img" aria-label={t().votes(votes)} title={t().votes(votes)}>
          {formatNumber(votes)}
        </span>
        <span class="card-meta small muted">
          {authorWords(question)} · {asked}
        </span>
        {badge && <Badge kind={badge}>{t().stage[question.state]}</Badge>}
      </header>
      <p class="card-text" lang={question.lang}>
        {question.text}
      </p>
      {question.reason && <p class="small muted">{t().reason(reasonWords(question.reason))}</p>}
      {isSelected && (
        <div class="card-actions">
          {verbsFor(question.state, isOver).map((verb) => (
            <Button
              key={verb}
              small
              kind={verbKind(question, verb)}
              shortcut={KEY_OF[verb]}
              disabled={isMoving}
              onClick={(event) => {
                event.stopPropagation();
                store.move(question, verb);
              }}
            >
              {verbWords(question, verb)}
            </Button>
          ))}
        </div>
      )}
    </article>
  );
}
