/**
 * The push path of the watch page: the feed, the engine it fills, and what the two tell the store.
 *
 * Fetched while the page joins, with the engine. The store knows no feed: it asks for a choice, reports once a second, closes.
 */
import type { LinkState } from "../../core/link";
import { subscriptionFor } from "../../core/quality";
import type { Header, Programme } from "../../core/wire";
import type { EngineListener } from "../../media/engine";
import { MseEngine } from "../../media/mse";
import { Feed, type FeedListener } from "../../net/feed";
import type { Door } from "./door";

export { canPush } from "../../media/mse";

export interface PushListener extends Omit<EngineListener, "failed"> {
  link(state: LinkState): void;
  programme(programme: Programme): void;
  ended(): void;
  dismissed(code: string): void;
  /** Push does not work here: the page takes the next way. */
  left(reason: string): void;
}

export class PushPath {
  readonly engine: MseEngine;
  private readonly feed: Feed;
  private programme: Programme | null = null;

  constructor(
    video: HTMLVideoElement,
    addresses: readonly string[],
    door: Door,
    private readonly listener: PushListener,
  ) {
    this.engine = new MseEngine(video, door.clock, {
      ready: () => listener.ready(),
      blocked: (muted) => listener.blocked(muted),
      failed: (reason) => listener.left(reason),
      restart: () => this.feed.restart(),
    });
    this.feed = new Feed({ addresses, ticket: (renew) => door.ticketNow(renew), listener: this.heard() });
  }

  start(): void {
    this.feed.start([]);
  }

  choose(choice: string): void {
    this.engine.choose(choice);
    if (this.programme) this.feed.choose(subscriptionFor(this.programme, choice));
  }

  /** Whoever paused or watches from the buffer is behind by choice: told so, the server would take them for a slow reader. */
  report(isBehind: boolean): void {
    const { latencyMs, msn, part } = this.engine.stats();
    if (latencyMs !== null && !isBehind) this.feed.progress(msn, part, latencyMs);
  }

  close(): void {
    this.feed.close();
    this.engine.close();
  }

  private heard(): FeedListener {
    const { engine, listener } = this;
    return {
      link: (state) => {
        if (state.is === "lost") engine.lineBroke();
        listener.link(state);
      },
      programme: (programme) => {
        this.programme = programme;
        if (programme.state !== "ended") engine.programme(programme);
        listener.programme(programme);
      },
      init: (header: Header, bytes) => engine.init(header, bytes),
      part: (header: Header, bytes) => engine.part(header, bytes),
      end: () => listener.ended(),
      dismissed: (code) => listener.dismissed(code),
      blocked: () => listener.left("blocked"),
    };
  }
}
