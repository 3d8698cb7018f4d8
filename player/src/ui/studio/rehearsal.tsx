/** Record five seconds, play them back: what others would see and hear, before anybody does. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { studio as t } from "../../i18n/studio";
import { canRecord, record, type Recording } from "../../media/recording";
import { Button, toast } from "../components";
import type { StudioDevices } from "./devices";

export function Rehearsal({ devices }: { devices: StudioDevices }) {
  const busy = useSignal(false);
  const recording = useSignal<Recording | null>(null);
  const forget = () => {
    if (recording.value) URL.revokeObjectURL(recording.value.address);
    recording.value = null;
  };
  useEffect(() => forget, []);
  const start = async () => {
    forget();
    busy.value = true;
    try {
      recording.value = await record([devices.picture.value, devices.sound.value].filter((track) => track !== null));
    } catch {
      toast(t().recordFailed, "bad");
    }
    busy.value = false;
  };
  if (!canRecord()) return null;
  const has = devices.picture.value !== null || devices.sound.value !== null;
  return (
    <div class="rehearsal">
      <Button wide busy={busy.value} disabled={!has} onClick={() => void start()} data-testid="record">
        {busy.value ? t().recording : t().record}
      </Button>
      {recording.value && <Playback recording={recording.value} onDiscard={forget} />}
    </div>
  );
}

function Playback({ recording, onDiscard }: { recording: Recording; onDiscard(): void }) {
  return (
    <figure class="playback" data-testid="playback">
      <video class="playback-video" src={recording.address} controls autoplay playsInline aria-label={t().playback} />
      <figcaption class="playback-foot">
        <span class="small muted">{t().playbackMeans}</span>
        <Button small onClick={onDiscard}>
          {t().discard}
        </Button>
      </figcaption>
    </figure>
  );
}
