// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { publish } from "../../src/net/whip";

vi.mock("../../src/net/api", () => ({ csrfToken: async () => "csrf" }));

const fetched = vi.fn();

function answer(status: number, body: string, headers: Record<string, string> = {}): void {
  const response = new Response(body, { status, headers });
  Object.defineProperty(response, "url", { value: `${location.origin}/whip/e` });
  fetched.mockResolvedValueOnce(response);
}

beforeEach(() => {
  fetched.mockReset();
  vi.stubGlobal("fetch", fetched);
});

afterEach(() => vi.unstubAllGlobals());

test("a first POST names no session, one after a broken connection its last path segment", async () => {
  answer(201, "v=0", { location: "/whip/e/session-1" });
  const first = await publish("/whip/e", "v=0");
  answer(201, "v=0", { location: "/whip/e/session-2" });
  await publish("/whip/e", "v=0", first.resource);
  const [without, after] = fetched.mock.calls.map(([, request]) => (request as RequestInit).headers as Record<string, string>);
  expect(without).not.toHaveProperty("plenum-replaces");
  expect(after).toMatchObject({ "plenum-replaces": "session-1" });
});

test("that another window took the place is a problem of its own", async () => {
  answer(409, JSON.stringify({ code: "replaced", detail: "Another window or program of yours is on air." }));
  await expect(publish("/whip/e", "v=0", "https://plenum/whip/e/session-1")).rejects.toMatchObject({ status: 409, code: "replaced" });
});
