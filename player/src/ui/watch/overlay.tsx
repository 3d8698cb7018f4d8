/** What lies over the picture, one thing at a time: core/scene.ts says which. */
import { useSignal } from "@preact/signals";

import { clockWords, countdownTo } from "../../core/countdown";
import { formatNumber } from "../../i18n";
import { watch as t } from "../../i18n/watch";
import { Button, Icon, LinkButton, StatTile } from "../components";
import { useNow } from "../now";
import type { WatchStore } from "./store";

export function Overlay({ store }: { store: WatchStore }) {
  switch (store.scene.value) {
    case "loading":
      return <Loading />;
    case "turned":
      return <Turned store={store} />;
    case "waiting":
      return <Waiting store={store} />;
    case "reconnecting":
      return <Reconnecting store={store} />;
    case "offline":
      return <Offline />;
    case "ended":
      return <Ended store={store} />;
    case "slate":
    case "live":
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
