/** A key that runs out while somebody watches: hls.js must not notice. */
import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext } from "hls.js";
import { beforeEach, expect, test, vi } from "vitest";

import { DeliveryKey, keyedLoader } from "../../src/media/keyed-loader";

const OLD = "0".repeat(32);
const NEW = "1".repeat(32);
const at = (key: string, path = "720p/media.m3u8") => `https://host/live/town-hall/${key}/${path}`;

/** What the server takes; everything else is 401. */
let valid = NEW;
let asked: string[] = [];

class Server implements Loader<LoaderContext> {
  context: LoaderContext | null = null;
  stats = { loaded: 0 } as Loader<LoaderContext>["stats"];
  private used = false;

  load(context: LoaderContext, _: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
    if (this.used) throw new Error("a loader can be used once");
    this.used = true;
    asked.push(context.url);
    queueMicrotask(() => {
      if (!context.url.includes(valid)) return callbacks.onError({ code: 401, text: "" }, context, null, this.stats);
      this.stats.loaded = 7;
      callbacks.onSuccess({ url: context.url, data: "#EXTM3U" }, this.stats, context, null);
    });
  }

  abort(): void {}
  destroy(): void {}
}

interface Seen {
  readonly code: number;
  readonly url: string;
  readonly loaded: number;
}

function request(key: DeliveryKey, url: string): { loader: Loader<LoaderContext>; answer: Promise<Seen> } {
  const loader = new (keyedLoader(key, Server))({} as HlsConfig);
  const { stats } = loader;
  const context = { url, responseType: "text" } as LoaderContext;
  const answer = new Promise<Seen>((resolve) => {
    loader.load(context, {} as LoaderConfiguration, {
      onSuccess: (response, _, given) => resolve({ code: given === context ? 200 : 0, url: response.url, loaded: stats.loaded }),
      onError: (error) => resolve({ code: error.code, url, loaded: 0 }),
      onTimeout: () => undefined,
    });
  });
  return { loader, answer };
}

beforeEach(() => {
  valid = NEW;
  asked = [];
});

test("a refused request is made once more with a new key, and looks as if it had been made with the old one", async () => {
  const key = new DeliveryKey(at(OLD), () => Promise.resolve(at(NEW)));
  expect(await request(key, at(OLD)).answer).toEqual({ code: 200, url: at(OLD), loaded: 7 });
  expect(asked).toEqual([at(OLD), at(NEW)]);
  expect(await request(key, at(OLD, "audio/3.m4s")).answer).toMatchObject({ code: 200, url: at(OLD, "audio/3.m4s") });
  expect(asked).toHaveLength(3);
});

test("many that are refused at once join once", async () => {
  const rejoin = vi.fn(() => Promise.resolve(at(NEW)));
  const key = new DeliveryKey(at(OLD), rejoin);
  const answers = await Promise.all([1, 2, 3].map((n) => request(key, at(OLD, `720p/${n}.m4s`)).answer));
  expect(answers.map(({ code }) => code)).toEqual([200, 200, 200]);
  expect(rejoin).toHaveBeenCalledTimes(1);
});

test("a key may run out more than once", async () => {
  const third = "2".repeat(32);
  const keys = [at(NEW), at(third)];
  const key = new DeliveryKey(at(OLD), () => Promise.resolve(keys.shift() ?? ""));
  await request(key, at(OLD)).answer;
  valid = third;
  expect(await request(key, at(OLD)).answer).toMatchObject({ code: 200, url: at(OLD) });
});

test.each([
  ["the new answer has the same key", () => Promise.resolve(at(OLD))],
  ["joining is refused", () => Promise.reject(new Error("no"))],
])("where %s the refusal stands", async (_, rejoin) => {
  expect((await request(new DeliveryKey(at(OLD), rejoin), at(OLD)).answer).code).toBe(401);
});

test("a request that was given up meanwhile is not made again", async () => {
  let admit = (_: string): void => undefined;
  const { loader } = request(new DeliveryKey(at(OLD), () => new Promise((resolve) => (admit = resolve))), at(OLD));
  await Promise.resolve();
  loader.abort();
  admit(at(NEW));
  await new Promise((resolve) => setTimeout(resolve));
  expect(asked).toEqual([at(OLD)]);
});
