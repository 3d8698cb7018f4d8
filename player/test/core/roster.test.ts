import { expect, test } from "vitest";

import { Roster } from "../../src/core/roster";

const EDGES = ["/munich", "/berlin", "/origin"];

test("the best address is the first one", () => {
  expect(new Roster(EDGES).next(0)).toBe("/munich");
});

test("one that failed is tried last, for a minute", () => {
  const roster = new Roster(EDGES);
  roster.failed("/munich", 1000);
  expect(roster.next(1000)).toBe("/berlin");
  roster.failed("/berlin", 2000);
  roster.failed("/origin", 3000);
  expect(roster.next(3000)).toBe("/munich");
  expect(roster.hasFailed("/munich", 60_999)).toBe(true);
  expect(roster.next(61_500)).toBe("/munich");
  expect(roster.hasFailed("/munich", 61_500)).toBe(false);
});

test("whoever must leave an address is given the others in order, and stays where there are none", () => {
  const roster = new Roster(EDGES);
  expect(roster.others("/berlin", 0)).toEqual(["/munich", "/origin"]);
  roster.failed("/munich", 0);
  expect(roster.others("/berlin", 1)).toEqual(["/origin", "/munich"]);
  expect(new Roster(["/only"]).next(0, ["/only"])).toBe("/only");
  expect(new Roster(["/only"]).others("/only", 0)).toEqual([]);
});

test("a newer answer replaces the addresses, and what is known of those that stay is kept", () => {
  const roster = new Roster(EDGES);
  roster.failed("/munich", 1000);
  roster.failed("/berlin", 1000);
  roster.update(["/munich", "/vienna", "/origin"]);
  expect(roster.next(2000)).toBe("/vienna");
  roster.update(EDGES);
  expect(roster.next(2000)).toBe("/berlin");
});

test("all have failed when none is left that did not lately", () => {
  const roster = new Roster(["/munich", "/origin"]);
  roster.failed("/munich", 0);
  expect(roster.haveAllFailed(1)).toBe(false);
  roster.failed("/origin", 1);
  expect(roster.haveAllFailed(2)).toBe(true);
  expect(roster.haveAllFailed(60_000)).toBe(false);
});
