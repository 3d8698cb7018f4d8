import { describe, expect, test } from "vitest";

import {
  AT_ONCE,
  compositionOf,
  contained,
  covering,
  FRAME,
  hintOf,
  insetBox,
  lookOf,
  paced,
  wantedLook,
  type Sources,
} from "../../src/core/composition";

const ALL: Sources = { hasScreen: true, hasCamera: true, hasPlate: true };

test("a shared screen shows the camera in its corner unless somebody wanted it alone", () => {
  expect(compositionOf(ALL, null)).toBe("inset");
  expect(compositionOf(ALL, "inset")).toBe("inset");
  expect(compositionOf(ALL, "screen")).toBe("screen");
});

test("a camera that is off is in no corner, whatever is wanted, and the plate does not take its place", () => {
  const off = { ...ALL, hasCamera: false };
  expect(compositionOf(off, "inset")).toBe("screen");
  expect(compositionOf(off, null)).toBe("screen");
  expect(lookOf("inset", false)).toBe("screen");
});

test("without a screen it is the camera, then the plate, then nothing, whatever look is remembered", () => {
  const without = { ...ALL, hasScreen: false };
  expect(compositionOf(without, "inset")).toBe("camera");
  expect(compositionOf({ ...without, hasCamera: false }, "screen")).toBe("plate");
  expect(compositionOf({ hasScreen: false, hasCamera: false, hasPlate: false }, null)).toBe("nothing");
});

test("what a browser remembers wrongly counts as never chosen", () => {
  expect(wantedLook("screen")).toBe("screen");
  expect(wantedLook("inset")).toBe("inset");
  for (const broken of [null, "", "toString", "camera"]) expect(wantedLook(broken)).toBeNull();
});

test("a screen alone asks the encoder for detail", () => {
  expect(hintOf("screen")).toBe("detail");
  expect(hintOf("inset")).toBe("motion");
});

describe("the frame", () => {
  test("holds the whole screen, with bars where the shapes differ", () => {
    expect(contained({ width: 1920, height: 1080 }, FRAME)).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
    expect(contained({ width: 1600, height: 1200 }, FRAME)).toEqual({ x: 160, y: 0, width: 960, height: 720 });
    expect(contained({ width: 2560, height: 720 }, FRAME)).toEqual({ x: 0, y: 180, width: 1280, height: 360 });
    expect(contained({ width: 640, height: 360 }, FRAME)).toEqual({ x: 0, y: 0, width: 1280, height: 720 });
  });

  test("has the inset bottom right, 22 % wide at most, inside and in its own shape", () => {
    const inset = insetBox(FRAME);
    expect(inset.width / FRAME.width).toBeCloseTo(0.22, 2);
    expect(inset.width).toBeLessThanOrEqual(FRAME.width * 0.22);
    expect(inset.height).toBeLessThanOrEqual(FRAME.height * 0.22);
    expect(inset.x).toBeGreaterThan(FRAME.width / 2);
    expect(inset.y).toBeGreaterThan(FRAME.height / 2);
    expect(FRAME.width - inset.x - inset.width).toBe(FRAME.height - inset.y - inset.height);
    expect(FRAME.width - inset.x - inset.width).toBeGreaterThan(0);
    expect(inset.radius).toBeGreaterThan(0);
    expect(inset.radius).toBeLessThan(inset.height / 2);
  });

  test("takes the middle of a camera of another shape, undistorted", () => {
    const inset = insetBox(FRAME);
    for (const camera of [{ width: 640, height: 480 }, { width: 720, height: 1280 }, { width: 1280, height: 720 }]) {
      const part = covering(camera, inset);
      expect(part.width / part.height).toBeCloseTo(inset.width / inset.height, 6);
      expect(part.x).toBeGreaterThanOrEqual(0);
      expect(part.y).toBeGreaterThanOrEqual(0);
      expect(part.x * 2 + part.width).toBeCloseTo(camera.width, 6);
      expect(part.y * 2 + part.height).toBeCloseTo(camera.height, 6);
      expect(Math.max(part.width / camera.width, part.height / camera.height)).toBeCloseTo(1, 6);
    }
  });
});

/** Pictures drawn in ten seconds of a clock that ticks every `tickMs`. */
function drawn(tickMs: number, isFresh: (nowMs: number) => boolean): number {
  let pace = AT_ONCE;
  let count = 0;
  for (let now = 1000; now < 11_000; now += tickMs) {
    const next = paced(pace, now, isFresh(now));
    if (!next) continue;
    pace = next;
    count += 1;
  }
  return count;
}

describe("the pace", () => {
  test("is 30 a second for sources that move faster, and hardly fewer on any clock", () => {
    for (const tickMs of [4, 1000 / 60, 16, 21, 1000 / 30]) {
      const count = drawn(tickMs, () => true);
      expect(count, `${tickMs} ms`).toBeLessThanOrEqual(301);
      expect(count, `${tickMs} ms`).toBeGreaterThanOrEqual(285);
    }
  });

  test("is at least 5 a second for a screen that stands still, and not many more", () => {
    for (const tickMs of [4, 1000 / 60, 16]) {
      const count = drawn(tickMs, () => false);
      expect(count, `${tickMs} ms`).toBeGreaterThanOrEqual(50);
      expect(count, `${tickMs} ms`).toBeLessThanOrEqual(56);
    }
  });

  test("does not make up for a long silence with a burst", () => {
    const later = paced({ drawnMs: 0, dueMs: 33 }, 5000, true);
    expect(later).not.toBeNull();
    expect(paced(later!, 5004, true)).toBeNull();
  });
});
