import { expect, test } from "vitest";

import { Positions } from "../../src/core/positions";
import { Kind, type Header } from "../../src/core/wire";

function part(rendition: number, msn: number, index: number, epoch = 1): Header {
  return {
    kind: Kind.PART,
    rendition,
    independent: index === 0,
    last: false,
    discontinuity: false,
    initId: 1,
    epoch,
    msn,
    part: index,
    duration: 1,
    start: 0,
    wallMs: 0,
  };
}

test("a part that a resume sends again is told apart", () => {
  const positions = new Positions();
  expect(positions.take(part(0, 5, 3))).toBe(true);
  expect(positions.take(part(0, 5, 3))).toBe(false);
  expect(positions.take(part(0, 4, 9))).toBe(false);
  expect(positions.take(part(0, 5, 4))).toBe(true);
  expect(positions.take(part(0, 6, 0))).toBe(true);
});

test("each rendition has its own position", () => {
  const positions = new Positions();
  positions.take(part(0, 5, 3));
  expect(positions.take(part(1, 5, 0))).toBe(true);
});

test("a new epoch begins anew", () => {
  const positions = new Positions();
  positions.take(part(0, 500, 3, 1));
  expect(positions.take(part(0, 1, 0, 2))).toBe(true);
});

test("a resume goes on after the earliest of the newest, so that nothing is missed", () => {
  const positions = new Positions();
  positions.take(part(0, 5, 3));
  positions.take(part(4, 5, 2));
  expect(positions.resumeFrom([0, 4])).toEqual({ epoch: 1, msn: 5, part: 2 });
});

test("without a part of every rendition, or across epochs, there is nothing to resume", () => {
  const positions = new Positions();
  positions.take(part(0, 5, 3));
  expect(positions.resumeFrom([0, 4])).toBeNull();
  expect(positions.resumeFrom([])).toBeNull();
  positions.take(part(4, 5, 3, 2));
  expect(positions.resumeFrom([0, 4])).toBeNull();
});

test("after forgetting everything is new", () => {
  const positions = new Positions();
  positions.take(part(0, 5, 3));
  positions.forget();
  expect(positions.take(part(0, 5, 3))).toBe(true);
});
