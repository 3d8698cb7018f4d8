/** What stands in the place of the picture for good: why somebody is not let in, and the thanks at the end. */
import { clockWords } from "../../core/countdown";
import { formatNumber } from "../../i18n";
import { outside as t } from "../../i18n/outside";
import { Icon, LinkButton, StatTile } from "../components";
import type { WatchStore } from "./store";

export function Outside({ store }: { store: WatchStore }) {
  return store.scene.value === "turned" ? <Turned store={store} /> : <Ended store={store} />;
}

function Turned({ store }: { store: WatchStore }) {
  const words = t().turned[store.turned.value ?? "unknown"];
  return (
    <div class="cover cover-full" role="alert" data-testid="turned">
      <Icon name="lock" size={36} />
      <h2 class="cover-title">{words.title}</h2>
      <p class="cover-words">{words.means}</p>
      <LinkButton href="/">{t().toEvents}</LinkButton>
    </div>
  );
}

function Ended({ store }: { store: WatchStore }) {
  const event = store.event.value;
  const board = store.questions.value?.board.value;
  const asked = board ? [...board.questions.values()].filter((one) => !["pending", "declined", "hidden"].includes(one.state)) : [];
  const lastedS = event && event.live_at > 0 && event.ended_at > event.live_at ? event.ended_at - event.live_at : 0;
  return (
    <div class="cover cover-full" data-testid="ended">
      <h2 class="cover-title">{t().ended}</h2>
      <p class="cover-words muted">
        {event?.title}. {t().endedMeans}
      </p>
      <dl class="ended-numbers">
        {lastedS > 0 && <StatTile value={clockWords(lastedS)} label={t().endedLasted} />}
        {board && <StatTile value={formatNumber(asked.length)} label={t().endedQuestions} />}
        {board && (
          <StatTile value={formatNumber(asked.filter((one) => one.state === "answered").length)} label={t().endedAnswered} />
        )}
      </dl>
      {store.dvr.value && store.dvrPages.value && <store.dvrPages.value.Replay dvr={store.dvr.value} />}
    </div>
  );
}
