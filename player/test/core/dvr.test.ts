import { describe, expect, test } from "vitest";

import {
  behindS,
  hasCaughtUp,
  isAtLive,
  liveDelayOf,
  mediaTimeAt,
  spanOf,
  spell,
  wallMsAt,
  wayTo,
  within,
  type Dated,
  type Span,
} from "../../src/core/dvr";

const START = 1_800_000_000_000;
const span: Span = { startMs: START, endMs: START + 600_000 };
const ago = (seconds: number) => span.endMs - seconds * 1000;

describe("the span", () => {
  test("ends where live shows, not at the clock", () => {
    expect(spanOf(START, START + 60_000, 800)).toEqual({ startMs: START, endMs: START + 59_200 });
  });

  test("is not there before something was on air", () => {
    expect(spanOf(0, START, 800)).toBeNull();
    expect(spanOf(START, START + 500, 800)).toBeNull();
  });

  test("a line that fell far behind does not move live", () => {
    expect(liveDelayOf(90_000)).toBe(6000);
    expect(liveDelayOf(-20)).toBe(0);
    expect(liveDelayOf(750)).toBe(750);
  });

  test("a place lies between the start and live, whatever was asked for", () => {
    expect(within(span, START - 5)).toBe(START);
    expect(within(span, span.endMs + 3000)).toBe(span.endMs);
  });
});

describe("the way to a place", () => {
  const wish = (seconds: number, isHeld = false, isOver = false) =>
    wayTo({ wallMs: ago(seconds), span, partS: 0.2, isHeld, isOver });

  test("what live holds in hand is reached in place, without another source", () => {
    expect(wish(10, true)).toBe("in place");
    expect(wish(3, true)).toBe("in place");
  });

  test("everything older comes from the recording", () => {
    expect(wish(10)).toBe("recording");
    expect(wish(599)).toBe("recording");
  });

  test("between the recording's end and live there is live", () => {
    expect(wish(5)).toBe("live");
    expect(wish(0)).toBe("live");
    expect(wish(-4)).toBe("live");
  });

  test("within three parts of live it is live, held or not", () => {
    expect(wish(0.6, true)).toBe("live");
    expect(wish(0.7, true)).toBe("in place");
    expect(isAtLive(0.6, 0.2)).toBe(true);
    expect(isAtLive(0.61, 0.2)).toBe(false);
  });

  test("of an event that is over there is only the recording", () => {
    expect(wish(0, false, true)).toBe("recording");
  });
});

describe("catching up", () => {
  test("near live, or at the end of what was recorded, live goes on", () => {
    expect(hasCaughtUp(2.9, 1, 1)).toBe(true);
    expect(hasCaughtUp(40, 0.05, 0)).toBe(true);
  });

  test("a line that stalls in the middle has not caught up", () => {
    expect(hasCaughtUp(40, 20, 0)).toBe(false);
    expect(hasCaughtUp(40, 0, 3)).toBe(false);
    expect(hasCaughtUp(7, 2, 1)).toBe(false);
  });
});

describe("places and media times", () => {
  // Two segments, ten seconds in which nobody recorded, a new timeline.
  const segments: Dated[] = [
    { start: 0, duration: 2, programDateTime: START },
    { start: 2, duration: 2, programDateTime: START + 2000 },
    { start: 4, duration: 2, programDateTime: START + 14_000 },
  ];

  test("are each other's inverse where something was recorded", () => {
    for (const at of [0.1, 1.5, 2, 3.999, 4, 5.5]) {
      expect(mediaTimeAt(segments, wallMsAt(segments, at) as number)).toBeCloseTo(at, 3);
    }
  });

  test("a place in a hole is where it goes on after it", () => {
    expect(mediaTimeAt(segments, START + 9000)).toBe(4);
    expect(wallMsAt(segments, 4)).toBe(START + 14_000);
  });

  test("so is one in a hole that the playlist lists as a gap", () => {
    const gap: Dated = { start: 4, duration: 10, programDateTime: START + 4000, gap: true };
    const after: Dated = { start: 14, duration: 2, programDateTime: START + 14_000 };
    expect(mediaTimeAt([...segments.slice(0, 2), gap, after], START + 9000)).toBe(14);
  });

  test("before the start is the start, where sound has begun too, after the end the end", () => {
    expect(mediaTimeAt(segments, START - 60_000)).toBe(0.1);
    expect(mediaTimeAt(segments, START + 20)).toBe(0.1);
    expect(mediaTimeAt(segments, START + 99_000)).toBe(6);
  });

  test("without dates nothing is claimed", () => {
    const undated = segments.map((segment) => ({ ...segment, programDateTime: null }));
    expect(mediaTimeAt(undated, START)).toBeNull();
    expect(wallMsAt([], 3)).toBeNull();
  });
});

test("seconds behind live, and how they are spoken", () => {
  expect(behindS(span, ago(250))).toBe(250);
  expect(behindS(span, span.endMs + 5)).toBe(0);
  expect(spell(250)).toEqual({ hours: 0, minutes: 4, seconds: 10 });
  expect(spell(3723.4)).toEqual({ hours: 1, minutes: 2, seconds: 3 });
});
