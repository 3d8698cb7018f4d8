/** Why a device does not work, by the name of the browser's DOMException, so that each gets one instruction. */

export const TROUBLES = ["blocked", "missing", "busy", "unsuitable", "insecure", "unsupported", "other"] as const;
export type DeviceTrouble = (typeof TROUBLES)[number];

const BY_NAME: Readonly<Record<string, DeviceTrouble>> = {
  NotAllowedError: "blocked",
  SecurityError: "blocked",
  NotFoundError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
  OverconstrainedError: "unsuitable",
  TypeError: "unsupported",
};

export function deviceTrouble(errorName: string): DeviceTrouble {
  return BY_NAME[errorName] ?? "other";
}
