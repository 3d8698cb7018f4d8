/** The Audience column: how many, how many questions, and whether every part behind the page is well. */
import { formatNumber } from "../../i18n";
import { desk as t } from "../../i18n/console";
import type { LinkState } from "../../core/link";
import type { StoreState } from "../../core/protocol";
import { CheckRow, StatTile, type CheckState } from "../components";
import type { ConsoleStore } from "./store";

const LINKS: Record<LinkState["is"], CheckState> = { connecting: "waiting", open: "good", lost: "bad", closed: "waiting" };
const STORES: Record<StoreState, CheckState> = { up: "good", stale: "warn", down: "bad" };

export function Audience({ store }: { store: ConsoleStore }) {
  const lanes = store.lanes.value;
  return (
    <>
      <section class="side-part" aria-labelledby="audience-title">
        <h2 id="audience-title">{t().audience}</h2>
        <dl class="stats" data-testid="stats">
          <StatTile value={formatNumber(store.viewers.value)} label={t().watching} />
          <StatTile value={formatNumber(lanes.review.length)} label={t().toReview} />
          <StatTile value={formatNumber(lanes.queue.length)} label={t().inQueue} />
          <StatTile value={formatNumber(lanes.answered.length)} label={t().answeredCount} />
        </dl>
      </section>
      <section class="side-part" aria-labelledby="health-title">
        <h2 id="health-title">{t().health}</h2>
        <Health store={store} />
      </section>
    </>
  );
}

function Health({ store }: { store: ConsoleStore }) {
  const feed = store.monitor.value?.link.value.is ?? "connecting";
  const questions = store.questions.value;
  const line = questions?.link.value.is ?? "connecting";
  const memory = questions?.storeState.value ?? "up";
  const isKnown = questions?.board.value != null;
  const states = t().healthStates;
  const memoryState = isKnown && line === "open" ? STORES[memory] : "waiting";
  return (
    <ul class="health">
      <CheckRow state={LINKS[feed]} label={t().healthFeed} detail={t().feed[feed]} stateWords={states[LINKS[feed]]} />
      <CheckRow state={LINKS[line]} label={t().healthQuestions} detail={t().feed[line]} stateWords={states[LINKS[line]]} />
      <CheckRow
        state={memoryState}
        label={t().healthStore}
        detail={memoryState === "waiting" ? states.waiting : t().store[memory]}
        stateWords={states[memoryState]}
      />
      <Encoder store={store} />
    </ul>
  );
}

function Encoder({ store }: { store: ConsoleStore }) {
  const programme = store.monitor.value?.programme.value ?? store.status.value?.programme ?? null;
  const runs = store.state.value === "live" && (programme?.state === "live" || programme?.state === "slate");
  const state: CheckState = !runs ? "waiting" : programme.degraded ? "warn" : "good";
  const words = !runs ? t().encoder.idle : programme.degraded ? t().encoder.degraded : t().encoder.fine;
  return <CheckRow state={state} label={t().healthEncoder} detail={words} stateWords={t().healthStates[state]} />;
}
