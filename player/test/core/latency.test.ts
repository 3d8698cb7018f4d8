import { expect, test } from "vitest";

import { Ledger, ServerClock } from "../../src/core/latency";

function ledgerOf(...starts: readonly number[]): Ledger {
  const ledger = new Ledger();
  starts.forEach((from, n) => ledger.add({ from, to: from + 0.2, wallMs: 1_000_000 + from * 1000, msn: 5, part: n }));
  return ledger;
}

test("a media time is as old as the part that holds it", () => {
  const ledger = ledgerOf(10, 10.2, 10.4);
  expect(ledger.wallMsAt(10.3)).toBeCloseTo(1_010_300, 3);
  expect(ledger.at(10.3)?.part).toBe(1);
  expect(ledger.newest?.part).toBe(2);
});

test("the last part counts on until the next comes, not for ever", () => {
  const ledger = ledgerOf(10);
  expect(ledger.wallMsAt(10.9)).toBeCloseTo(1_010_900, 3);
  expect(ledger.wallMsAt(11.5)).toBeNull();
});

test("before the first part nothing is known", () => {
  expect(ledgerOf(10).at(9.9)).toBeNull();
  expect(new Ledger().wallMsAt(0)).toBeNull();
});

test("parts that come again in another rendition replace those from there on", () => {
  const ledger = ledgerOf(10, 10.2, 10.4);
  ledger.add({ from: 10.2, to: 10.4, wallMs: 9, msn: 6, part: 0 });
  expect(ledger.at(10.5)?.msn).toBe(6);
  expect(ledger.at(10.1)?.part).toBe(0);
});

test("hours of parts are not kept", () => {
  const ledger = new Ledger();
  for (let n = 0; n < 10_000; n += 1) ledger.add({ from: n * 0.2, to: n * 0.2 + 0.2, wallMs: n, msn: n, part: 0 });
  expect(ledger.at(100)).toBeNull();
  expect(ledger.newest?.msn).toBe(9999);
  expect(ledger.at(1800)?.msn).toBe(9000);
});

test("the server's clock is taken from the answer with the shortest way", () => {
  const clock = new ServerClock();
  clock.learn(5_000_000, 1000, 1400);
  expect(clock.now(1400)).toBe(5_000_200);
  clock.learn(5_001_000, 2000, 2020);
  expect(clock.now(2020)).toBe(5_001_010);
  clock.learn(9_999_999, 3000, 4000);
  expect(clock.now(2020)).toBe(5_001_010);
});

test("a clock that was set back while we asked teaches nothing", () => {
  const clock = new ServerClock();
  clock.learn(5_000_000, 2000, 1000);
  expect(clock.now(1000)).toBe(1000);
});
