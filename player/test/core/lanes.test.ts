import { describe, expect, test } from "vitest";

import { across, keep, lanesOf, NOTHING, select, step, target, verbsFor, type Lane } from "../../src/core/lanes";
import { board, question } from "./boards";

const VISIBLE: readonly Lane[] = ["review", "queue", "stage", "answered"];

const all = lanesOf(
  board(
    [
      question("r1", "pending", { at: 1 }),
      question("r2", "pending", { at: 2, author: "Grace" }),
      question("q1", "published", { at: 1 }),
      question("q2", "published", { at: 2 }),
      question("n", "next"),
      question("o", "now"),
      question("d1", "answered", { state_at: 10 }),
      question("d2", "answered", { state_at: 20 }),
      question("x", "declined"),
    ],
    { votes: { q2: 4 } },
  ),
);

describe("lanes", () => {
  test("each has its order: review oldest first, queue by votes, on air before next, answered latest first", () => {
    const ids = (lane: Lane) => all[lane].map((one) => one.id);
    expect(VISIBLE.map(ids)).toEqual([["r1", "r2"], ["q2", "q1"], ["o", "n"], ["d2", "d1"]]);
    expect(ids("aside")).toEqual(["x"]);
  });

  test("the search looks into text and name, without regard to case", () => {
    const found = lanesOf(board([question("a", "pending", { author: "Grace" }), question("b", "pending")]), "grACE");
    expect(found.review.map((one) => one.id)).toEqual(["a"]);
  });
});

describe("verbs", () => {
  test.each([
    ["pending", "queue", "published"],
    ["pending", "dismiss", "declined"],
    ["pending", "air", "now"],
    ["published", "dismiss", "hidden"],
    ["now", "answered", "answered"],
    ["now", "queue", "published"],
    ["answered", "queue", "published"],
    ["hidden", "queue", "published"],
  ] as const)("%s, %s: %s", (state, verb, to) => {
    expect(target(state, verb)).toBe(to);
  });

  test("what makes no sense makes nothing", () => {
    expect(target("declined", "air")).toBeNull();
    expect(target("pending", "answered")).toBeNull();
    expect(target("merged", "queue")).toBeNull();
  });
});

test("after the end nothing goes on air, but the board can still be tidied", () => {
  expect(verbsFor("published", true)).toEqual(["answered", "dismiss"]);
  expect(verbsFor("published")).toContain("air");
});

describe("the selection", () => {
  test("J and K stay within the lane", () => {
    const last = select(all, "review", 1);
    expect(step(all, last, 1)).toEqual(last);
    expect(step(all, last, -1).id).toBe("r1");
    expect(step(all, select(all, "review", 0), -1).id).toBe("r1");
  });

  test("the first J takes the first card", () => {
    expect(step(all, NOTHING, 1).id).toBe("r1");
  });

  test("H and L go to the neighbour and stop at the edges", () => {
    expect(across(all, select(all, "review", 1), 1, VISIBLE)).toMatchObject({ lane: "queue", id: "q2" });
    expect(across(all, select(all, "review", 1), -1, VISIBLE)).toMatchObject({ lane: "review", id: "r2" });
    expect(across(all, select(all, "answered", 0), 1, VISIBLE).lane).toBe("answered");
  });

  test("it follows its card when the lane is sorted anew", () => {
    const before = select(all, "queue", 1);
    const sorted = lanesOf(board([question("q1"), question("q2")], { votes: { q1: 9 } }));
    expect(keep(sorted, before)).toEqual({ lane: "queue", id: "q1", index: 0 });
  });

  test("when its card is moved on it takes the next one at that place", () => {
    const before = select(all, "review", 0);
    const rest = lanesOf(board([question("r2", "pending")]));
    expect(keep(rest, before)).toMatchObject({ lane: "review", id: "r2" });
  });

  test("in a lane that ran empty it holds nothing", () => {
    expect(keep(lanesOf(board([])), select(all, "review", 0))).toEqual({ lane: "review", id: null, index: 0 });
  });
});
