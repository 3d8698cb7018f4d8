/**
 * The device checks of the studio. Every one begins as `unmade`, and only a measurement turns it into anything else: a check that
 * was not made is never green, and losing a device un-makes its check.
 */
import { loudnessOf } from "./level";

export type CheckName = "camera" | "microphone" | "server" | "codec";
export const CHECKS: readonly CheckName[] = ["camera", "microphone", "server", "codec"];

export type Outcome =
  | { readonly is: "unmade" }
  | { readonly is: "running" }
  | { readonly is: "good" | "warn" | "bad"; readonly finding: Finding };

/** What was found, with its figures; the page puts it into words. */
export type Finding =
  | { readonly what: "picture"; readonly width: number; readonly height: number; readonly fps: number }
  | { readonly what: "lowFps"; readonly width: number; readonly height: number; readonly fps: number }
  | { readonly what: "smallPicture"; readonly width: number; readonly height: number; readonly fps: number }
  | { readonly what: "noPicture" }
  | { readonly what: "peak"; readonly db: number }
  | { readonly what: "tooQuiet"; readonly db: number }
  | { readonly what: "tooLoud"; readonly db: number }
  | { readonly what: "noSound" }
  | { readonly what: "reached"; readonly ms: number }
  | { readonly what: "unreachable" }
  | { readonly what: "h264" }
  | { readonly what: "vp8Only" }
  | { readonly what: "noCodec" }
  | { readonly what: "noWebRtc" };

export type Checks = Readonly<Record<CheckName, Outcome>>;

export const UNMADE: Checks = {
  camera: { is: "unmade" },
  microphone: { is: "unmade" },
  server: { is: "unmade" },
  codec: { is: "unmade" },
};

export function withOutcome(checks: Checks, name: CheckName, outcome: Outcome): Checks {
  return { ...checks, [name]: outcome };
}

const FEWEST_FPS = 15;
const SMALLEST_HEIGHT = 480;

/** From the frames that really arrived, not from what the device promised. */
export function cameraOutcome(width: number, height: number, fps: number): Outcome {
  if (width === 0 || height === 0 || fps < 1) return { is: "bad", finding: { what: "noPicture" } };
  const measured = { width, height, fps: Math.round(fps) };
  if (fps < FEWEST_FPS) return { is: "warn", finding: { what: "lowFps", ...measured } };
  // A phone held upright is taller than wide; its shorter side counts.
  if (Math.min(width, height) < SMALLEST_HEIGHT) return { is: "warn", finding: { what: "smallPicture", ...measured } };
  return { is: "good", finding: { what: "picture", ...measured } };
}

/** From the loudest moment of the last seconds. */
export function microphoneOutcome(peakDb: number): Outcome {
  const db = Math.round(peakDb);
  switch (loudnessOf(peakDb)) {
    case "silent":
      return { is: "warn", finding: { what: "noSound" } };
    case "quiet":
      return { is: "warn", finding: { what: "tooQuiet", db } };
    case "loud":
      return { is: "warn", finding: { what: "tooLoud", db } };
    case "good":
      return { is: "good", finding: { what: "peak", db } };
  }
}

export function serverOutcome(roundTripMs: number | null): Outcome {
  if (roundTripMs === null) return { is: "bad", finding: { what: "unreachable" } };
  return { is: roundTripMs > 1000 ? "warn" : "good", finding: { what: "reached", ms: Math.round(roundTripMs) } };
}

/** From `RTCRtpSender.getCapabilities("video")`; null where the browser has no WebRTC. */
export function codecOutcome(mimeTypes: readonly string[] | null): Outcome {
  if (mimeTypes === null) return { is: "bad", finding: { what: "noWebRtc" } };
  const has = (name: string) => mimeTypes.some((mime) => mime.toLowerCase() === `video/${name}`);
  if (has("h264")) return { is: "good", finding: { what: "h264" } };
  return has("vp8") ? { is: "warn", finding: { what: "vp8Only" } } : { is: "bad", finding: { what: "noCodec" } };
}

/** Devices alone decide: a quiet room must not keep somebody off the air, a missing camera and microphone must. */
export function mayGoLive(checks: Checks, hasPicture: boolean, hasSound: boolean): boolean {
  return (hasPicture || hasSound) && checks.codec.is !== "bad" && checks.server.is !== "bad";
}
