/** The stage: the one video element, what lies over it in each state, and the bar of controls under it. Dark in every theme. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { AUDIO_ONLY } from "../../core/quality";
import { watch as t } from "../../i18n/watch";
import { Controls } from "./controls";
import { isFullscreen, showOn } from "./display";
import { Overlay } from "./overlay";
import type { WatchStore } from "./store";

const IDLE_MS = 3000;

export function Stage({ store, onHelp }: { store: WatchStore; onHelp(): void }) {
  const stage = useRef<HTMLElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!video.current || !canvas.current || !stage.current) return;
    showOn(stage.current, video.current);
    void store.start(video.current, canvas.current);
  }, [store]);
  const idle = useIdle();
  const scene = store.scene.value;
  const isOut = scene === "turned" || scene === "ended";
  const pages = store.questionPages.value;
  const dvr = store.dvr.value;
  const dvrPages = store.dvrPages.value;
  const isStill = scene === "reconnecting" || scene === "offline";
  return (
    <section
      ref={stage}
      class={`stage ${idle.value && isFullscreen.value ? "stage-idle" : ""}`}
      data-theme="dark"
      data-testid="stage"
      data-scene={scene}
      aria-label={t().stage}
    >
      <div class={`picture ${isStill ? "picture-still" : ""}`}>
        <video
          ref={video}
          class="picture-video"
          playsInline
          aria-label={t().video(store.event.value?.title ?? "")}
          onClick={() => store.togglePause()}
          hidden={isOut}
        />
        <canvas ref={canvas} class="picture-video picture-kept" hidden aria-hidden="true" />
        {store.choice.value === AUDIO_ONLY && (scene === "past" || scene === "live" || scene === "slate") && <SoundOnly store={store} />}
        <Overlay store={store} />
        <SoundForNow store={store} />
        {dvr && dvrPages && <dvrPages.Moving dvr={dvr} isShown={scene === "past"} />}
        {store.questions.value && pages && !isOut && !dvr?.isOfAnotherMoment.value && <pages.OnAirOverlay store={store.questions.value} />}
      </div>
      {!isOut && dvr && dvrPages && store.hasPicture.value && <dvrPages.DvrBar dvr={dvr} />}
      {!isOut && <Controls store={store} onHelp={onHelp} />}
    </section>
  );
}

function SoundOnly({ store }: { store: WatchStore }) {
  return (
    <div class="poster" data-testid="poster">
      <p class="poster-title">{store.event.value?.title}</p>
      <p class="muted">{t().soundOnly}</p>
    </div>
  );
}

/** The region is there before its words, else nobody would be told of the first. */
function SoundForNow({ store }: { store: WatchStore }) {
  const scene = store.scene.value;
  const isShown = store.isSoundOnly.value && (scene === "live" || scene === "slate");
  return (
    <div class="sound-for-now" role="status">
      {isShown && <p data-testid="sound-for-now">{t().soundForNow}</p>}
    </div>
  );
}

/** Nobody moved the pointer or pressed a key for a while: the bar of a full screen goes away. */
function useIdle() {
  const idle = useSignal(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const stir = () => {
      idle.value = false;
      clearTimeout(timer);
      timer = setTimeout(() => {
        idle.value = true;
      }, IDLE_MS);
    };
    const kinds = ["pointermove", "pointerdown", "keydown", "focusin"] as const;
    for (const kind of kinds) addEventListener(kind, stir);
    stir();
    return () => {
      clearTimeout(timer);
      for (const kind of kinds) removeEventListener(kind, stir);
    };
  }, [idle]);
  return idle;
}
