// @vitest-environment happy-dom
/** When the picture's line breaks: what the engine is told of it. When it is late: what the server is told, and when the line is given up. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ServerClock } from "../../src/core/latency";
import type { LinkState } from "../../src/core/link";
import { AUTO } from "../../src/core/quality";
import { Roster } from "../../src/core/roster";
import { Kind, type Header, type Programme, type Selected } from "../../src/core/wire";
import type { FeedOptions } from "../../src/net/feed";
import type { Door } from "../../src/ui/watch/door";
import { PushPath, type PushListener } from "../../src/ui/watch/push-path";

const lines = vi.hoisted(() => [] as FeedOptions[]);
const cutOffs = vi.hoisted(() => [] as boolean[]);
const lates = vi.hoisted(() => [] as boolean[]);
const reported = vi.hoisted(() => [] as number[]);
const givenUp = vi.hoisted(() => [] as string[]);
const chosen = vi.hoisted(() => [] as Selected[]);

vi.mock("../../src/net/feed", () => ({
  Feed: class {
    address = "/feed";
    constructor(options: FeedOptions) {
      lines.push(options);
    }
    start(): void {}
    choose(): void {}
    close(): void {}
    progress(_played: unknown, _lagMs: number, lateMs = 0): void {
      reported.push(lateMs);
    }
    giveUp(most: string): boolean {
      givenUp.push(most);
      return true;
    }
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
    init(): void {}
    part(): void {}
    played(): null {
      return null;
    }
    late(isLate: boolean): void {
      lates.push(isLate);
    }
    select(selected: Selected): void {
      chosen.push(selected);
    }
    stats(): object {
      return { bufferedS: 0.4 };
    }
  },
}));

const PROGRAMME = {
  renditions: [
    { id: 0, name: "720p", kind: "video", bitrate_bps: 1, codec: "", timescale: 90_000, height: 720 },
    { id: 3, name: "480p", kind: "video", bitrate_bps: 1, codec: "", timescale: 90_000, height: 480 },
    { id: 2, name: "240p", kind: "video", bitrate_bps: 1, codec: "", timescale: 90_000, height: 240 },
    { id: 1, name: "audio", kind: "audio", bitrate_bps: 1, codec: "", timescale: 48_000 },
  ],
  state: "live",
} as unknown as Programme;
const OPEN: LinkState = { is: "open" };

let path: PushPath;
const tell = (line: 0 | 1, state: LinkState) => lines[line]?.listener.link(state);
const lost = (attempt: number): LinkState => ({ is: "lost", attempt, nextAtMs: 0 });

beforeEach(() => {
  vi.useFakeTimers();
  lines.length = cutOffs.length = lates.length = reported.length = givenUp.length = chosen.length = 0;
  const listener = { link() {}, programme() {}, ready() {}, blocked() {}, selected() {} } as unknown as PushListener;
  path = new PushPath(document.createElement("video"), new Roster(["/feed"]), { clock: new ServerClock() } as Door, listener);
  path.start();
  lines[0]?.listener.programme(PROGRAMME);
  path.choose(AUTO, 720);
  tell(0, OPEN);
  tell(1, OPEN);
});

afterEach(() => {
  path.close();
  vi.useRealTimers();
});

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

// Late

let next: [picture: number, sound: number];

/** So many seconds, with the parts that come in them. */
function pass(seconds: number, { picture = true, sound = true }: { picture?: boolean; sound?: boolean } = {}): void {
  for (let n = 0; n < seconds * 5; n += 1) {
    vi.advanceTimersByTime(200);
    if (picture) come(0, next[0]++);
    if (sound) come(1, next[1]++);
  }
}

function come(rendition: 0 | 1, number: number): void {
  const timescale = rendition === 0 ? 90_000 : 48_000;
  const at = { start: (number * timescale) / 5, duration: timescale / 5, wallMs: 0, msn: Math.floor(number / 10), part: number % 10 };
  const header = { kind: Kind.PART, rendition, independent: true, last: false, discontinuity: false, initId: 1, epoch: 1, ...at } as Header;
  lines[rendition]?.listener.part(header, new Uint8Array(1));
}

function says(rendition: string): void {
  lines[0]?.listener.selected?.({ rendition, abandoned: false, why: "start" } as Selected);
}

beforeEach(() => {
  next = [0, 0];
  says("720p");
  pass(4);
  reported.length = chosen.length = 0;
});

test("a picture that comes in time is not reported by itself", () => {
  pass(2);
  expect(reported).toEqual([]);
  expect(lates).not.toContain(true);
});

test("one that does not come is told four times a second, and slows the sound", () => {
  pass(1, { picture: false });
  expect(reported.length).toBeGreaterThanOrEqual(2);
  expect(reported.length).toBeLessThanOrEqual(4);
  expect(Math.min(...reported)).toBeGreaterThanOrEqual(300);
  expect(lates.at(-1)).toBe(true);
});

test("a picture that is late for a second while the sound is not, without a word: its line is given up, once in 20 s", () => {
  pass(0.8, { picture: false });
  expect(givenUp).toEqual([]);
  pass(0.8, { picture: false });
  expect(givenUp).toEqual(["240p"]);
  expect(chosen).toEqual([{ rendition: "240p", abandoned: true, why: "slow" }]);
  says("720p");
  next[0] = next[1];
  pass(10);
  pass(5, { picture: false });
  expect(givenUp).toHaveLength(1);
  next[0] = next[1];
  says("720p");
  pass(10);
  pass(2, { picture: false });
  expect(givenUp).toHaveLength(2);
});

test("where the sound is late as well it is not the picture that stands before it", () => {
  pass(3, { picture: false, sound: false });
  expect(givenUp).toEqual([]);
});

test("where the word of another picture has come since, that is waited for", () => {
  pass(0.6, { picture: false });
  says("480p");
  pass(3, { picture: false });
  expect(givenUp).toEqual([]);
});

test("the smallest picture's line is not given up: it would begin with the same again", () => {
  says("240p");
  pass(4);
  pass(3, { picture: false });
  expect(givenUp).toEqual([]);
});

test("a larger one's is, also after the smallest", () => {
  says("240p");
  pass(4);
  says("720p");
  pass(4);
  pass(3, { picture: false });
  expect(givenUp).toEqual(["240p"]);
});

test("nor where somebody has named the picture", () => {
  path.choose("720p", 720);
  pass(3, { picture: false });
  expect(givenUp).toEqual([]);
});

test("a page that stood still knows nothing of its line", () => {
  const now = performance.now.bind(performance);
  const late = vi.spyOn(performance, "now").mockImplementation(() => now() + 3000);
  vi.advanceTimersByTime(100);
  expect(reported).toEqual([]);
  late.mockRestore();
});
