import { expect, test } from "vitest";

import { clockWords, countdownTo } from "../../src/core/countdown";

test("spans of time read like a clock", () => {
  expect([0, 24, 767, 3723, -5].map(clockWords)).toEqual(["0:00", "0:24", "12:47", "1:02:03", "0:00"]);
});

test("counts down to the start, days apart", () => {
  expect(countdownTo(1000 + 767, 1_000_000)).toEqual({ days: 0, clock: "12:47" });
  expect(countdownTo(1000 + 86_400 * 2 + 60, 1_000_000)).toEqual({ days: 2, clock: "1:00" });
});

test("a start that is due, or was never set, is not counted to", () => {
  expect(countdownTo(1000, 1_000_000)).toBeNull();
  expect(countdownTo(0, 1_000_000)).toBeNull();
});
