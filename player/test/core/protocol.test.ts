import { expect, test } from "vitest";

import { checkText, lengthOf, readServerMessage } from "../../src/core/protocol";

test("a message of a type we know is read", () => {
  expect(readServerMessage('{"t":"state","store":"down"}')).toEqual({ t: "state", store: "down" });
});

test.each(['{"t":"poll.open"}', "[]", "null", "7", '{"t":5}', "{", ""])("%s is ignored", (text) => {
  expect(readServerMessage(text)).toBeNull();
});

test("the length of a text is what a person counts, without the space around it", () => {
  expect(lengthOf("🦊🦊")).toBe(2);
  expect(checkText(`  ${"🦊".repeat(9)}  `)).toBe("too_short");
  expect(checkText("🦊".repeat(10))).toBe("ok");
  expect(checkText("x".repeat(500))).toBe("ok");
  expect(checkText("x".repeat(501))).toBe("too_long");
});
