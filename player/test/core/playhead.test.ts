import { describe, expect, test } from "vitest";

import { bufferedAhead, JUMP_BEYOND_S, Pilot, TARGET_S, type Playhead } from "../../src/core/playhead";

function at(position: number, ...ranges: readonly (readonly [number, number])[]): Playhead {
  return {
    at: position,
    ranges: ranges.map(([start, end]) => ({ start, end })),
    following: true,
    starved: false,
    seeking: false,
  };
}

/** A pilot long after its start, asked every 100 ms while the picture moves with the buffer constant. */
function flown(pilot: Pilot, ahead: number, seconds: number, fromMs = 10_000): number {
  let rate = 1;
  for (let step = 0; step <= seconds * 10; step += 1) {
    const position = 100 + step / 10;
    rate = pilot.steer(at(position, [90, position + ahead]), fromMs + step * 100).rate;
  }
  return rate;
}

describe("near live", () => {
  test("at the target nothing is corrected", () => {
    expect(flown(new Pilot(), TARGET_S, 2)).toBe(1);
  });

  test("too far behind plays faster, at most 1.06", () => {
    expect(flown(new Pilot(), TARGET_S + 0.2, 3)).toBeCloseTo(1.04, 2);
    expect(flown(new Pilot(), TARGET_S + 1.2, 3)).toBe(1.06);
  });

  test("too close plays slower, at least 0.97", () => {
    expect(flown(new Pilot(), TARGET_S - 0.17, 3)).toBe(0.97);
  });

  test("about to run dry plays slower at once, and no longer than that lasts", () => {
    const pilot = new Pilot();
    expect(flown(pilot, TARGET_S, 2)).toBe(1);
    expect(pilot.steer(at(103, [90, 103.2]), 13_000).rate).toBe(0.85);
    expect(pilot.steer(at(103.1, [90, 103.55]), 13_100).rate).toBeGreaterThanOrEqual(0.97);
  });

  test("with hardly anything in hand sound is stretched as far as one can listen to, and no further", () => {
    expect(new Pilot().steer(at(100, [90, 100.17]), 10_000).rate).toBe(0.7);
    expect(new Pilot().steer(at(100, [90, 100.01]), 10_000).rate).toBe(0.7);
    expect(new Pilot().steer(at(100, [90, 100.19]), 10_000).rate).toBe(0.85);
  });

  test("so it is earlier while the picture is late: the sound may be next", () => {
    const still = (ahead: number) => ({ ...at(100, [90, 100 + ahead]), still: true });
    expect(new Pilot().steer(still(0.26), 10_000).rate).toBe(0.7);
    expect(new Pilot().steer(still(0.28), 10_000).rate).toBe(0.85);
  });

  test("while the picture stands still the sound gets more in hand, and no more than that", () => {
    const still = (ahead: number) => ({ ...at(100, [90, 100 + ahead]), still: true });
    expect(new Pilot().steer(still(TARGET_S * 0.85), 10_000).rate).toBe(0.85);
    expect(new Pilot().steer(still(TARGET_S), 10_000).rate).toBe(0.97);
    expect(new Pilot().steer(still(TARGET_S * 1.5), 10_000).rate).toBe(1);
  });

  test("the saw of arriving parts alone changes nothing", () => {
    const pilot = new Pilot();
    const rates = Array.from({ length: 100 }, (_, step) => {
      const position = 100 + step / 10;
      const saw = step % 2 === 0 ? TARGET_S - 0.05 : TARGET_S + 0.05;
      return pilot.steer(at(position, [90, position + saw]), 10_000 + step * 100).rate;
    });
    expect(new Set(rates)).toEqual(new Set([1]));
  });

  test("far behind jumps to the target instead of racing", () => {
    const steering = new Pilot().steer(at(100, [90, 100 + TARGET_S + JUMP_BEYOND_S + 0.1]), 10_000);
    expect(steering.jumpTo).toBeCloseTo(100 + JUMP_BEYOND_S + 0.1, 3);
    expect(steering.rate).toBe(1);
  });

  test("right after the start a smaller distance is enough to jump", () => {
    const pilot = new Pilot();
    pilot.settle(0);
    expect(pilot.steer(at(100, [100, 101]), 100).jumpTo).toBeCloseTo(101 - TARGET_S, 3);
    expect(new Pilot().steer(at(100, [100, 101]), 100).jumpTo).toBeNull();
  });

  test("somebody who watches from the buffer is left alone", () => {
    const behind = { ...at(100, [90, 130]), following: false };
    expect(new Pilot().steer(behind, 10_000)).toEqual({ rate: 1, jumpTo: null, isStuck: false });
  });
});

