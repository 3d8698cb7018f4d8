/** The studio: own picture and dock at the left, what to do or to know at the right. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { common } from "../../i18n/common";
import { studio as t } from "../../i18n/studio";
import { outside } from "../../i18n/outside";
import { canShareScreen } from "../../media/capture";
import { Badge, Icon, IconButton, LinkButton, toast, Toasts, TopBar, type BadgeKind } from "../components";
import { useShortcuts } from "../shortcuts";
import type { ThemeChoice } from "../theme";
import { AirColumn } from "./air-column";
import { CheckColumn } from "./check-column";
import { ConfirmEnd, ConfirmLive } from "./confirm";
import { Dock } from "./dock";
import { Help } from "./help";
import { Over } from "./over";
import { SelfView } from "./self-view";
import type { StudioStore } from "./store";

export type Asking = "live" | "end" | null;

export function StudioPage({ store, theme }: { store: StudioStore; theme: ThemeChoice }) {
  const asking = useSignal<Asking>(null);
  const help = useSignal(false);
  const showHelp = () => {
    help.value = true;
  };
  useEffect(() => void store.start(), [store]);
  useShortcuts({
    m: () => store.devices.toggleMute(),
    v: () => void store.devices.toggleCamera(),
    s: () => shareScreen(store),
    "?": showHelp,
  });
  return (
    <>
      <TopBar title={store.event.value?.title ?? common().brand} theme={theme} beside={<Presenter store={store} />}>
        <PhaseBadge store={store} />
        <IconButton name="help" label={t().keys.title} onClick={showHelp} data-testid="help" />
      </TopBar>
      <Body store={store} onAsk={(what) => (asking.value = what)} />
      {asking.value === "live" && <ConfirmLive store={store} onClose={() => (asking.value = null)} />}
      {asking.value === "end" && <ConfirmEnd store={store} onClose={() => (asking.value = null)} />}
      {help.value && <Help onClose={() => (help.value = false)} />}
      <Toasts />
    </>
  );
}

export function shareScreen(store: StudioStore): void {
  if (!canShareScreen()) return;
  store.devices.toggleScreen().catch(() => toast(t().screenFailed, "bad"));
}

function Body({ store, onAsk }: { store: StudioStore; onAsk(what: Asking): void }) {
  switch (store.phase.value) {
    case "loading":
      return (
        <main id="main" class="studio-alone" data-testid="loading">
          <span class="spinner" />
          <p role="status">{store.isAway.value ? t().away : t().loading}</p>
        </main>
      );
    case "turned":
      return <Turned store={store} />;
    case "over":
      return <Over store={store} />;
    default:
      return (
        <main id="main" class="studio" data-testid="studio" data-phase={store.phase.value}>
          <SelfView store={store}>
            <Dock store={store} onAsk={onAsk} />
          </SelfView>
          {store.phase.value === "check" ? <CheckColumn store={store} /> : <AirColumn store={store} />}
        </main>
      );
  }
}

function Presenter({ store }: { store: StudioStore }) {
  if (!store.name.value) return null;
  return <span class="studio-presenter small muted">{t().presenting(store.name.value)}</span>;
}

function PhaseBadge({ store }: { store: StudioStore }) {
  const state = store.publishing.value.is;
  const badges: Partial<Record<typeof state, readonly [BadgeKind, string]>> = {
    air: ["live", t().onAir],
    connecting: ["accent", t().connecting],
    lost: ["warn", t().lost],
  };
  const [kind, words] = badges[state] ?? ["neutral", t().ready];
  if (store.phase.value === "turned" || store.phase.value === "loading") return null;
  return (
    <span class="studio-phase" role="status" data-testid="phase">
      <Badge kind={kind}>{words}</Badge>
    </span>
  );
}

function Turned({ store }: { store: StudioStore }) {
  const why = store.turned.value ?? "unknown";
  const words = why === "presenters" ? t().turnedPresenters : outside().turned[why];
  return (
    <main id="main" class="studio-alone" data-testid="turned">
      <Icon name="lock" size={36} />
      <h2>{words.title}</h2>
      <p class="studio-words muted">{words.means}</p>
      {why === "presenters" ? (
        <LinkButton href={`/watch/${store.id}`} kind="primary">
          {t().turnedPresenters.watch}
        </LinkButton>
      ) : (
        <LinkButton href="/">{common().home}</LinkButton>
      )}
    </main>
  );
}
