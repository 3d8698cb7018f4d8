/** Microphone, camera, screen; going live and ending. Under the picture, where hands look for it. */
import { mayGoLive } from "../../core/checks";
import { studio as t } from "../../i18n/studio";
import { canShareScreen } from "../../media/capture";
import { Button } from "../components";
import { useMediaQuery } from "../media-query";
import { LookChoice } from "./look-choice";
import { shareScreen, type Asking } from "./page";
import type { StudioStore } from "./store";

/** As wide as the design's phones (UX.md section 6). */
const PHONE = "(max-width: 480px)";

export function Dock({ store, onAsk }: { store: StudioStore; onAsk(what: Asking): void }) {
  const { devices } = store;
  const muted = devices.isMuted.value;
  const off = devices.camera.value === null;
  const words = t().dock;
  return (
    <div class="dock" role="group" aria-label={words.label}>
      <Button
        icon={muted ? "micOff" : "mic"}
        shortcut="M"
        data-off={muted}
        aria-pressed={!muted}
        title={muted ? words.micUnmute : words.micMute}
        disabled={devices.microphone.value === null}
        onClick={() => devices.toggleMute()}
        data-testid="mic"
      >
        {words.mic}
      </Button>
      <Button
        icon={off ? "cameraOff" : "camera"}
        shortcut="V"
        data-off={off}
        aria-pressed={!off}
        title={off ? words.cameraOn : words.cameraOff}
        onClick={() => void devices.toggleCamera()}
        data-testid="camera"
      >
        {words.camera}
      </Button>
      <Screen store={store} />
      <span class="dock-gap" />
      {store.phase.value === "check" ? (
        <GoLive store={store} onAsk={onAsk} />
      ) : (
        <Button onClick={() => onAsk("end")} data-testid="end-part">
          {words.end}
        </Button>
      )}
    </div>
  );
}

/** Not on phones, which cannot share; who made a window that narrow can still stop. */
function Screen({ store }: { store: StudioStore }) {
  const isPhone = useMediaQuery(PHONE).value;
  const sharing = store.devices.share.screen.value !== null;
  const words = t().dock;
  if (!canShareScreen() || (isPhone && !sharing)) return null;
  return (
    <>
      <Button icon="screen" shortcut="S" aria-pressed={sharing} onClick={() => shareScreen(store)} data-testid="screen">
        {sharing ? words.screenStop : words.screen}
      </Button>
      {sharing && !isPhone && <LookChoice share={store.devices.share} hasCamera={store.devices.camera.value !== null} />}
    </>
  );
}

function GoLive({ store, onAsk }: { store: StudioStore; onAsk(what: Asking): void }) {
  const { camera, sound, share } = store.devices;
  const may = mayGoLive(store.inspection.checks.value, (camera.value ?? share.screen.value) !== null, sound.value !== null);
  return (
    <Button
      kind="primary"
      disabled={!may}
      title={may ? undefined : t().goLiveNot}
      onClick={() => onAsk("live")}
      data-testid="go-live"
    >
      {t().goLive}
    </Button>
  );
}
