/** One lane of the board: its heading with the count, its cards, or why it is empty. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

import type { Lane } from "../../core/lanes";
import { desk as t } from "../../i18n/console";
import { Count } from "../components";
import { Card } from "./card";
import type { ConsoleStore } from "./store";

interface LaneProps {
  store: ConsoleStore;
  lane: Lane;
  now: ReadonlySignal<number>;
  /** In place of the heading's words, such as a choice of what this place shows. */
  heading?: ComponentChildren;
  bare?: boolean;
}

export function LaneColumn({ store, lane, now, heading, bare }: LaneProps) {
  const questions = store.lanes.value[lane];
  const selection = store.selection.value;
  const reachable = selection.lane === lane && selection.id ? selection.id : questions[0]?.id;
  return (
    <section class="lane" data-lane={lane} aria-label={t().lanes[lane]}>
      {!bare && (
        <div class="lane-head">
          {heading ?? (
            <>
              <h3>{t().lanes[lane]}</h3>
              <Count value={questions.length} warn={lane === "review" && questions.length > 0} />
            </>
          )}
        </div>
      )}
      {questions.length > 0 && (
        <ul class="lane-cards">
          {questions.map((question, index) => (
          <li key={question.id}>
            <Card
              store={store}
              question={question}
              now={now}
              isSelected={selection.lane === lane && selection.id === question.id}
              isReachable={question.id === reachable}
              onSelect={() => {
                if (selection.id !== question.id) store.selection.value = { lane, id: question.id, index };
              }}
            />
          </li>
          ))}
        </ul>
      )}
      {questions.length === 0 && (
        <p class="lane-empty small muted">{store.search.value ? t().noHits : t().lanesEmpty[lane]}</p>
      )}
    </section>
  );
}
