/** The live level of the microphone with a hint in words. */
import { barHeight, loudnessOf } from "../../core/level";
import { studio as t } from "../../i18n/studio";
import { Meter } from "../components";
import type { StudioDevices } from "./devices";

export function LevelRow({ devices, hint = true }: { devices: StudioDevices; hint?: boolean }) {
  const muted = devices.isMuted.value;
  return (
    <div class="level" data-testid="level">
      <Level devices={devices} />
      {hint && <p class="small muted">{muted ? t().levelMuted : t().levelHint}</p>}
    </div>
  );
}

/** Redrawn twenty times a second: nothing but the meter is in here. */
function Level({ devices }: { devices: StudioDevices }) {
  const db = devices.isMuted.value ? Number.NEGATIVE_INFINITY : devices.levelDb.value;
  const words = loudnessOf(db) === "silent" ? t().levelSilent : t().levelWords(Math.round(db));
  return <Meter label={t().level} level={barHeight(db)} words={words} />;
}
