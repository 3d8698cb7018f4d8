/** On air: the question to answer in large letters, what comes next, the own signal as measured, a change of device. */
import { useSignal } from "@preact/signals";

import { votesOf } from "../../core/board";
import type { Question } from "../../core/protocol";
import type { Uplink } from "../../core/uplink";
import { formatDecimal } from "../../i18n";
import { questions as q, refusalSentence } from "../../i18n/questions";
import { studio as t } from "../../i18n/studio";
import { Button, Notice, toast } from "../components";
import { authorWords, StoreBanner, type QuestionStore } from "../questions";
import { DeviceChoice } from "./device-choice";
import { LevelRow } from "./level-row";
import type { StudioStore } from "./store";

const NEXT_UP = 3;

export function AirColumn({ store }: { store: StudioStore }) {
  const board = store.questions.value;
  return (
    <aside class="side" data-testid="air">
      {board && <StoreBanner store={board} />}
      {board && <OnAirQuestion store={store} board={board} />}
      {board && <NextUp board={board} />}
      <Signal store={store} />
      <details class="fold">
        <summary>{t().devices}</summary>
        <div class="fold-body">
          <DeviceChoice devices={store.devices} />
        </div>
      </details>
    </aside>
  );
}

function OnAirQuestion({ store, board }: { store: StudioStore; board: QuestionStore }) {
  const question = board.onAir.value;
  const words = t().question;
  return (
    <section class={question ? "card card-question" : "card"} aria-live="polite" data-testid="question">
      <h2 class="card-title">{words.title}</h2>
      {question ? (
        <>
          <p class="question-large" lang={question.lang} data-testid="question-text">
            {question.text}
          </p>
          <p class="small muted numbers">
            {authorWords(question)} · {q().votes(board.board.value ? votesOf(board.board.value, question.id) : 0)}
          </p>
          {store.mayModerate.value && <AnsweredNext store={store} board={board} />}
        </>
      ) : (
        <p class="muted">
          {words.none} {words.noneMeans}
        </p>
      )}
    </section>
  );
}

function AnsweredNext({ store, board }: { store: StudioStore; board: QuestionStore }) {
  const busy = useSignal(false);
  const act = async () => {
    busy.value = true;
    await store.answeredNext().catch((error: unknown) => toast(refusalSentence(error), "bad"));
    busy.value = false;
  };
  return (
    <Button kind="primary" wide busy={busy.value} onClick={() => void act()} data-testid="answered-next">
      {board.next.value ? t().question.answeredNext : t().question.answered}
    </Button>
  );
}

function NextUp({ board }: { board: QuestionStore }) {
  const next = board.next.value;
  const list = [...(next ? [next] : []), ...board.queue.value].slice(0, NEXT_UP);
  return (
    <section class="card" data-testid="next-up">
      <h2 class="card-title">{t().question.next}</h2>
      {list.length === 0 && <p class="muted">{t().question.nothingNext}</p>}
      <ul class="next-up">
        {list.map((question) => (
          <NextRow key={question.id} question={question} board={board} />
        ))}
      </ul>
    </section>
  );
}

function NextRow({ question, board }: { question: Question; board: QuestionStore }) {
  const votes = board.board.value ? votesOf(board.board.value, question.id) : 0;
  return (
    <li class="next-row">
      <span class="next-votes numbers">
        {votes}
        <span class="visually-hidden"> {t().question.votes}</span>
      </span>
      <span lang={question.lang}>{question.text}</span>
    </li>
  );
}

function Signal({ store }: { store: StudioStore }) {
  const words = t().signal;
  const uplink = store.uplink.value;
  return (
    <section class="card" data-testid="signal">
      <h2 class="card-title">{words.title}</h2>
      <LevelRow devices={store.devices} hint={false} />
      <dl class="figures">
        {figuresOf(uplink).map(([label, value]) => (
          <div key={label} class="figure">
            <dt class="muted">{label}</dt>
            <dd class="numbers">{value}</dd>
          </div>
        ))}
      </dl>
      {uplink?.limitedBy && <Notice>{words[uplink.limitedBy]}</Notice>}
    </section>
  );
}

function figuresOf(uplink: Uplink | null): readonly (readonly [label: string, value: string])[] {
  const words = t().signal;
  const measured = (value: string | null) => value ?? words.measuring;
  return [
    [words.sent, measured(uplink && words.megabits(formatDecimal(uplink.bitrateBps / 1e6)))],
    [words.picture, measured(uplink && words.pictureWords(uplink.width, uplink.height, Math.round(uplink.fps)))],
    [words.roundTrip, measured(uplink?.roundTripMs == null ? null : words.milliseconds(Math.round(uplink.roundTripMs)))],
    [words.loss, measured(uplink && words.percent(formatDecimal(uplink.loss * 100)))],
  ];
}
