/** After my part: what it was, and the way back while the event goes on. */
import { clockWords } from "../../core/countdown";
import { formatNumber } from "../../i18n";
import { studio as t } from "../../i18n/studio";
import { Button, StatTile } from "../components";
import type { StudioStore } from "./store";

export function Over({ store }: { store: StudioStore }) {
  const words = t().over;
  const isEventOver = store.event.value?.state === "ended";
  const board = store.questions.value?.board.value;
  const shown = board ? [...board.questions.values()].filter((one) => one.state !== "pending" && one.state !== "declined") : [];
  return (
    <main id="main" class="studio-alone" data-testid="over">
      <h2>{words.title}</h2>
      <p class="studio-words muted">{isEventOver ? words.ended : words.means}</p>
      <dl class="ended-numbers">
        {store.lastedMs.value > 0 && <StatTile value={clockWords(store.lastedMs.value / 1000)} label={words.lasted} />}
        {board && <StatTile value={formatNumber(shown.length)} label={words.questions} />}
        {board && (
          <StatTile value={formatNumber(shown.filter((one) => one.state === "answered").length)} label={words.answered} />
        )}
      </dl>
      {!isEventOver && (
        <Button kind="primary" onClick={() => store.again()} data-testid="again">
          {words.again}
        </Button>
      )}
    </main>
  );
}
