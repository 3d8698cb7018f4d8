/** What lies over the picture, one thing at a time: core/scene.ts says which. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { countdownTo } from "../../core/countdown";
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
      return <Outside store={store} />;
    case "waiting":
      return <Waiting store={store} />;
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

/** Whoever is not let in, or came to the end, needs no player: fetched when it comes to that. */
function Outside({ store }: { store: WatchStore }) {
  const file = useSignal<typeof import("./outside") | null>(null);
  useEffect(() => void import("./outside").then((loaded) => (file.value = loaded)), [file]);
  return file.value ? <file.value.Outside store={store} /> : <Loading />;
}

function Waiting({ store }: { store: WatchStore }) {
  const now = useNow(1000);
  const event = store.event.value;
  const left = countdownTo(event?.starts_at ?? 0, now.value);
  return (
    <div class="cover cover-full waiting" data-testid="waiting">
      {left ? (
        <>
          <p class="muted">{t().startsIn}</p>
          <p class="waiting-clock numbers" role="timer" data-testid="countdown">
            {left.days > 0 && <span class="waiting-days">{t().days(left.days)}</span>}
            <span>{left.clock}</span>
          </p>
        </>
      ) : (
        <p class="muted">{t().startsSoon}</p>
      )}
      <h2 class="cover-title">{event?.title}</h2>
      <p class="cover-words muted">{t().startsSoonMeans}</p>
      <SoundTest store={store} />
    </div>
  );
}

function SoundTest({ store }: { store: WatchStore }) {
  const stage = useSignal<"ready" | "playing" | "played">("ready");
  const test = async () => {
    stage.value = "playing";
    await store.sound.test();
    stage.value = "played";
  };
  const words = { ready: "", playing: t().testingSound, played: t().testedSound };
  return (
    <>
      <Button icon="sound" busy={stage.value === "playing"} onClick={() => void test()} data-testid="test-sound">
        {t().testSound}
      </Button>
      <p class="waiting-note small muted" role="status">
        {words[stage.value]}
      </p>
    </>
  );
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
