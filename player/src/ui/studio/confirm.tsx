/** The two questions before something everybody sees: go live, and end. */
import { formatNumber } from "../../i18n";
import { common } from "../../i18n/common";
import { studio as t } from "../../i18n/studio";
import { Button, Dialog, Notice } from "../components";
import { CheckRows } from "./check-column";
import type { StudioStore } from "./store";

export function ConfirmLive({ store, onClose }: { store: StudioStore; onClose(): void }) {
  const words = t().confirm;
  const { devices } = store;
  const count = store.viewers.value;
  const allGood = Object.values(store.inspection.checks.value).every((outcome) => outcome.is === "good");
  const go = () => {
    onClose();
    store.goLive();
  };
  return (
    <Dialog title={words.title(formatNumber(count), count)} onClose={onClose}>
      <div class="confirm" data-testid="confirm-live">
        <p>{words.means}</p>
        <ul class="checks">
          <CheckRows store={store} />
        </ul>
        {devices.isMuted.value && <Notice>{words.muted}</Notice>}
        {!devices.camera.value && !devices.share.screen.value && <Notice kind="accent">{words.cameraOff}</Notice>}
        {!allGood && <p class="small muted">{words.openChecks}</p>}
      </div>
      <div class="dialog-actions">
        <Button shortcut="Esc" onClick={onClose}>
          {common().cancel}
        </Button>
        <Button kind="primary" autofocus onClick={go} data-testid="confirm-go">
          {words.go}
        </Button>
      </div>
    </Dialog>
  );
}

export function ConfirmEnd({ store, onClose }: { store: StudioStore; onClose(): void }) {
  const words = t().end;
  const end = () => {
    onClose();
    void store.endPart();
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      <p data-testid="confirm-end">{words.means}</p>
      <div class="dialog-actions">
        <Button shortcut="Esc" onClick={onClose}>
          {common().cancel}
        </Button>
        <Button kind="primary" autofocus onClick={end} data-testid="confirm-end-go">
          {words.yes}
        </Button>
      </div>
    </Dialog>
  );
}
