/** The bar under the picture: play, sound, how live it is, quality, picture in picture, full screen, help. */
import { useLayoutEffect, useRef } from "preact/hooks";

import { clockWords } from "../../core/countdown";
import { formatDecimal } from "../../i18n";
import { watch as t } from "../../i18n/watch";
import { Badge, Button, IconButton } from "../components";
import { canFullscreen, canPip, isFullscreen, toggleFullscreen, togglePip } from "./display";
import type { WatchStore } from "./store";

const SHOW_DELAY_FROM_MS = 50;

export function Controls({ store, onHelp }: { store: WatchStore; onHelp(): void }) {
  const has = store.hasPicture.value;
  const paused = store.isPaused.value;
  const dvr = store.dvr.value;
  const pages = store.dvrPages.value;
  const Quality = store.qualityMenu.value?.Quality;
  return (
    <div class="bar" role="group" aria-label={t().controls} data-testid="controls">
      <IconButton
        name={paused ? "play" : "pause"}
        label={paused ? t().play : t().pause}
        disabled={!has}
        onClick={() => store.togglePause()}
        data-testid="play"
      />
      {has && dvr && pages && <pages.DvrSteps dvr={dvr} />}
      <Volume store={store} />
      {has && (dvr?.isOver.value && pages ? <pages.Replaying dvr={dvr} /> : <Liveness store={store} />)}
      <span class="bar-gap" />
      {Quality && (store.rungs.value.length > 1 || (has && store.path.value === "native")) && <Quality store={store} />}
      {canPip() && <IconButton name="pip" label={t().pip} disabled={!has} onClick={togglePip} data-testid="pip" />}
      {canFullscreen() && <Fullscreen />}
      <span class="bar-help">
        <IconButton name="help" label={t().help} onClick={onHelp} data-testid="help" />
      </span>
    </div>
  );
}

function Fullscreen() {
  const full = isFullscreen.value;
  return (
    <IconButton
      name={full ? "shrink" : "expand"}
      label={full ? t().leaveFullscreen : t().fullscreen}
      onClick={toggleFullscreen}
      data-testid="fullscreen"
    />
  );
}

function Volume({ store }: { store: WatchStore }) {
  const { sound } = store;
  const muted = sound.muted.value;
  return (
    <div class="volume">
      <IconButton
        name={muted ? "silent" : "sound"}
        label={muted ? t().unmute : t().mute}
        onClick={() => sound.toggle()}
        data-testid="mute"
      />
      <input
        class="volume-slider"
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label={t().volume}
        value={muted ? 0 : sound.volume.value}
        onInput={(event) => sound.setVolume(Number(event.currentTarget.value))}
        data-testid="volume"
      />
    </div>
  );
}

/** Red only while somebody is on air and this page is with them; else how far behind, and the way back. */
function Liveness({ store }: { store: WatchStore }) {
  const box = useRef<HTMLSpanElement>(null);
  return (
    <span ref={box} class="liveness" tabIndex={-1}>
      {store.isBehind.value ? <Behind store={store} left={() => box.current?.focus()} /> : <AtLive store={store} />}
    </span>
  );
}

function AtLive({ store }: { store: WatchStore }) {
  const scene = store.scene.value;
  // The slate is a picture in the stream; these words are for ears and for small screens.
  if (scene === "slate") {
    return (
      <span role="status" data-testid="slate">
        <Badge>{t().slate}</Badge>
      </span>
    );
  }
  if (scene !== "live") return null;
  return (
    <>
      <span data-testid="live">
        <Badge kind="live">{t().live}</Badge>
      </span>
      <Delay store={store} />
    </>
  );
}

function Delay({ store }: { store: WatchStore }) {
  const { latencyMs } = store.stats.value;
  if (latencyMs === null || latencyMs < SHOW_DELAY_FROM_MS) return null;
  const seconds = formatDecimal(latencyMs / 1000);
  return (
    <span class="delay numbers" title={t().delayMeans(seconds)} data-testid="latency">
      {t().delay(seconds)}
    </span>
  );
}

/** `left`: its button has gone and the focus with it; it stays here, where the answer is. */
function Behind({ store, left }: { store: WatchStore; left(): void }) {
  const box = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => () => void (box.current?.contains(document.activeElement) && left()), []);
  const clock = clockWords(Math.ceil(store.behindS.value));
  return (
    <span ref={box} class="behind">
      <Button small onClick={() => store.goLive()} data-testid="go-live">
        {t().goLive}
      </Button>
      <span class="delay numbers" data-testid="behind">
        <span class="visually-hidden">{t().behind(clock)}</span>
        <span aria-hidden="true">−{clock}</span>
      </span>
    </span>
  );
}
