import { expect, test } from "vitest";

import { together, type LinkState } from "../../src/core/link";

const OPEN: LinkState = { is: "open" };
const LOST: LinkState = { is: "lost", attempt: 1, nextAtMs: 0 };
const LOST_LONGER: LinkState = { is: "lost", attempt: 4, nextAtMs: 0 };

test("a line that broke is not told while the other one plays on", () => {
  expect(together([LOST, OPEN], true)).toBe(OPEN);
  expect(together([LOST, OPEN], false)).toBe(LOST);
});

test("of two that broke the one that tried longer is the worse", () => {
  expect(together([LOST_LONGER, LOST], false)).toBe(LOST_LONGER);
  expect(together([LOST_LONGER, LOST], true)).toBe(LOST);
});

test("before there is a line it is being connected", () => {
  expect(together([], false)).toEqual({ is: "connecting" });
});
