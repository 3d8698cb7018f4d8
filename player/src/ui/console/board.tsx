/** The board: four lanes side by side, or one at a time on phones; the last place shows answered or set-aside questions. */
import type { Signal } from "@preact/signals";

import type { Lane } from "../../core/lanes";
import { desk as t } from "../../i18n/console";
import { Chips, Count, Icon } from "../components";
import { useNow } from "../now";
import { StoreBanner } from "../questions";
import { type LastLane } from "./keys";
import { LaneColumn } from "./lane";
import type { ConsoleStore } from "./store";

export function Board({ store, last }: { store: ConsoleStore; last: Signal<LastLane> }) {
  const now = useNow(15_000);
  return (
    <section class="board" aria-label={t().board}>
      <BoardHead store={store} />
      <div class="lanes">
        <LaneColumn store={store} lane="review" now={now} />
        <LaneColumn store={store} lane="queue" now={now} />
        <LaneColumn store={store} lane="stage" now={now} />
        <LaneColumn store={store} lane={last.value} now={now} heading={<LastLaneChoice store={store} last={last} />} />
      </div>
    </section>
  );
}

/** On phones: the lane that its tab shows. */
export function SingleLane({ store, lane, last }: { store: ConsoleStore; lane: Lane; last: Signal<LastLane> }) {
  const now = useNow(15_000);
  const isLast = lane === "answered" || lane === "aside";
  return (
    <div class="board board-single">
      <BoardHead store={store} />
      {isLast && <LastLaneChoice store={store} last={last} />}
      <LaneColumn store={store} lane={isLast ? last.value : lane} now={now} bare />
    </div>
  );
}

function LastLaneChoice({ store, last }: { store: ConsoleStore; last: Signal<LastLane> }) {
  const lanes = store.lanes.value;
  return (
    <>
      <Chips
        label={t().lastLane}
        options={[
          { value: "answered" as LastLane, words: `${t().lanes.answered} ${lanes.answered.length}` },
          { value: "aside" as LastLane, words: `${t().lanes.aside} ${lanes.aside.length}` },
        ]}
        chosen={last.value}
        onChoose={(chosen) => {
          last.value = chosen;
          store.enterLane(chosen);
        }}
      />
    </>
  );
}

function BoardHead({ store }: { store: ConsoleStore }) {
  const questions = store.questions.value;
  return (
    <div class="board-head">
      <div class="search">
        <Icon name="search" size={18} />
        <input
          id="board-search"
          type="search"
          class="input"
          aria-label={t().search}
          placeholder={t().search}
          value={store.search.value}
          onInput={(typed) => {
            store.search.value = typed.currentTarget.value;
          }}
          onKeyDown={(pressed) => {
            if (pressed.key !== "Escape") return;
            store.search.value = "";
            pressed.currentTarget.blur();
          }}
        />
        {store.search.value && <Count value={Object.values(store.lanes.value).reduce((sum, lane) => sum + lane.length, 0)} />}
      </div>
      {questions && <StoreBanner store={questions} />}
    </div>
  );
}
