/** Which camera and which microphone; also while on air. */
import { studio as t } from "../../i18n/studio";
import type { DeviceKind } from "../../media/capture";
import { Select } from "../components";
import type { StudioDevices } from "./devices";

export function DeviceChoice({ devices }: { devices: StudioDevices }) {
  return (
    <>
      <One devices={devices} kind="camera" />
      <One devices={devices} kind="microphone" />
    </>
  );
}

function One({ devices, kind }: { devices: StudioDevices; kind: DeviceKind }) {
  const known = devices.lists[kind].value;
  const isMissing = devices.troubles.value.some((one) => one.kind === kind && one.trouble === "missing");
  const chosen = devices[kind].value?.getSettings().deviceId ?? "";
  return (
    <Select
      label={t()[kind]}
      name={kind}
      value={chosen}
      disabled={known.length === 0}
      onChange={(event) => void devices.choose(kind, event.currentTarget.value)}
    >
      {!chosen && <option value="">{isMissing ? t().noDevice : "–"}</option>}
      {known.map((device, n) => (
        <option key={device.id} value={device.id}>
          {device.label || t().unnamed(n + 1)}
        </option>
      ))}
    </Select>
  );
}
