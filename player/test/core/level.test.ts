import { expect, test } from "vitest";

import { barHeight, fall, loudnessOf, peakDb, SILENCE_DB } from "../../src/core/level";

test("loudness is the highest sample in decibels below full scale", () => {
  expect(peakDb(Float32Array.of(0.1, -0.5, 0.2))).toBeCloseTo(-6.02, 2);
  expect(peakDb(Float32Array.of(0, 0))).toBe(SILENCE_DB);
  expect(peakDb(Float32Array.of(1))).toBe(0);
});

test("normal speech stands in the middle of the bar", () => {
  expect(barHeight(-18)).toBeCloseTo(0.5, 5);
  expect(barHeight(-48)).toBe(0);
  expect(barHeight(Number.NEGATIVE_INFINITY)).toBe(0);
  expect(barHeight(0)).toBe(1);
});

test("the bar rises at once and falls so that the eye can follow", () => {
  expect(fall(-40, -10, 50)).toBe(-10);
  expect(fall(-10, -60, 100)).toBe(-13);
  expect(fall(-59.9, -60, 1000)).toBe(-60);
});

test("words for loudness", () => {
  expect([-60, -40, -18, -1].map(loudnessOf)).toEqual(["silent", "quiet", "good", "loud"]);
});
