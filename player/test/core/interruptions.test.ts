import { expect, test } from "vitest";

import { Interruptions } from "../../src/core/interruptions";

test("a clock that stands is silence, one that runs a little slower is not", () => {
  const seen = new Interruptions();
  seen.look(0, 5, false);
  seen.look(100, 5.097, false);
  seen.look(200, 5.097, false);
  seen.look(300, 5.097, false);
  seen.look(400, 5.19, false);
  expect(seen.silentMs).toBeCloseTo(200);
  expect(seen.frozenMs).toBe(0);
});

test("the clock in the first look after it was told 0.7, as Chromium's moves, is no silence", () => {
  const seen = new Interruptions();
  seen.look(0, 5, false);
  seen.look(100, 5.045, false, 0.7);
  seen.look(191, 5.083, false, 0.7);
  expect(seen.silentMs).toBe(0);
});

test("at any rate it is silence where less than half of what was to be played was", () => {
  const seen = new Interruptions();
  seen.look(0, 5, false);
  seen.look(100, 5.028, false, 0.7);
  expect(seen.silentMs).toBeCloseTo(60);
  seen.look(200, 5.028, false, 0.7);
  expect(seen.silentMs).toBeCloseTo(160);
});

test("a picture that stands while the sound goes on is frozen", () => {
  const seen = new Interruptions();
  seen.look(0, 5, true);
  seen.look(100, 5.1, true);
  seen.look(200, 5.2, false);
  expect(seen.frozenMs).toBe(100);
  expect(seen.silentMs).toBe(0);
});

test("neither a pause nor a jump is an interruption", () => {
  const seen = new Interruptions();
  seen.look(0, 5, false);
  seen.rest();
  seen.look(60_000, 5, false);
  seen.look(60_100, 3, false);
  seen.look(60_200, 9, false);
  expect(seen.silentMs).toBe(0);
});
