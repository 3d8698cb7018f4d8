/**
 * Lets hls.js watch for longer than the delivery key in its addresses is valid (6 to 12 hours): an answer 401 makes the page join
 * again, and the request is made once more, with the new key. hls.js never learns of it: for hls.js all addresses keep the first
 * key, so that nothing starts anew and the picture goes on.
 */
import type { HlsConfig, Loader, LoaderCallbacks, LoaderConfiguration, LoaderContext } from "hls.js";

type LoaderClass = new (config: HlsConfig) => Loader<LoaderContext>;

const KEY = /\/live\/[^/]+\/([0-9a-f]{32})\//;

/** The key that requests are made with now, in place of the one that hls.js knows. */
export class DeliveryKey {
  private readonly known: string;
  private current: string;
  private renewing: Promise<void> | null = null;

  /** `rejoin` asks for a fresh address. */
  constructor(
    address: string,
    private readonly rejoin: () => Promise<string>,
  ) {
    this.known = this.current = keyIn(address);
  }

  outward(url: string): string {
    return url.replace(`/${this.known}/`, `/${this.current}/`);
  }

  inward(url: string): string {
    return url.replace(`/${this.current}/`, `/${this.known}/`);
  }

  /** After `url` was refused. Rejects where there is no other key, or no answer. */
  renew(url: string): Promise<void> {
    if (keyIn(url) !== this.current) return Promise.resolve(); // another request was refused before us, and got a new one
    this.renewing ??= this.fetch().finally(() => (this.renewing = null));
    return this.renewing;
  }

  private async fetch(): Promise<void> {
    const fresh = keyIn(await this.rejoin());
    if (!fresh || fresh === this.current) throw new Error("there is no newer key");
    this.current = fresh;
  }
}

/** hls.js's own loader `Base`, with whatever key is the current one. */
export function keyedLoader(key: DeliveryKey, Base: LoaderClass): LoaderClass {
  return class implements Loader<LoaderContext> {
    context: LoaderContext | null = null;
    private inner: Loader<LoaderContext>;
    private isGone = false;
    /** hls.js holds on to those it finds before the request. */
    readonly stats: Loader<LoaderContext>["stats"];

    constructor(private readonly config: HlsConfig) {
      this.inner = new Base(config);
      this.stats = this.inner.stats;
    }

    load(context: LoaderContext, how: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      this.context = context;
      this.ask(context, how, callbacks, true);
    }

    abort(): void {
      this.isGone = true;
      this.inner.abort();
    }

    destroy(): void {
      this.isGone = true;
      this.inner.destroy();
    }

    getCacheAge(): number | null {
      return this.inner.getCacheAge?.() ?? null;
    }

    getResponseHeader(name: string): string | null {
      return this.inner.getResponseHeader?.(name) ?? null;
    }

    private ask(context: LoaderContext, how: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>, isFirst: boolean): void {
      const url = key.outward(context.url);
      const { onProgress, onAbort } = callbacks;
      this.inner.load({ ...context, url }, how, {
        onSuccess: (response, stats, _, details) => {
          if (stats !== this.stats) Object.assign(this.stats, stats);
          callbacks.onSuccess({ ...response, url: key.inward(response.url) }, this.stats, context, details);
        },
        onTimeout: (stats, _, details) => callbacks.onTimeout(stats, context, details),
        onError: (error, _, details, stats) => {
          const fail = () => callbacks.onError(error, context, details, stats);
          if (error.code !== 401 || !isFirst) fail();
          else key.renew(url).then(() => this.again(context, how, callbacks), () => this.isGone || fail());
        },
        ...(onProgress && { onProgress: (stats, _, data, details) => onProgress(stats, context, data, details) }),
        ...(onAbort && { onAbort: (stats, _, details) => onAbort(stats, context, details) }),
      });
    }

    private again(context: LoaderContext, how: LoaderConfiguration, callbacks: LoaderCallbacks<LoaderContext>): void {
      if (this.isGone) return;
      this.inner.destroy(); // a loader can be used once
      this.inner = new Base(this.config);
      this.ask(context, how, callbacks, false);
    }
  };
}

function keyIn(address: string): string {
  return KEY.exec(address)?.[1] ?? "";
}
