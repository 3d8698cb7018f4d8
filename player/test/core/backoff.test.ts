import { expect, test } from "vitest";

import { askedWaitMs, waitMs } from "../../src/core/backoff";

const BACKOFF = { firstMs: 400, mostMs: 5000 };

test("the wait doubles with each attempt up to the most", () => {
  expect([1, 2, 3, 4, 5, 50].map((attempt) => waitMs(BACKOFF, attempt, 0.5))).toEqual([400, 800, 1600, 3200, 5000, 5000]);
});

test("clients that lost their server together do not return together", () => {
  expect(waitMs(BACKOFF, 2, 0)).toBe(400);
  expect(waitMs(BACKOFF, 2, 0.999)).toBeGreaterThan(1190);
});

test("what a server asks for is never shortened", () => {
  expect(askedWaitMs(2000, 0)).toBe(2000);
  expect(askedWaitMs(2000, 1)).toBe(3000);
  expect(askedWaitMs(100, 1)).toBe(350);
});
