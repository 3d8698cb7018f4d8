import { expect, test } from "vitest";

import { arrange } from "../../src/core/reading";

test("at rest the list is as it should be", () => {
  expect(arrange(["a", "b"], ["c", "b", "a"], true)).toEqual({ shown: ["c", "b", "a"], fresh: 0 });
});

test("nothing moves under the finger: new ones wait, the order stays", () => {
  expect(arrange(["a", "b"], ["c", "b", "a"], false)).toEqual({ shown: ["a", "b"], fresh: 1 });
});

test("what went away goes even under the finger", () => {
  expect(arrange(["a", "b"], ["b"], false)).toEqual({ shown: ["b"], fresh: 0 });
});

test("an empty list has nothing that could move", () => {
  expect(arrange([], ["a"], false)).toEqual({ shown: ["a"], fresh: 0 });
});
