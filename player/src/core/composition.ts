/**
 * What viewers see of a presenter, from what there is, and where in the picture it stands. Called by ui/studio to choose the track
 * that goes out, and by media/composer.ts for every picture it draws. No canvas, no clock: the time comes in as an argument.
 */

/** How a shared screen is wanted. */
export const LOOKS = ["screen", "inset"] as const;
export type Look = (typeof LOOKS)[number];

export type Composition = "nothing" | "plate" | "camera" | "screen" | "inset";

export interface Sources {
  readonly hasScreen: boolean;
  readonly hasCamera: boolean;
  readonly hasPlate: boolean;
}

/** The name plate never lies over a screen: a name in the corner would tell nobody anything new. */
export function compositionOf(sources: Sources, wanted: Look | null): Composition {
  if (sources.hasScreen) return lookOf(wanted, sources.hasCamera);
  if (sources.hasCamera) return "camera";
  return sources.hasPlate ? "plate" : "nothing";
}

/** What a shared screen looks like now. Nothing wanted yet: with the camera; a camera that is off can be in no corner, whatever is wanted. */
export function lookOf(wanted: Look | null, hasCamera: boolean): Look {
  return hasCamera ? (wanted ?? "inset") : "screen";
}

/** From what the browser remembers; anything else counts as never chosen. */
export function wantedLook(remembered: string | null): Look | null {
  return LOOKS.find((look) => look === remembered) ?? null;
}

/** For the encoder: text wants sharp edges, a face beside it wants to move. */
export function hintOf(look: Look): "detail" | "motion" {
  return look === "screen" ? "detail" : "motion";
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Box extends Size {
  readonly x: number;
  readonly y: number;
}

/** The size of the highest rendition; what is larger would only be made smaller at the other end. */
export const FRAME: Size = { width: 1280, height: 720 };

const INSET_SHARE = 0.22;
const MARGIN_SHARE = 0.02;
const RADIUS_SHARE = 0.06;

/** The whole source in the middle of the frame, bars where the shapes differ. */
export function contained(source: Size, frame: Size): Box {
  const scale = Math.min(frame.width / source.width, frame.height / source.height);
  return centred({ width: Math.round(source.width * scale), height: Math.round(source.height * scale) }, frame);
}

/** The largest middle part of the source that has the shape of the target. */
export function covering(source: Size, target: Size): Box {
  const scale = Math.min(source.width / target.width, source.height / target.height);
  return centred({ width: target.width * scale, height: target.height * scale }, source);
}

function centred(inner: Size, outer: Size): Box {
  // Never below zero by a rounding of fractions: there is no picture there.
  return { ...inner, x: Math.max(0, (outer.width - inner.width) / 2), y: Math.max(0, (outer.height - inner.height) / 2) };
}

/** Bottom right, in the frame's own shape whatever the camera's is: a camera held upright must not cover more of the screen than another. */
export function insetBox(frame: Size): Box & { readonly radius: number } {
  const width = Math.floor(frame.width * INSET_SHARE);
  const height = Math.floor((width * frame.height) / frame.width);
  const margin = Math.round(frame.width * MARGIN_SHARE);
  return {
    x: frame.width - width - margin,
    y: frame.height - height - margin,
    width,
    height,
    radius: Math.round(width * RADIUS_SHARE),
  };
}

export const MOST_FPS = 30;
/** Of a screen that stands still: key frames and late viewers get fresh text, and the encoder goes on sharpening it. */
export const LEAST_FPS = 5;

const STEP_MS = 1000 / MOST_FPS;
const STILL_MS = 1000 / LEAST_FPS;
/** The clock that asks ticks every 16 ms: a still picture drawn one tick late would be one a fifth of a second too few. */
const TICK_MS = 17;

/** When the last picture was drawn, and from when on the next may be. */
export interface Pace {
  readonly drawnMs: number;
  readonly dueMs: number;
}

export const AT_ONCE: Pace = { drawnMs: Number.NEGATIVE_INFINITY, dueMs: Number.NEGATIVE_INFINITY };

/** The pace after drawing now, or null where nothing is to be drawn. `isFresh`: a source has a new picture. */
export function paced(pace: Pace, nowMs: number, isFresh: boolean): Pace | null {
  const isDue = isFresh ? nowMs >= pace.dueMs : nowMs - pace.drawnMs >= STILL_MS - TICK_MS;
  if (!isDue) return null;
  // Counted from when it was due, not from when a tick came by: else 30 a second became 20 on a clock of 16 ms.
  return { drawnMs: nowMs, dueMs: Math.max(pace.dueMs + STEP_MS, nowMs + STEP_MS / 2) };
}
