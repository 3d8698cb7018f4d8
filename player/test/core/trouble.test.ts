import { expect, test } from "vitest";

import { deviceTrouble, isShared } from "../../src/core/trouble";

test("each of the browser's errors has one meaning for a person", () => {
  const names = ["NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError", "TypeError", "Whatever"];
  expect(names.map(deviceTrouble)).toEqual(["blocked", "missing", "busy", "unsuitable", "unsupported", "other"]);
});

test("what concerns the page concerns both devices", () => {
  expect(isShared("blocked")).toBe(true);
  expect(isShared("busy")).toBe(false);
});
