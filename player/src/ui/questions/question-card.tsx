/** One question in the reader's list. It reads its own facts, so a tally redraws only the cards whose count moved. */
import { useComputed, type ReadonlySignal } from "@preact/signals";

import { votesOf, voteStand } from "../../core/board";
import { voteFor } from "../../core/outbox";
import type { Question } from "../../core/protocol";
import { questions as t, reasonWords } from "../../i18n/questions";
import { Badge, type BadgeKind } from "../components";
import type { QuestionStore } from "./store";
import { VoteButton } from "./vote-button";

const MINUTE_MS = 60_000;

export function ageWords(atMs: number, nowMs: number): string {
  const minutes = Math.floor((nowMs - atMs) / MINUTE_MS);
  if (minutes < 1) return t().justNow;
  return minutes < 60 ? t().minutes(minutes) : t().hours(Math.floor(minutes / 60));
}

export function authorWords(question: Question): string {
  if (question.conf) return t().confidentialAuthor;
  return question.author || t().unnamedAuthor;
}

const BADGES: Partial<Record<Question["state"], BadgeKind>> = {
  pending: "warn",
  next: "accent",
  now: "live",
  answered: "good",
  declined: "bad",
  hidden: "bad",
};

function StateNote({ question, mine, isOver }: { question: Question; mine: boolean; isOver: boolean }) {
  // Red means on air, and after the end nothing is.
  const kind = isOver && question.state === "now" ? undefined : BADGES[question.state];
  if (!kind) return null;
  return (
    <div class="question-state">
      <Badge kind={kind}>{t().states[question.state]}</Badge>
      {mine && question.state === "pending" && <p class="small muted">{t().pendingMeans}</p>}
      {mine && question.reason && <p class="small muted">{t().declinedMeans(reasonWords(question.reason))}</p>}
    </div>
  );
}

export function QuestionCard({ store, id, now }: { store: QuestionStore; id: string; now: ReadonlySignal<number> }) {
  const question = useComputed(() => store.board.value?.questions.get(id)).value;
  const votes = useComputed(() => (store.board.value ? votesOf(store.board.value, id) : 0)).value;
  const mine = useComputed(() => store.board.value?.mine.has(id) ?? false).value;
  const stand = useComputed(() => {
    const board = store.board.value;
    const known = board?.questions.get(id);
    if (!board || !known) return "closed" as const;
    const stand = voteStand(board, known);
    return board.event.state === "ended" && (stand === "votable" || stand === "voted") ? "closed" : stand;
  }).value;
  const pending = useComputed(() => voteFor(store.outbox.value, id)?.on ?? null).value;
  const age = useComputed(() => ageWords(question?.at ?? 0, now.value + store.clockOffsetMs.value)).value;
  const isOver = useComputed(() => store.board.value?.event.state === "ended").value;
  if (!question) return null;
  return (
    <article class={`question question-${question.state}`} data-question={id}>
      <VoteButton votes={votes} stand={stand} pending={pending} onVote={(on) => store.vote(id, on)} />
      <div class="question-body">
        <p class="question-text" lang={question.lang}>
          {question.text}
        </p>
        <p class="question-meta small muted">
          {mine && <span class="question-you">{t().you}</span>}
          <span>{authorWords(question)}</span>
          <span>{age}</span>
        </p>
        <StateNote question={question} mine={mine} isOver={isOver} />
      </div>
    </article>
  );
}
