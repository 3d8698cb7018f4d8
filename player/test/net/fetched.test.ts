/** A file that did not come once: the browser refuses it from memory, so it is asked for under another address. */
import { expect, test, vi } from "vitest";

import { fetched } from "../../src/net/fetched";

const refused = () => Promise.reject(new TypeError("Failed to fetch dynamically imported module: https://host/assets/hls-1a.js"));

test("one that comes is asked for once", async () => {
  const load = vi.fn();
  expect(await fetched(async () => "file", load)).toBe("file");
  expect(load).not.toHaveBeenCalled();
});

test("one that does not is asked for under another address", async () => {
  const load = vi.fn(async () => "file");
  expect(await fetched<string>(refused, load)).toBe("file");
  expect(load).toHaveBeenCalledWith(expect.stringMatching(/^https:\/\/host\/assets\/hls-1a\.js\?again=\d+$/));
});

test("an error that names no address is passed on", async () => {
  await expect(fetched(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
});
