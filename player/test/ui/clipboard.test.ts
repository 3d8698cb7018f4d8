// @vitest-environment happy-dom
import { afterEach, expect, test, vi } from "vitest";

import { common } from "../../src/i18n/common";
import { copyField } from "../../src/ui/clipboard";
import { toast } from "../../src/ui/components";

vi.mock("../../src/ui/components", () => ({ toast: vi.fn() }));

const field = Object.assign(document.createElement("input"), { value: "https://plenum/whip/e" });
document.body.append(field);

function clipboard(value: unknown): void {
  Object.defineProperty(navigator, "clipboard", { value, configurable: true });
}

afterEach(() => vi.clearAllMocks());

test("what stands in the field is copied", async () => {
  const writeText = vi.fn(async () => undefined);
  clipboard({ writeText });
  await copyField(field);
  expect(writeText).toHaveBeenCalledWith("https://plenum/whip/e");
  expect(toast).toHaveBeenCalledWith(common().copied, "good");
});

test("where browsers have no clipboard the field is selected, and that is said", async () => {
  clipboard(undefined);
  const select = vi.spyOn(field, "select");
  await copyField(field);
  expect(select).toHaveBeenCalled();
  expect(toast).toHaveBeenCalledWith(common().copyFailed);
});
