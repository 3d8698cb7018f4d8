/** What lies over the picture, one thing at a time: core/scene.ts says which. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { watch as t } from "../../i18n/watch";
import { Button, Icon } from "../components";
import { useNow } from "../now";
import type { WatchStore } from "./store";

export function Overlay({ store }: { store: WatchStore }) {
  switch (store.scene.value) {
    case "loading":
      return <Loading />;
    case "turned":
    case "ended":
      return <Later key="outside" store={store} fetch={() => import("./outside").then((file) => file.Outside)} />;
    case "waiting":
      return <Later key="waiting" store={store} fetch={() => import("./waiting").then((file) => file.Waiting)} />;
    case "reconnecting":
      return <Reconnecting store={store} />;
    case "offline":
      return <Offline />;
    case "slate":
    case "live":
    case "past":
      return <SoundWanted store={store} />;
  }
}

function Loading() {
  return (
    <div class="cover" role="status" data-testid="loading">
      <span class="spinner" />
      <p>{t().loading}</p>
    </div>
  );
}

/** What a playing page does not need is fetched when it comes to that. */
function Later({ store, fetch }: { store: WatchStore; fetch(): Promise<ComponentType<{ store: WatchStore }>> }) {
  const part = useSignal<{ readonly Part: ComponentType<{ store: WatchStore }> } | null>(null);
  useEffect(() => void fetch().then((Part) => (part.value = { Part })), [part]);
  return part.value ? <part.value.Part store={store} /> : <Loading />;
}

function Reconnecting({ store }: { store: WatchStore }) {
  useNow(500).value;
  const link = store.link.value;
  if (link.is !== "lost") return null;
  const seconds = Math.max(0, Math.ceil((link.nextAtMs - performance.now()) / 1000));
  return (
    <div class="cover" role="status" data-testid="reconnecting">
      <span class="spinner" />
      <p>{t().reconnecting}</p>
      <p class="small muted numbers">
        <span data-testid="attempt">{t().attempt(link.attempt)}</span>
        {seconds > 0 && <span aria-hidden="true"> · {t().nextTry(seconds)}</span>}
      </p>
    </div>
  );
}

function Offline() {
  return (
    <div class="cover" role="alert" data-testid="offline">
      <Icon name="offline" size={36} />
      <h2 class="cover-title">{t().offline}</h2>
      <p class="cover-words">{t().offlineMeans}</p>
    </div>
  );
}

function SoundWanted({ store }: { store: WatchStore }) {
  const { blocked } = store.sound;
  if (blocked.value === "no") return null;
  return (
    <div class="sound-wanted">
      <Button
        kind="primary"
        icon={blocked.value === "still" ? "play" : "sound"}
        onClick={() => (blocked.value === "still" ? store.startByHand() : store.sound.unmute())}
        data-testid="tap-for-sound"
      >
        {blocked.value === "still" ? t().tapToStart : t().tapForSound}
      </Button>
    </div>
  );
}
