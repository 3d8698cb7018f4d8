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

/** Troubles of the page rather than of one device: both devices then have the same. */
const SHARED = ["blocked", "insecure", "unsupported"] as const;
export type SharedTrouble = (typeof SHARED)[number];

export function isShared(trouble: DeviceTrouble): trouble is SharedTrouble {
  return (SHARED as readonly DeviceTrouble[]).includes(trouble);
}
