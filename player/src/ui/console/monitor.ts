/**
 * The console's programme monitor: the push feed's smallest picture, always silent. It shows and repairs itself; where the
 * feed cannot be played it says so, and the producer has the watch page.
 */
import { signal } from "@preact/signals";

import type { LinkState } from "../../core/link";
import { NOTHING, subscriptionFor } from "../../core/lines";
import type { Programme } from "../../core/wire";
import { canPush, MseEngine } from "../../media/mse";
import { Feed } from "../../net/feed";
import type { Door } from "../watch/door";

function smallestPicture(programme: Programme): string | null {
  const pictures = programme.renditions.filter((one) => one.kind === "video");
  return pictures.sort((a, b) => (a.height ?? 0) - (b.height ?? 0))[0]?.name ?? null;
}

export class Monitor {
  readonly link = signal<LinkState>({ is: "connecting" });
  readonly programme = signal<Programme | null>(null);
  readonly hasPicture = signal(false);
  readonly failed = signal(false);

  private feed: Feed | null = null;
  private engine: MseEngine | null = null;

  constructor(private readonly door: Door) {}

  start(video: HTMLVideoElement): void {
    if (this.feed) return;
    video.muted = true;
    if (canPush()) this.engine = this.engineFor(video);
    else this.failed.value = true;
    this.feed = this.feedFor(this.engine);
    this.feed.start(NOTHING);
  }

  close(): void {
    this.feed?.close();
    this.engine?.close();
    this.feed = null;
    this.engine = null;
    this.hasPicture.value = false;
  }

  private engineFor(video: HTMLVideoElement): MseEngine {
    const fail = () => {
      this.failed.value = true;
    };
    return new MseEngine(video, this.door.clock, {
      ready: () => {
        this.hasPicture.value = true;
      },
      failed: fail,
      blocked: (muted) => {
        if (!muted) fail();
      },
      restart: () => this.feed?.restart(),
    });
  }

  private feedFor(engine: MseEngine | null): Feed {
    return new Feed({
      roster: this.door.roster,
      ticket: (refused) => this.door.ticketNow(refused),
      lookAround: (withinMs) => this.door.lookAround(withinMs),
      listener: {
        link: (state) => {
          this.link.value = state;
        },
        programme: (programme) => this.programmeCame(programme, engine),
        init: (header, bytes) => engine?.init(header, bytes),
        part: (header, bytes) => engine?.part(header, bytes),
        gap: (header) => engine?.gap(header),
        end: () => this.close(),
        dismissed: () => this.close(),
        blocked: () => {
          this.failed.value = true;
        },
      },
    });
  }

  private programmeCame(programme: Programme, engine: MseEngine | null): void {
    this.programme.value = programme;
    const picture = smallestPicture(programme);
    if (!engine || !picture) return;
    engine.programme(programme);
    engine.choose(picture);
    this.feed?.choose({ renditions: subscriptionFor(programme, picture), most: "" });
  }
}
