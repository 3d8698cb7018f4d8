// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";

import { Track, type Media, type Trouble } from "../../src/media/track";

/** A SourceBuffer's rules without media: one thing at a time, and a quota in bytes. */
class Buffer extends EventTarget {
  updating = false;
  offset = 0;
  readonly done: string[] = [];
  held = 0;
  quota = 1000;
  from = 0;

  get buffered(): TimeRanges {
    return { length: 1, start: () => this.from, end: () => 100 } as unknown as TimeRanges;
  }

  set timestampOffset(seconds: number) {
    this.assertIdle();
    this.done.push(`offset ${seconds}`);
  }

  appendBuffer(bytes: Uint8Array): void {
    this.assertIdle();
    if (this.held + bytes.length > this.quota) throw new DOMException("full", "QuotaExceededError");
    this.held += bytes.length;
    this.done.push(`append ${bytes.length}`);
    this.updating = true;
  }

  remove(from: number, to: number): void {
    this.assertIdle();
    this.done.push(`remove ${from}-${to}`);
    this.held = 0;
    this.updating = true;
  }

  changeType(mime: string): void {
    this.assertIdle();
    this.done.push(`type ${mime}`);
  }

  abort(): void {}

  finish(): void {
    this.updating = false;
    this.dispatchEvent(new Event("updateend"));
  }

  private assertIdle(): void {
    if (this.updating) throw new DOMException("busy", "InvalidStateError");
  }
}

let buffer: Buffer;
let troubles: Trouble[];
let played: number;
let track: Track;

beforeEach(() => {
  buffer = new Buffer();
  troubles = [];
  played = 50;
  track = new Track(buffer as unknown as SourceBuffer, "video/mp4", {
    playedUntil: () => played,
    appended: () => {},
    trouble: (trouble) => troubles.push(trouble),
  });
});

const bytes = (length: number) => new Uint8Array(length);

test("work waits for its turn and is done in order", () => {
  track.append(bytes(1));
  track.append(bytes(2));
  track.offset(7);
  track.append(bytes(3));
  expect(buffer.done).toEqual(["append 1"]);
  buffer.finish();
  buffer.finish();
  expect(buffer.done).toEqual(["append 1", "append 2", "offset 7", "append 3"]);
});

test("the type changes only when it is another", () => {
  track.changeType("video/mp4");
  track.changeType("video/mp4; other");
  expect(buffer.done).toEqual(["type video/mp4; other"]);
});

test("a full buffer loses what was played, then takes the part", () => {
  track.append(bytes(900));
  buffer.finish();
  track.append(bytes(200));
  buffer.finish();
  expect(buffer.done).toEqual(["append 900", "remove 0-48", "append 200"]);
  expect(troubles).toEqual([]);
});

test("a buffer that stays full is trouble, told once", () => {
  buffer.quota = 10;
  track.append(bytes(200));
  buffer.finish();
  track.append(bytes(200));
  expect(troubles).toEqual(["quota"]);
});

test("a browser that takes nothing any more is trouble, not a growing queue", () => {
  for (let n = 0; n < 500; n += 1) track.append(bytes(1));
  expect(troubles).toEqual(["overflow"]);
});

test("what was played is thrown away rarely and in one piece", () => {
  track.evict(9, 10);
  expect(buffer.done).toEqual([]);
  track.evict(40, 10);
  expect(buffer.done).toEqual(["remove 0-40"]);
});

test("after a decode error nothing is appended", () => {
  buffer.dispatchEvent(new Event("error"));
  track.append(bytes(1));
  expect(troubles).toEqual(["decode"]);
  expect(buffer.done).toEqual([]);
});

test("an init segment that another server sends anew is not appended: the browser would drop all until a key frame", () => {
  const part = { header: {}, rendition: {}, mime: "video/mp4", from: 0, to: 1, offsetS: 0 } as unknown as Media;
  for (const init of [[1, 2, 3], [1, 2, 3], [1, 2, 4]]) track.put({ ...part, init: new Uint8Array(init), bytes: bytes(7) });
  for (let n = 0; n < 4; n += 1) buffer.finish();
  expect(buffer.done).toEqual(["append 3", "append 7", "append 7", "append 3", "append 7"]);
});
