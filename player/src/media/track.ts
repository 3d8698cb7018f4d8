/**
 * One SourceBuffer and the work waiting for it: a SourceBuffer does one thing at a time, so appends, removals and offsets queue.
 *
 * The queue is bounded; a full one means that the browser cannot keep up and the owner rebuilds. Where the browser says its
 * buffer is full, everything already played goes first, then the append is tried once more.
 */
import type { Header, Rendition } from "../core/wire";

type Work =
  | { readonly do: "append"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly do: "remove"; readonly from: number; readonly to: number }
  | { readonly do: "offset"; readonly seconds: number }
  | { readonly do: "type"; readonly mime: string };

export type Trouble = "quota" | "overflow" | "decode" | "detached" | "stuck";

/** A part with all that appending it needs. */
export interface Media {
  readonly header: Header;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rendition: Rendition;
  readonly init: Uint8Array<ArrayBuffer>;
  readonly mime: string;
  /** Seconds as the video element counts, which are the part's own plus `offsetS`. */
  readonly from: number;
  readonly to: number;
  readonly offsetS: number;
}

export interface TrackOwner {
  /** Seconds before which the track may throw away when its buffer is full. */
  playedUntil(): number;
  appended(): void;
  trouble(trouble: Trouble): void;
}

/** 200 ms parts: over half a minute of media that the browser did not take. */
const MOST_WAITING = 160;
const KEEP_BEHIND_S = 2;

export class Track {
  private readonly waiting: Work[] = [];
  private squeezed = false;
  private dead = false;
  private init: Uint8Array | null = null;
  private offsetS = 0;
  /** Nothing appended yet: picture must begin with an independent part. */
  fresh = true;

  constructor(
    readonly buffer: SourceBuffer,
    public mime: string,
    readonly owner: TrackOwner,
  ) {
    buffer.addEventListener("updateend", () => this.next(true));
    buffer.addEventListener("error", () => this.fail("decode"));
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    this.enqueue({ do: "append", bytes });
  }

  /** Append a part, with what has to be set up before it. */
  put({ bytes, init, mime, offsetS }: Media): void {
    this.offset(offsetS);
    // The same one again, as another server sends it first: appended, it would have the browser drop all until a key frame.
    if (!isSame(this.init, init)) {
      this.changeType(mime);
      this.append(init);
    }
    this.init = init;
    this.fresh = false;
    this.append(bytes);
  }

  /** From here on, media times are the parts' own plus so much. */
  offset(seconds: number): void {
    if (seconds === this.offsetS) return;
    this.offsetS = seconds;
    this.enqueue({ do: "offset", seconds });
  }

  changeType(mime: string): void {
    if (mime === this.mime) return;
    this.mime = mime;
    this.enqueue({ do: "type", mime });
  }

  /** Throw away what was played before `limit`, in steps of `stride` seconds so that it is rare. */
  evict(limit: number, stride: number): void {
    if (this.dead || this.buffer.buffered.length === 0) return;
    const from = this.buffer.buffered.start(0);
    if (from < limit - stride) this.enqueue({ do: "remove", from: 0, to: limit });
  }

  close(): void {
    this.dead = true;
    this.waiting.length = 0;
  }

  private enqueue(work: Work): void {
    if (this.dead) return;
    if (this.waiting.length >= MOST_WAITING) {
      this.fail("overflow");
      return;
    }
    this.waiting.push(work);
    this.next(false);
  }

  private next(afterUpdate: boolean): void {
    if (this.dead) return;
    if (afterUpdate) this.owner.appended();
    while (!this.dead && !this.buffer.updating) {
      const work = this.waiting[0];
      if (!work) return;
      try {
        this.perform(work);
      } catch (error) {
        this.couldNot(error);
        return;
      }
      this.waiting.shift();
    }
  }

  private perform(work: Work): void {
    if (work.do === "append") {
      this.buffer.appendBuffer(work.bytes);
      this.squeezed = false;
    } else if (work.do === "remove") {
      this.buffer.remove(work.from, work.to);
    } else if (work.do === "offset") {
      // A half-read part would forbid it; parts are appended whole, so the parser stands between two.
      this.buffer.abort();
      this.buffer.timestampOffset = work.seconds;
    } else {
      this.buffer.changeType(work.mime);
    }
  }

  private couldNot(error: unknown): void {
    const name = error instanceof DOMException ? error.name : "";
    if (name !== "QuotaExceededError") {
      this.fail(name === "InvalidStateError" ? "detached" : "decode");
      return;
    }
    const until = this.owner.playedUntil() - KEEP_BEHIND_S;
    if (this.squeezed || until <= 0) {
      this.fail("quota");
      return;
    }
    this.squeezed = true;
    this.waiting.unshift({ do: "remove", from: 0, to: until });
    this.next(false);
  }

  private fail(trouble: Trouble): void {
    if (this.dead) return;
    this.close();
    this.owner.trouble(trouble);
  }
}

function isSame(one: Uint8Array | null, other: Uint8Array): boolean {
  return one === other || (one?.length === other.length && one.every((byte, at) => byte === other[at]));
}
