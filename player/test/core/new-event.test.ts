import { expect, test } from "vitest";

import { eventInPath, mayActAs } from "../../src/core/event";
import { check, fieldOf, requestOf, type EventForm } from "../../src/core/new-event";

const FORM: EventForm = { title: "Town hall", start: "", language: "en", moderation: "pre" };

test("a title of 1 to 120 characters is wanted", () => {
  expect(check({ ...FORM, title: "   " })).toEqual({ title: "bad_title" });
  expect(check({ ...FORM, title: "x".repeat(121) })).toEqual({ title: "bad_title" });
  expect(check(FORM)).toEqual({});
});

test("a start that is no time is told at its field", () => {
  expect(check({ ...FORM, start: "soon" })).toEqual({ start: "bad_start" });
});

test("the start goes out in Unix seconds, none as 0", () => {
  const local = new Date(2027, 0, 12, 10, 30).getTime() / 1000;
  expect(requestOf({ ...FORM, start: "2027-01-12T10:30" }).starts_at).toBe(local);
  expect(requestOf(FORM).starts_at).toBe(0);
});

test("a refusal finds its field by the code", () => {
  expect([fieldOf("bad_title"), fieldOf("bad_start"), fieldOf("too_many_events")]).toEqual(["title", "start", null]);
});

test("an event's id is read from a page's address and from nothing else", () => {
  expect(eventInPath("/watch/town-hall")).toBe("town-hall");
  expect(eventInPath("/console/a/")).toBe("a");
  for (const path of ["/", "/watch/", "/watch/UPPER", "/watch/-a", "/elsewhere/a", "/watch/a/b"]) expect(eventInPath(path)).toBeNull();
});

test("a stronger role may act as a weaker one, not the other way", () => {
  expect(mayActAs("producer", "presenter")).toBe(true);
  expect(mayActAs("viewer", "producer")).toBe(false);
});
