import { expect, test } from "vitest";

import { Epochs } from "../../src/core/epochs";

test("the first epoch keeps its times, the next follows where the first ended", () => {
  const epochs = new Epochs();
  expect(epochs.offsetOf(7, 100, null)).toBe(0);
  expect(epochs.offsetOf(8, 2, 130)).toBe(128);
});

test("what the first part of an epoch decided holds for all that follow, and the old one goes on meanwhile", () => {
  const epochs = new Epochs();
  epochs.offsetOf(7, 100, null);
  epochs.offsetOf(8, 2, 130);
  expect(epochs.offsetOf(7, 129, 131)).toBe(0);
  expect(epochs.offsetOf(8, 2.2, 130.5)).toBe(128);
});

test("whoever begins anew begins without an offset", () => {
  const epochs = new Epochs();
  epochs.offsetOf(7, 100, null);
  epochs.forget();
  expect(epochs.offsetOf(8, 2, null)).toBe(0);
});
