import { expect, test } from "vitest";

import { sceneOf, turnedBy, type Known } from "../../src/core/scene";

const LIVE: Known = {
  turned: null,
  event: "live",
  programme: "live",
  link: { is: "open" },
  online: true,
  hasPicture: true,
  isPast: false,
  isStill: false,
};

function lost(attempt: number): Known["link"] {
  return { is: "lost", attempt, nextAtMs: 0 };
}

test("a running programme is live once there is a picture", () => {
  expect(sceneOf(LIVE)).toBe("live");
  expect(sceneOf({ ...LIVE, hasPicture: false })).toBe("loading");
  expect(sceneOf({ ...LIVE, programme: "slate" })).toBe("slate");
});

test("before anybody was on air it waits", () => {
  expect(sceneOf({ ...LIVE, event: "scheduled", programme: "waiting", hasPicture: false })).toBe("waiting");
  expect(sceneOf({ ...LIVE, event: "scheduled", programme: null, hasPicture: false })).toBe("waiting");
});

test("a live event whose feed has not answered yet is loading, not waiting", () => {
  expect(sceneOf({ ...LIVE, programme: null, link: { is: "connecting" }, hasPicture: false })).toBe("loading");
});

test("a line that is back before the buffer is empty was never missed", () => {
  expect(sceneOf({ ...LIVE, link: lost(1) })).toBe("live");
  expect(sceneOf({ ...LIVE, link: lost(1), isStill: true })).toBe("reconnecting");
  expect(sceneOf({ ...LIVE, link: lost(2) })).toBe("reconnecting");
});

test("offline says so only when the line is broken too", () => {
  expect(sceneOf({ ...LIVE, online: false })).toBe("live");
  expect(sceneOf({ ...LIVE, online: false, link: lost(1), isStill: true })).toBe("offline");
});

test("never live when nobody may say so: ended and turned away win over everything", () => {
  expect(sceneOf({ ...LIVE, event: "ended" })).toBe("ended");
  expect(sceneOf({ ...LIVE, programme: "ended", link: lost(3) })).toBe("ended");
  expect(sceneOf({ ...LIVE, turned: "signin" })).toBe("turned");
});

test("an API error is final only where trying again cannot help", () => {
  expect(turnedBy(401, "no_session")).toBe("signin");
  expect(turnedBy(403, "not_invited")).toBe("forbidden");
  expect(turnedBy(404, "not_found")).toBe("unknown");
  expect(turnedBy(503, "full")).toBe("full");
  expect(turnedBy(503, "unavailable")).toBeNull();
  expect(turnedBy(0, "offline")).toBeNull();
});
