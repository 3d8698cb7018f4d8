/** The presenter's own picture, mirrored as in a mirror; framed in red while it is on air. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { formatClock, formatNumber } from "../../i18n";
import { studio as t } from "../../i18n/studio";
import { Badge, Icon, Notice } from "../components";
import { useNow } from "../now";
import { shortcutsOn } from "../shortcuts";
import type { StudioDevices } from "./devices";
import { LOOK_ICONS } from "./look-choice";
import type { StudioStore } from "./store";

export function SelfView({ store, children }: { store: StudioStore; children: ComponentChildren }) {
  const video = useRef<HTMLVideoElement>(null);
  const picture = store.devices.picture.value;
  useEffect(() => {
    if (!video.current) return;
    video.current.srcObject = picture ? new MediaStream([picture]) : null;
    if (picture) void video.current.play().catch(() => undefined);
  }, [picture]);
  useEffect(() => (video.current ? store.inspection.watch(video.current) : undefined), [store]);
  const mirrored = store.devices.composition.value === "camera";
  return (
    <section
      class={`self ${store.isOnAir.value ? "self-on-air" : ""}`}
      data-theme="dark"
      data-testid="self-view"
      aria-label={t().selfView}
    >
      <div class="self-picture">
        <video ref={video} class={mirrored ? "self-video self-mirrored" : "self-video"} muted playsInline autoplay aria-label={t().selfView} />
        {!picture && (
          <p class="self-empty muted">
            <Icon name="cameraOff" size={36} />
            <span>{t().noPicture}</span>
          </p>
        )}
        <div class="self-badges">
          <Standing store={store} />
        </div>
        <Warnings store={store} />
      </div>
      {children}
    </section>
  );
}

function Standing({ store }: { store: StudioStore }) {
  const { devices } = store;
  return (
    <>
      {store.phase.value === "check" && <Badge>{t().onlyYou}</Badge>}
      {store.isOnAir.value && (
        <>
          <Badge kind="live">{t().onAir}</Badge>
          <Timer store={store} />
          <Badge>
            <span data-testid="viewers" class="numbers">
              {t().watching(formatNumber(store.viewers.value), store.viewers.value === 1)}
            </span>
          </Badge>
        </>
      )}
      <Shown devices={devices} />
    </>
  );
}

/** What of the presenter viewers see and hear, where it is not simply the camera. */
function Shown({ devices }: { devices: StudioDevices }) {
  const words = t().sharing;
  const composition = devices.composition.value;
  if (composition === "screen" || composition === "inset") {
    return (
      <>
        <Badge kind="accent" icon={LOOK_ICONS[composition]}>
          <span data-testid="shown" data-composition={composition}>
            {words[composition]}
          </span>
        </Badge>
        {devices.share.sound.value && (
          <Badge kind="accent" icon="sound">
            <span data-testid="shared-sound">{words.sound}</span>
          </Badge>
        )}
      </>
    );
  }
  return composition === "plate" ? <Badge icon="cameraOff">{t().plate}</Badge> : null;
}

function Timer({ store }: { store: StudioStore }) {
  useNow(1000).value;
  const since = store.onAirSinceMs.value;
  const seconds = since === null ? 0 : (performance.now() - since) / 1000;
  return (
    <Badge>
      <span class="numbers" role="timer" aria-label={t().timer} data-testid="timer">
        {formatClock(seconds)}
      </span>
    </Badge>
  );
}

function Warnings({ store }: { store: StudioStore }) {
  const state = store.publishing.value;
  return (
    <div class="self-warnings">
      {state.is === "connecting" && (
        <p class="self-note" role="status" data-testid="connecting">
          <span class="spinner spinner-small" /> {t().connectingWords}
        </p>
      )}
      {state.is === "lost" && (
        <div data-testid="reconnecting">
          <Notice>
            <p>{t().lostWords}</p>
            <p class="numbers" data-testid="attempt">
              {t().attempt(state.attempt)}
            </p>
          </Notice>
        </div>
      )}
      {store.devices.speaksWhileMuted.value && (
        <div data-testid="muted-speaking">
          <Notice>{t().mutedSpeaking(shortcutsOn.value)}</Notice>
        </div>
      )}
    </div>
  );
}
