/** The console: show, board and audience side by side; on phones the monitor stays and the rest is tabs. */
import { useSignal, type Signal } from "@preact/signals";

import { common } from "../../i18n/common";
import { sentenceOf } from "../../i18n/errors";
import { desk as t } from "../../i18n/console";
import { Badge, Empty, IconButton, Panel, Tabs, Toasts, TopBar } from "../components";
import { useMediaQuery } from "../media-query";
import { useShortcuts } from "../shortcuts";
import type { ThemeChoice } from "../theme";
import { Audience } from "./audience";
import { Board, SingleLane } from "./board";
import { DismissDialog } from "./dismiss";
import { Help } from "./help";
import { boardKeys, laneOf, WALKING, type LastLane, type PhoneTab } from "./keys";
import { ProgrammeMonitor, ShowClock, ShowControls } from "./show";
import type { ConsoleStore } from "./store";
import "../../css/questions.css";
import "../../css/console.css";

const TABS: readonly PhoneTab[] = ["review", "queue", "stage", "answered", "show"];
const TABS_ID = "console";

const TURNED_CODES = { signin: "no_session", forbidden: "role_needed", unknown: "unknown_event", kicked: "not_invited", full: "unavailable" };

export function ConsolePage({ store, theme }: { store: ConsoleStore; theme: ThemeChoice }) {
  const help = useSignal(false);
  const last = useSignal<LastLane>("answered");
  const tab = useSignal<PhoneTab>("review");
  const isPhone = useMediaQuery("(max-width: 860px)").value;
  const showHelp = () => {
    help.value = true;
  };
  useShortcuts(boardKeys(store, { isPhone, tab, last }, showHelp), WALKING);

  const turned = store.turned.value;
  const state = store.state.value;
  return (
    <>
      <TopBar
        title={store.event.value?.title ?? t().title}
        theme={theme}
        beside={store.event.value && <Badge kind={state === "live" ? "live" : "neutral"}>{common().states[state]}</Badge>}
      >
        <IconButton
          name="help"
          label={t().shortcuts}
          onClick={showHelp}
        />
      </TopBar>
      {turned && (
        <main id="main" class="console-turned">
          <Empty title={t().title}>
            {turned === "forbidden" ? t().notProducer : sentenceOf(TURNED_CODES[turned])} <a href="/">{common().home}</a>
          </Empty>
        </main>
      )}
      {!turned && (isPhone ? <Phone store={store} last={last} tab={tab} /> : <Columns store={store} last={last} />)}
      {store.dismissing.value && <DismissDialog store={store} />}
      {help.value && (
        <Help
          onClose={() => {
            help.value = false;
          }}
        />
      )}
      <Toasts />
    </>
  );
}

function Columns({ store, last }: { store: ConsoleStore; last: Signal<LastLane> }) {
  const isNarrow = useMediaQuery("(max-width: 1180px)").value;
  return (
    <main id="main" class="console">
      <section class="side side-show" aria-labelledby="show-title">
        <h2 id="show-title" class="visually-hidden">
          {t().show}
        </h2>
        <ProgrammeMonitor store={store} />
        <ShowClock store={store} />
        <ShowControls store={store} />
        {isNarrow && <Audience store={store} />}
      </section>
      <Board store={store} last={last} />
      {!isNarrow && (
        <section class="side side-audience" aria-label={t().audience} tabIndex={0}>
          <Audience store={store} />
        </section>
      )}
    </main>
  );
}

function Phone({ store, last, tab }: { store: ConsoleStore; last: Signal<LastLane>; tab: Signal<PhoneTab> }) {
  const lanes = store.lanes.value;
  const shown = tab.value;
  return (
    <main id="main" class="console-phone">
      <div class="phone-top">
        <ProgrammeMonitor store={store} />
        <Tabs
          id={TABS_ID}
          label={t().view}
          options={TABS.map((value) => ({
            value,
            words: t().tabs[value],
            ...(value === "show" ? {} : { count: lanes[value].length }),
          }))}
          chosen={shown}
          onChoose={(chosen) => {
            tab.value = chosen;
            const lane = laneOf(chosen, last.peek());
            if (lane) store.enterLane(lane);
          }}
        />
      </div>
      <Panel id={TABS_ID} value={shown} class="phone-panel">
        {shown === "show" ? (
          <div class="side">
            <ShowClock store={store} />
            <ShowControls store={store} />
            <Audience store={store} />
          </div>
        ) : (
          <SingleLane store={store} lane={shown} last={last} />
        )}
      </Panel>
    </main>
  );
}
