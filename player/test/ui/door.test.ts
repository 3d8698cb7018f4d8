// @vitest-environment happy-dom
/** What the page joins for: tickets before they are old, addresses when those in hand have failed, and never too often. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Door } from "../../src/ui/watch/door";

const LIFETIME_S = 6 * 3600;
let joins: number;
let isAway: boolean;
let feed: string[];
let door: Door;

beforeEach(() => {
  vi.useFakeTimers();
  joins = 0;
  isAway = false;
  feed = ["/one", "/two"];
  vi.stubGlobal("fetch", async () => {
    joins += 1;
    if (isAway) throw new TypeError("no network");
    const answer = { ticket: "for the board", ticket_lifetime_s: 600, feed_ticket: `ticket ${joins}`, feed_ticket_lifetime_s: LIFETIME_S };
    return new Response(JSON.stringify({ ...answer, feed, server_time_ms: Date.now() }));
  });
  door = new Door("town-hall", { joined: () => {}, turned: () => {} });
});

afterEach(() => {
  door.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("for hours the ticket in hand is used, and nobody is asked", async () => {
  expect(await door.ticketNow(false)).toBe("ticket 1");
  isAway = true;
  await vi.advanceTimersByTimeAsync(2 * 3600_000);
  expect(await door.ticketNow(false)).toBe("ticket 1");
  expect(joins).toBe(1);
});

test("at half its life the ticket is renewed by itself, and tried again while nobody answers", async () => {
  await door.enter();
  isAway = true;
  await vi.advanceTimersByTimeAsync((LIFETIME_S / 2) * 1000);
  expect(joins).toBeGreaterThan(1);
  isAway = false;
  await vi.advanceTimersByTimeAsync(61_000);
  const renewed = joins;
  await vi.advanceTimersByTimeAsync(3600_000);
  expect(joins).toBe(renewed);
  expect(await door.ticketNow(false)).toBe(`ticket ${renewed}`);
});

test("the addresses of each answer are those of the roster", async () => {
  await door.enter();
  expect(door.roster.next(0)).toBe("/one");
  feed = ["/three", "/one"];
  await door.enter();
  expect(door.roster.next(0)).toBe("/three");
});

test("whoever looks around is answered once in a while, not with each attempt", async () => {
  await door.enter();
  for (let s = 0; s < 60; s += 1) {
    door.lookAround(0);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(joins).toBeLessThanOrEqual(5);
  expect(joins).toBeGreaterThan(2);
});

test("what has time is asked for at some moment until then, and only once", async () => {
  await door.enter();
  for (let i = 0; i < 5; i += 1) door.lookAround(30_000);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(joins).toBe(2);
});

test("a closed door asks nothing by itself", async () => {
  await door.enter();
  door.lookAround(30_000);
  door.close();
  door.lookAround(0);
  await vi.advanceTimersByTimeAsync(LIFETIME_S * 1000);
  expect(joins).toBe(1);
});
