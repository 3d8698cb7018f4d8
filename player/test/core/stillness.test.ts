import { beforeEach, expect, test } from "vitest";

import { Stillness, type Moment } from "../../src/core/stillness";

let still: Stillness;

/** Segments of 2 s from 10 s on; the picture broke off at 10.6. */
beforeEach(() => {
  still = new Stillness(2);
  for (const from of [10, 10.2, 10.4]) still.appended(part(from));
});

function part(from: number, independent = from % 2 === 0) {
  return { from, to: from + 0.2, independent };
}

function moment(at: number, more: Partial<Moment> = {}): Moment {
  return { at, soundEnd: at + 0.5, isAbsent: true, isStarved: false, ...more };
}

test("a picture that was given up is filled shortly before it ends, to well behind the next key frame", () => {
  expect(still.fillTo(moment(10.25))).toBeNull();
  expect(still.fillTo(moment(10.35))).toBe(13.5);
});

test("one that is only late is waited for while the sound goes on, and filled before the browser stops that too", () => {
  expect(still.fillTo(moment(10.7, { isAbsent: false }))).toBeNull();
  expect(still.fillTo(moment(12.8, { isAbsent: false }))).toBeNull();
  expect(still.fillTo(moment(13, { isAbsent: false }))).toBe(15.5);
});

test("one that ran dry before it was given up waits as long: a filler in the middle of the freeze would make two of it", () => {
  expect(still.fillTo(moment(10.7))).toBeNull();
  expect(still.fillTo(moment(12.8))).toBeNull();
  expect(still.fillTo(moment(13))).toBe(15.5);
});

test("what comes of a picture that ran dry is not shown one by one, but when it reaches beyond the playhead", () => {
  expect(still.judge(part(10.6), 10.65)).toBe("append");
  expect(still.judge(part(10.6), 11)).toBe("hold");
  expect(still.judge(part(10.8), 11.02)).toBe("hold");
  expect(still.judge(part(11), 11.05)).toBe("hold");
  expect(still.judge(part(11.2), 11.08)).toBe("release");
});

test("a key frame goes on after a picture that ran dry, and what was held before it is given up", () => {
  expect(still.judge(part(10.6), 11.1)).toBe("hold");
  expect(still.judge(part(12), 12.02)).toBe("hold");
  expect(still.judge(part(12.2), 12.08)).toBe("release");
});

test("what belongs to neither is thrown away", () => {
  expect(still.judge(part(11), 11.1)).toBe("drop");
});

test("a key frame from which the playhead is still far waits for it", () => {
  expect(still.judge(part(12), 11.5)).toBe("hold");
  expect(still.judge(part(12.2), 11.75)).toBe("release");
});

test("where the browser stops the sound at the picture's end, it is filled at once", () => {
  expect(still.fillTo(moment(10.6, { isAbsent: false, isStarved: true }))).toBe(13.5);
});

test("without sound in hand both are waited for", () => {
  expect(still.fillTo(moment(10.6, { soundEnd: 10.62 }))).toBeNull();
  expect(still.fillTo(moment(10.4, { soundEnd: 10.5 }))).toBeNull();
  expect(still.fillTo(moment(10.6, { soundEnd: null }))).toBeNull();
  still.forget();
  expect(still.fillTo(moment(10.6))).toBeNull();
});

test("a picture that stays away is filled again and again, a segment each time", () => {
  still.filled(13.5);
  expect(still.fillTo(moment(13.1))).toBeNull();
  expect(still.fillTo(moment(13.3))).toBe(15.5);
});

test("an element that stopped in a filled picture goes on with one that begins where it stands, once", () => {
  still.filled(13.5);
  const stopped = moment(11.3, { isStarved: true });
  const again = still.again(stopped) as number;
  expect(again).toBeGreaterThan(11.3);
  expect(again).toBeLessThan(11.4);
  still.filled(13.5, again);
  expect(still.again(stopped)).toBeNull();
  expect(still.judge(part(12), 11.5)).toBe("release");
});

test("one that moves, or has no sound to go on with, is left alone", () => {
  expect(still.again(moment(10.6, { isStarved: true }))).toBeNull();
  still.filled(13.5);
  expect(still.again(moment(11.3))).toBeNull();
  expect(still.again(moment(11.3, { isStarved: true, soundEnd: 11.32 }))).toBeNull();
});

test("nothing but a key frame behind the filler's beginning ends it", () => {
  still.filled(13.5);
  expect(still.judge(part(10.6), 10.8)).toBe("drop");
  expect(still.judge({ from: 10.4, to: 10.6, independent: true }, 10.8)).toBe("drop");
  expect(still.judge(part(10.6), 10.8)).toBe("drop");
  expect(still.judge(part(12), 11.5)).toBe("release");
});

test("a late key frame is held until what follows it reaches beyond the playhead", () => {
  still.filled(13.5);
  expect(still.judge(part(12), 12.4)).toBe("hold");
  expect(still.judge(part(12.2), 12.45)).toBe("hold");
  expect(still.judge({ from: 12.4, to: 12.8, independent: false }, 12.48)).toBe("release");
});

test("what was held is given up where a part of it is missing", () => {
  still.filled(13.5);
  expect(still.judge(part(12), 12.4)).toBe("hold");
  expect(still.judge(part(12.4), 12.4)).toBe("drop");
  expect(still.judge(part(12.6), 12.4)).toBe("drop");
});

test("a key frame that is still held when the filler has to go on was missed", () => {
  still.filled(13.5);
  still.judge(part(12), 12.4);
  expect(still.takeMissed()).toBe(false);
  still.filled(15.5);
  expect(still.takeMissed()).toBe(true);
  expect(still.takeMissed()).toBe(false);
  expect(still.judge(part(12.2), 12)).toBe("drop");
});

test("the picture stands from where it broke off to where the new one begins", () => {
  expect(still.stands(10.5)).toBe(false);
  expect(still.stands(10.7)).toBe(true);
  still.filled(13.5);
  expect(still.stands(10.5)).toBe(false);
  expect(still.stands(11)).toBe(true);
  still.appended(part(12));
  expect(still.stands(11)).toBe(true);
  expect(still.stands(12.1)).toBe(false);
});

test("a new picture that begins later than the old one ends has a hole before it", () => {
  expect(still.holeBefore(part(12))).toBeCloseTo(10.6);
  expect(still.holeBefore(part(10.6))).toBeNull();
  expect(still.holeBefore({ from: 10, to: 10.2, independent: true })).toBeNull();
  still.forget();
  expect(still.holeBefore(part(12))).toBeNull();
});
