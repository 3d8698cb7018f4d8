// @vitest-environment happy-dom
/** When the picture's line breaks: what the engine is told of it. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ServerClock } from "../../src/core/latency";
import type { LinkState } from "../../src/core/link";
import { AUTO } from "../../src/core/quality";
import { Roster } from "../../src/core/roster";
import type { Programme } from "../../src/core/wire";
import type { FeedOptions } from "../../src/net/feed";
import type { Door } from "../../src/ui/watch/door";
import { PushPath, type PushListener } from "../../src/ui/watch/push-path";

const lines = vi.hoisted(() => [] as FeedOptions[]);
const cutOffs = vi.hoisted(() => [] as boolean[]);

vi.mock("../../src/net/feed", () => ({
  Feed: class {
    address = "/feed";
    constructor(options: FeedOptions) {
      lines.push(options);
    }
    start(): void {}
    choose(): void {}
    close(): void {}
  },
}));
vi.mock("../../src/media/mse", () => ({
  MseEngine: class {
    switches = [];
    choose(): void {}
    close(): void {}
    programme(): void {}
    lineBroke(): void {}
    cutOff(isCutOff: boolean): void {
      cutOffs.push(isCutOff);
    }
    stats(): object {
      return { bufferedS: 0.4 };
    }
  },
}));

const PROGRAMME = {
  renditions: [
    { id: 0, name: "720p", kind: "video", bitrate_bps: 1, codec: "", timescale: 90_000, height: 720 },
    { id: 1, name: "audio", kind: "audio", bitrate_bps: 1, codec: "", timescale: 48_000 },
  ],
  state: "live",
} as unknown as Programme;
const OPEN: LinkState = { is: "open" };

let path: PushPath;
const tell = (line: 0 | 1, state: LinkState) => lines[line]?.listener.link(state);
const lost = (attempt: number): LinkState => ({ is: "lost", attempt, nextAtMs: 0 });

beforeEach(() => {
  lines.length = cutOffs.length = 0;
  const listener = { link() {}, programme() {}, ready() {}, blocked() {} } as unknown as PushListener;
  path = new PushPath(document.createElement("video"), new Roster(["/feed"]), { clock: new ServerClock() } as Door, listener);
  path.start();
  lines[0]?.listener.programme(PROGRAMME);
  path.choose(AUTO, 720);
  tell(0, OPEN);
  tell(1, OPEN);
});

afterEach(() => path.close());

test("the picture's line goes elsewhere at once: the picture is not filled, which would last until the next key frame", () => {
  tell(0, lost(1));
  tell(1, lost(1));
  tell(1, OPEN);
  expect(cutOffs).not.toContain(true);
});

test("the picture's line does not come back, the sound does: the picture is filled", () => {
  tell(0, lost(1));
  tell(0, lost(2));
  expect(cutOffs.at(-1)).toBe(true);
  tell(0, OPEN);
  expect(cutOffs.at(-1)).toBe(false);
});
