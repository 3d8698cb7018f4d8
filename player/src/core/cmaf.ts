/**
 * CMAF as far as a player needs that writes a chunk itself: finding boxes, the last sample of a chunk, one chunk more.
 *
 * The reading side trusts nothing: a box that ends beyond its parent is no box, and what is not found is null.
 */

const HEADER = 8;
/** sample_depends_on = 1, sample_is_non_sync_sample (ISO 14496-12 8.8.3.1). */
const OTHER_SAMPLE = 0x0101_0000;
const TRUN = { offset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200, flags: 0x400, shift: 0x800 } as const;

type Bytes = Uint8Array<ArrayBufferLike>;

function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface Box {
  readonly kind: string;
  /** Of the whole box in what was searched. */
  readonly start: number;
  readonly payload: Bytes;
}

function boxesOf(bytes: Bytes): Box[] {
  const view = viewOf(bytes);
  const boxes: Box[] = [];
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const size = view.getUint32(at);
    if (size < HEADER || at + size > bytes.length) break;
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + HEADER));
    boxes.push({ kind, start: at, payload: bytes.subarray(at + HEADER, at + size) });
    at += size;
  }
  return boxes;
}

function find(bytes: Bytes, ...path: readonly string[]): Bytes | null {
  let here: Bytes | null = bytes;
  for (const kind of path) {
    here = boxesOf(here).find((box) => box.kind === kind)?.payload ?? null;
    if (!here) return null;
  }
  return here;
}

/** The decoder configuration in an init segment of one H.264 track. */
export function avcConfiguration(init: Bytes): Bytes | null {
  const descriptions = find(init, "moov", "trak", "mdia", "minf", "stbl", "stsd");
  // Version, flags and a count before the entry; in the entry 78 bytes of a visual sample entry before its boxes.
  const entry = descriptions && find(descriptions.subarray(8), "avc1");
  return entry && entry.length > 78 ? find(entry.subarray(78), "avcC") : null;
}

/** The bytes of a chunk's last sample, where every sample's size is in its run, as our packager writes it. */
export function lastSample(chunk: Bytes): Bytes | null {
  const boxes = boxesOf(chunk);
  const moof = boxes.find((box) => box.kind === "moof");
  const run = moof && find(moof.payload, "traf", "trun");
  if (!moof || !run || run.length < 12) return null;
  const view = viewOf(run);
  const flags = view.getUint32(0) & 0xff_ffff;
  const count = view.getUint32(4);
  if ((flags & TRUN.offset) === 0 || (flags & TRUN.size) === 0 || count === 0) return null;
  const first = 12 + ((flags & TRUN.firstFlags) !== 0 ? 4 : 0);
  const before = (flags & TRUN.duration) !== 0 ? 4 : 0;
  const stride = 4 + before + ((flags & TRUN.flags) !== 0 ? 4 : 0) + ((flags & TRUN.shift) !== 0 ? 4 : 0);
  if (first + stride * count > run.length) return null;
  let at = moof.start + view.getInt32(8);
  let size = 0;
  for (let n = 0; n < count; n += 1) {
    at += size;
    size = view.getUint32(first + stride * n + before);
  }
  return at >= 0 && size > 0 && at + size <= chunk.length ? chunk.subarray(at, at + size) : null;
}

export interface Sample {
  readonly data: Bytes;
  readonly duration: number;
}

/** One chunk of track 1 whose samples all need others before them. */
export function chunk(sequence: number, decodeTime: number, samples: readonly Sample[]): Uint8Array<ArrayBuffer> {
  const tfhd = full("tfhd", 0x02_0000, u32(1));
  const tfdt = full("tfdt", 0x0100_0000, u32(Math.floor(decodeTime / 2 ** 32), decodeTime % 2 ** 32));
  const fields = samples.flatMap(({ data, duration }) => [duration, data.length, OTHER_SAMPLE]);
  // moof, mfhd and traf around tfhd, tfdt and the run; the media begins behind mdat's own header.
  const size = HEADER + 16 + HEADER + tfhd.length + tfdt.length + 20 + 4 * fields.length;
  const run = full("trun", TRUN.offset | TRUN.duration | TRUN.size | TRUN.flags, u32(samples.length, size + HEADER, ...fields));
  const moof = box("moof", full("mfhd", 0, u32(sequence)), box("traf", tfhd, tfdt, run));
  return joined(moof, box("mdat", ...samples.map(({ data }) => data)));
}

function u32(...values: readonly number[]): Bytes {
  const bytes = new Uint8Array(4 * values.length);
  const view = viewOf(bytes);
  values.forEach((value, at) => view.setUint32(4 * at, value));
  return bytes;
}

function box(kind: string, ...payload: readonly Bytes[]): Bytes {
  const size = payload.reduce((sum, bytes) => sum + bytes.length, HEADER);
  return joined(u32(size), new TextEncoder().encode(kind), ...payload);
}

function full(kind: string, versionAndFlags: number, ...payload: readonly Bytes[]): Bytes {
  return box(kind, u32(versionAndFlags), ...payload);
}

function joined(...pieces: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, bytes) => sum + bytes.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