describe("holes", () => {
  test("at the edge of a hole playback goes on behind it", () => {
    expect(new Pilot().steer(at(99.95, [90, 100], [102, 103]), 0).jumpTo).toBeCloseTo(102.01, 3);
  });

  test("media before a hole is played to its end", () => {
    expect(new Pilot().steer(at(99.5, [90, 100], [102, 103]), 0).jumpTo).toBeNull();
  });

  test("a playhead whose media was thrown away goes to what is left", () => {
    expect(new Pilot().steer(at(10, [50, 60]), 0).jumpTo).toBeCloseTo(50.01, 3);
  });

  test("a hole is crossed also by somebody who watches from the buffer", () => {
    const behind = { ...at(99.99, [90, 100], [102, 130]), following: false };
    expect(new Pilot().steer(behind, 0).jumpTo).toBeCloseTo(102.01, 3);
  });

  test("at the end of everything it waits", () => {
    expect(new Pilot().steer({ ...at(100, [90, 100]), starved: true }, 0).jumpTo).toBeNull();
  });

  test("behind the end of everything it comes back", () => {
    expect(new Pilot().steer({ ...at(500, [90, 100]), starved: true }, 0).jumpTo).toBeCloseTo(100 - TARGET_S, 3);
  });
});

describe("standing still", () => {
  const stuck = (nowMs: number, pilot: Pilot) => pilot.steer({ ...at(100, [90, 100.2], [101, 103]), seeking: true }, nowMs);

  test("a jump that never ends is pushed on to the newest media", () => {
    const pilot = new Pilot();
    expect(stuck(0, pilot).jumpTo).toBeNull();
    expect(stuck(900, pilot).jumpTo).toBeNull();
    expect(stuck(1000, pilot).jumpTo).toBeCloseTo(103 - TARGET_S, 3);
  });

  test("when pushing does not help either, it asks for a new start", () => {
    const pilot = new Pilot();
    let position = 100;
    const answers = Array.from({ length: 60 }, (_, step) => {
      const answer = pilot.steer({ ...at(position, [90, 103]), starved: true, following: false }, step * 100);
      position = answer.jumpTo ?? position;
      return answer;
    });
    expect(answers.filter((one) => one.jumpTo !== null)).toHaveLength(3);
    expect(answers.some((one) => one.isStuck)).toBe(true);
  });

  test("a pause is not standing still", () => {
    const pilot = new Pilot();
    pilot.steer(at(100, [90, 103]), 0);
    pilot.rest(100, 60_000);
    expect(pilot.steer({ ...at(100, [90, 103]), following: false }, 60_100).jumpTo).toBeNull();
  });

  test("nothing to go to is not standing still", () => {
    const pilot = new Pilot();
    const dry = (nowMs: number) => pilot.steer({ ...at(100, [90, 100.05]), starved: true }, nowMs);
    expect([0, 1000, 2000, 5000].map((ms) => dry(ms).jumpTo)).toEqual([null, null, null, null]);
  });
});

describe("after a stall", () => {
  test("more is kept in hand, given back when it stays quiet", () => {
    const pilot = new Pilot();
    pilot.stalled(0);
    expect(pilot.target).toBeCloseTo(TARGET_S + 0.15, 3);
    pilot.steer(at(100, [90, 100.5]), 19_000);
    expect(pilot.target).toBeCloseTo(TARGET_S + 0.15, 3);
    pilot.steer(at(101, [90, 101.5]), 20_000);
    expect(pilot.target).toBeCloseTo(TARGET_S, 3);
  });

  test("the most is bounded", () => {
    const pilot = new Pilot();
    for (let n = 0; n < 50; n += 1) pilot.stalled(n);
    expect(pilot.target).toBe(1.2);
  });
});

test("what is ahead is counted to the end of the range that holds the playhead", () => {
  const ranges = [
    { start: 0, end: 10 },
    { start: 12, end: 20 },
  ];
  expect(bufferedAhead(4, ranges)).toBe(6);
  expect(bufferedAhead(10.005, ranges)).toBe(0);
  expect(bufferedAhead(11, ranges)).toBeNull();
});
