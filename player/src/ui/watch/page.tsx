/** The watch page: the stage at the left, the questions at the right; one above the other on phones. */
import { useSignal } from "@preact/signals";

import { STEP_S } from "../../core/dvr";
import { formatNumber } from "../../i18n";
import { common } from "../../i18n/common";
import { watch as t } from "../../i18n/watch";
import { rename } from "../../net/api";
import { Icon, Toasts, TopBar } from "../components";
import { useShortcuts } from "../shortcuts";
import type { ThemeChoice } from "../theme";
import { toggleFullscreen, togglePip } from "./display";
import { Stage } from "./stage";
import type { WatchStore } from "./store";

export function WatchPage({ store, theme }: { store: WatchStore; theme: ThemeChoice }) {
  /** Fetched when somebody asks for it. */
  const help = useSignal<typeof import("./help") | null>(null);
  const showHelp = () => {
    void import("./help").then((file) => (help.value = file));
  };
  useShortcuts({
    " ": () => store.togglePause(),
    k: () => store.togglePause(),
    j: () => store.dvr.value?.step(-STEP_S),
    l: () => store.dvr.value?.step(STEP_S),
    m: () => store.sound.toggle(),
    f: () => toggleFullscreen(),
    i: () => togglePip(),
    End: () => store.goLive(),
    ".": () => store.goLive(),
    "?": showHelp,
  });
  return (
    <>
      <TopBar title={store.event.value?.title ?? common().brand} theme={theme}>
        <Viewers store={store} />
      </TopBar>
      <main id="main" class="watch">
        <Stage store={store} onHelp={showHelp} />
        <Aside store={store} />
      </main>
      {help.value && <help.value.Help goesBack={store.dvr.value !== null} onClose={() => (help.value = null)} />}
      <Toasts />
    </>
  );
}

function Viewers({ store }: { store: WatchStore }) {
  const count = store.viewers.value;
  if (count === 0 || store.turned.value || store.scene.value === "ended") return null;
  return (
    <span class="viewers small muted numbers" data-testid="viewers">
      <Icon name="people" size={18} />
      <span class="viewers-long">{t().watching(formatNumber(count), count === 1)}</span>
      <span class="viewers-short" aria-hidden="true">
        {formatNumber(count)}
      </span>
    </span>
  );
}

function Aside({ store }: { store: WatchStore }) {
  const questions = store.questions.value;
  const pages = store.questionPages.value;
  if (store.turned.value) return null;
  return (
    <aside class="watch-panel" data-testid="panel">
      {questions && pages && (
        <pages.QuestionPanel
          store={questions}
          name={store.name.value}
          onRename={async (name) => {
            store.name.value = (await rename(name)).name;
          }}
        />
      )}
    </aside>
  );
}
