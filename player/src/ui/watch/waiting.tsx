/** Before the first picture: when it begins, and whether the loudspeaker is on. */
import { useSignal } from "@preact/signals";

import { countdownTo } from "../../core/countdown";
import { watch as t } from "../../i18n/watch";
import { Button } from "../components";
import { useNow } from "../now";
import type { WatchStore } from "./store";

export function Waiting({ store }: { store: WatchStore }) {
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
    await playNotes(store.sound.volume.value);
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

/** Two notes, so that a person hears before the start whether their loudspeaker is on. */
async function playNotes(volume: number): Promise<void> {
  const context = new AudioContext();
  const gain = new GainNode(context, { gain: 0.25 * Math.max(0.05, volume) });
  gain.connect(context.destination);
  const starts = [0, 0.25].map((at) => context.currentTime + 0.05 + at);
  const last = starts.map((at, n) => note(context, gain, n === 0 ? 523.25 : 659.25, at)).at(-1);
  await context.resume();
  await new Promise((resolve) => last?.addEventListener("ended", resolve));
  await context.close();
}

function note(context: AudioContext, out: AudioNode, frequency: number, at: number): OscillatorNode {
  const oscillator = new OscillatorNode(context, { frequency });
  oscillator.connect(out);
  oscillator.start(at);
  oscillator.stop(at + 0.2);
  return oscillator;
}
