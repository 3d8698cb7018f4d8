/** The choice of the picture. A file of its own: it is fetched while the page waits for its first picture. */
import { AUDIO_ONLY, AUTO, type Rung } from "../../core/quality";
import { formatDecimal, formatNumber } from "../../i18n";
import { watch as t } from "../../i18n/watch";
import { Menu } from "../components";
import type { WatchStore } from "./store";

function rateWords(rung: Rung): string {
  if (rung.bitrateBps <= 0) return "";
  if (rung.bitrateBps < 250_000) return t().kilobits(formatNumber(Math.round(rung.bitrateBps / 1000)));
  return t().megabits(formatDecimal(rung.bitrateBps / 1_000_000));
}

/** What "Auto" is just now stands behind it, while it is the choice. */
function autoWords(store: WatchStore): string {
  const { rendition } = store.stats.value;
  const isShown = rendition !== "" && rendition !== "audio" && !store.isSoundOnly.value;
  return store.choice.value === AUTO && isShown ? t().autoShowing(rendition) : t().auto;
}

export function Quality({ store }: { store: WatchStore }) {
  const offered = store.rungs.value.map((rung) => ({
    value: rung.choice,
    words: rung.choice === AUDIO_ONLY ? t().audioOnly : rung.choice,
    detail: rateWords(rung),
    checked: rung.choice === store.choice.value,
  }));
  const auto = { value: AUTO, words: autoWords(store), checked: store.choice.value === AUTO };
  return (
    <div class="quality" data-testid="quality">
      <Menu
        label={t().quality}
        icon="settings"
        heading={t().quality}
        items={[auto, ...offered]}
        onChoose={(choice) => store.choose(choice)}
      />
    </div>
  );
}
