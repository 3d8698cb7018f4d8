import { beforeEach, expect, test } from "vitest";

import { Punctuality } from "../../src/core/punctuality";

let time: Punctuality;

/** Parts of 200 ms from 100 s of media time on, each half a second after its end, until 5 s have passed. */
beforeEach(() => {
  time = new Punctuality();
  for (let n = 1; n <= 25; n += 1) come(n);
});

function come(n: number, lateMs = 0): number {
  const now = 500 + n * 200 + lateMs;
  time.arrived(1, 100 + (n - 1) / 5, 100 + n / 5, now);
  return now;
}

test("parts that come as ever are not late, however long their way", () => {
  expect(time.lateMs(come(26))).toBe(0);
  expect(time.lateMs(come(27, 250))).toBe(0);
});

test("a part that comes later than usual is late by so much", () => {
  expect(time.lateMs(come(26, 450))).toBe(450);
});

test("so is one that does not come at all, from when it was to be expected", () => {
  const last = 500 + 25 * 200;
  expect(time.lateMs(last + 200 + 290)).toBe(0);
  expect(time.lateMs(last + 200 + 310)).toBe(310);
});

test("a line that is always late has become a long one", () => {
  for (let n = 26; n <= 100; n += 1) come(n, 1000);
  expect(time.lateMs(come(101, 1000))).toBe(0);
});

test("nothing is known in the first moments, nor on another timeline", () => {
  time.arrived(2, 0, 0.2, 9000);
  expect(time.lateMs(10_500)).toBe(0);
  const fresh = new Punctuality();
  expect(fresh.lateMs(99_999)).toBe(0);
});
