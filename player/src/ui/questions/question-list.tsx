/** The reader's list in one order. It keeps still while the reader points, scrolls or has the focus in it. */
import { computed, type ReadonlySignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { listed, type Order } from "../../core/board";
import { arrange, type Reading } from "../../core/reading";
import { questions as t } from "../../i18n/questions";
import { Empty, Icon } from "../components";
import { useNow } from "../now";
import { QuestionCard } from "./question-card";
import type { QuestionStore } from "./store";

/** After the last touch; a mouse is busy as long as it is over the list. */
const TOUCH_RESTS_MS = 3000;
const AT_TOP_PX = 8;

export function isAtRest(list: HTMLElement | null, lastTouchMs: number): boolean {
  if (!list) return true;
  const pointed = list.matches(":hover") && matchMedia("(hover: hover)").matches;
  // A button keeps the focus after a click; only a focus that is shown (keyboard) says where somebody is.
  const active = document.activeElement;
  const focused = active !== null && list.contains(active) && active.matches(":focus-visible");
  const touched = performance.now() - lastTouchMs < TOUCH_RESTS_MS;
  return !pointed && !focused && !touched && list.scrollTop < AT_TOP_PX;
}

/** The ids in order, joined: a computed string only tells when the order itself changed, not at every tally. */
function wantedOf(store: QuestionStore, order: Order): ReadonlySignal<string> {
  return computed(() => {
    const board = store.board.value;
    // What is on air has its own place above the list.
    const apart = order === "mine" ? undefined : store.onAir.value?.id;
    return board ? listed(board, order).filter((id) => id !== apart).join(" ") : "";
  });
}

export function QuestionList({ store, order }: { store: QuestionStore; order: Order }) {
  const wanted = useMemo(() => wantedOf(store, order), [store, order]).value.split(" ").filter(Boolean);
  const list = useRef<HTMLDivElement>(null);
  const lastTouch = useRef(-Infinity);
  const now = useNow(15_000);
  const [reading, setReading] = useState<Reading>({ shown: wanted, fresh: 0 });
  const shownOrder = useRef(order);

  const settle = (force = false) => {
    setReading((before) => {
      const after = arrange(before.shown, wanted, force || isAtRest(list.current, lastTouch.current));
      const same = after.fresh === before.fresh && after.shown.join() === before.shown.join();
      return same ? before : after;
    });
  };
  useEffect(() => {
    settle(shownOrder.current !== order);
    shownOrder.current = order;
  }, [wanted.join(), order]);
  useEffect(() => {
    const timer = setInterval(settle, 1000);
    return () => clearInterval(timer);
  });

  const showFresh = () => {
    settle(true);
    list.current?.scrollTo({ top: 0, behavior: "smooth" });
  };
  if (!store.board.value) return <div class="question-list" aria-busy="true" />;
  return (
    <div class="question-frame">
      {reading.fresh > 0 && (
        <button type="button" class="fresh" onClick={showFresh}>
          <Icon name="up" size={14} />
          {t().fresh(reading.fresh)}
        </button>
      )}
      <div
        ref={list}
        class="question-list"
        role="region"
        aria-label={t().list}
        tabIndex={0}
        onTouchMove={() => {
          lastTouch.current = performance.now();
        }}
        onTouchStart={() => {
          lastTouch.current = performance.now();
        }}
      >
        {reading.shown.length === 0 && (order === "mine" || !store.onAir.value) && <EmptyList order={order} isOver={store.event.value?.state === "ended"} />}
        <ul class="question-cards">
          {reading.shown.map((id) => (
            <li key={id}>
              <QuestionCard store={store} id={id} now={now} />
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function EmptyList({ order, isOver }: { order: Order; isOver: boolean }) {
  if (isOver) return <Empty title={order === "mine" ? t().emptyMineOver : t().emptyOver} />;
  if (order === "mine") return <Empty title={t().emptyMine}>{t().emptyMineWords}</Empty>;
  return <Empty title={t().emptyTitle}>{t().emptyWords}</Empty>;
}
