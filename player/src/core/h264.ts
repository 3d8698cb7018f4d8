/**
 * H.264 as far as a picture that repeats the one before it needs: a P slice whose macroblocks are all skipped (ISO 14496-10).
 *
 * Skipped macroblocks have no residual and no motion, so that what a decoder shows is the last picture, bit by bit. Only streams
 * that we are sure of are continued: CAVLC, whole frames, one slice group, order type 0 or 2, the last picture a reference.
 * For everything else the answer is null and the player lives with the hole.
 */

const SLICE = 1;
const IDR_SLICE = 5;
/** Profiles whose parameter sets carry chroma formats and scaling lists; what we send is constrained baseline. */
const PLAIN_PROFILES = [66, 77, 88];
/** 7.4.3: slice_type 5 says that all slices of the picture are P. */
const ALL_P = 5;

/** What the parameter sets say about every slice. */
export interface Parameters {
  readonly ppsId: number;
  readonly frameNumBits: number;
  readonly orderType: 0 | 2;
  readonly orderBits: number;
  readonly bottomOrder: boolean;
  readonly macroblocks: number;
  readonly weighted: boolean;
  readonly deblockingControl: boolean;
  readonly redundantCount: boolean;
}

/** Where a stream stands after a picture. */
export interface Place {
  readonly refIdc: number;
  readonly frameNum: number;
  /** pic_order_cnt_lsb; 0 where the order type has none. */
  readonly order: number;
}

class NotUnderstood extends Error {}

function insist(condition: boolean): asserts condition {
  if (!condition) throw new NotUnderstood();
}

/** What `read` finds, or null where the bytes end too early or say something else. */
function understood<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof NotUnderstood) return null;
    throw error;
  }
}

/** Reads a NAL unit's payload bit by bit, without its emulation prevention (7.4.1). */
class BitReader {
  private at = 0;
  private readonly bytes: number[];

  constructor(unit: Uint8Array, most = 64) {
    const bytes: number[] = [];
    let zeros = 0;
    for (const byte of unit.subarray(1)) {
      if (bytes.length >= most) break;
      if (zeros >= 2 && byte === 3) {
        zeros = 0;
        continue;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      bytes.push(byte);
    }
    this.bytes = bytes;
  }

  u(bits: number): number {
    let value = 0;
    for (let n = 0; n < bits; n += 1) {
      const byte = this.bytes[this.at >> 3];
      insist(byte !== undefined);
      value = value * 2 + ((byte >> (7 - (this.at & 7))) & 1);
      this.at += 1;
    }
    return value;
  }

  flag(): boolean {
    return this.u(1) === 1;
  }

  /** 9.1: Exp-Golomb. */
  ue(): number {
    let zeros = 0;
    while (!this.flag()) {
      zeros += 1;
      insist(zeros <= 31);
    }
    return 2 ** zeros - 1 + this.u(zeros);
  }

  skipSigned(): void {
    this.ue();
  }
}

class BitWriter {
  private readonly bits: number[] = [];

  u(value: number, bits: number): this {
    for (let n = bits - 1; n >= 0; n -= 1) this.bits.push(Math.floor(value / 2 ** n) % 2);
    return this;
  }

  ue(value: number): this {
    const bits = Math.floor(Math.log2(value + 1)) + 1;
    return this.u(0, bits - 1).u(value + 1, bits);
  }

  /** With the stop bit, whole bytes, and emulation prevention. */
  unit(header: number): Uint8Array<ArrayBuffer> {
    const bits = [...this.bits, 1];
    while (bits.length % 8 !== 0) bits.push(0);
    const unit = [header];
    let zeros = 0;
    for (let at = 0; at < bits.length; at += 8) {
      const byte = bits.slice(at, at + 8).reduce((value, bit) => value * 2 + bit, 0);
      if (zeros >= 2 && byte <= 3) {
        unit.push(3);
        zeros = 0;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      unit.push(byte);
    }
    return Uint8Array.from(unit);
  }
}

/** An AVCDecoderConfigurationRecord (ISO 14496-15 5.3.3.1) with one set of each kind, and NAL lengths of four bytes. */
export function parametersOf(avcC: Uint8Array): Parameters | null {
  return understood(() => {
    insist(avcC.length > 8 && ((avcC[4] as number) & 3) === 3 && ((avcC[5] as number) & 31) === 1);
    const view = new DataView(avcC.buffer, avcC.byteOffset, avcC.byteLength);
    const spsEnd = 8 + view.getUint16(6);
    insist(avcC.length > spsEnd + 3 && avcC[spsEnd] === 1);
    const ppsEnd = spsEnd + 3 + view.getUint16(spsEnd + 1);
    insist(avcC.length >= ppsEnd);
    return { ...sequence(avcC.subarray(8, spsEnd)), ...picture(avcC.subarray(spsEnd + 3, ppsEnd)) };
  });
}

/** 7.3.2.1.1, up to the size of the picture. */
function sequence(unit: Uint8Array): Pick<Parameters, "frameNumBits" | "orderType" | "orderBits" | "macroblocks"> {
  const bits = new BitReader(unit);
  insist(PLAIN_PROFILES.includes(bits.u(8)));
  bits.u(16);
  bits.ue();
  const frameNumBits = bits.ue() + 4;
  const orderType = bits.ue();
  insist(orderType === 0 || orderType === 2);
  const orderBits = orderType === 0 ? bits.ue() + 4 : 0;
  insist(frameNumBits <= 16 && orderBits <= 16);
  bits.ue();
  bits.flag();
  const width = bits.ue() + 1;
  const height = bits.ue() + 1;
  const wholeFrames = bits.flag();
  insist(wholeFrames);
  return { frameNumBits, orderType, orderBits, macroblocks: width * height };
}

/** 7.3.2.2, as far as every profile has it. */
function picture(unit: Uint8Array): Pick<Parameters, "ppsId" | "bottomOrder" | "weighted" | "deblockingControl" | "redundantCount"> {
  const bits = new BitReader(unit);
  const ppsId = bits.ue();
  bits.ue();
  const isCabac = bits.flag();
  const bottomOrder = bits.flag();
  const moreSliceGroups = bits.ue();
  insist(!isCabac && moreSliceGroups === 0);
  bits.ue();
  bits.ue();
  const weighted = bits.flag();
  bits.u(2);
  for (let n = 0; n < 3; n += 1) bits.skipSigned();
  const deblockingControl = bits.flag();
  bits.flag();
  return { ppsId, bottomOrder, weighted, deblockingControl, redundantCount: bits.flag() };
}

/** Where the stream stands after this picture: an access unit of NAL units, each after its length in four bytes. */
export function placeOf(sample: Uint8Array, parameters: Parameters): Place | null {
  return understood(() => {
    const units = unitsOf(sample);
    const slice = units.filter((unit) => [SLICE, IDR_SLICE].includes((unit[0] as number) & 31)).at(-1);
    insist(slice !== undefined);
    return sliceHeader(slice, parameters);
  });
}

function unitsOf(sample: Uint8Array): Uint8Array[] {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength);
  const units: Uint8Array[] = [];
  for (let at = 0; at < sample.length; ) {
    insist(at + 4 < sample.length);
    const end = at + 4 + view.getUint32(at);
    insist(end > at + 4 && end <= sample.length);
    units.push(sample.subarray(at + 4, end));
    at = end;
  }
  return units;
}

/** 7.3.3, up to the picture's order. */
function sliceHeader(unit: Uint8Array, parameters: Parameters): Place {
  const refIdc = ((unit[0] as number) >> 5) & 3;
  const isIdr = ((unit[0] as number) & 31) === IDR_SLICE;
  // What follows a picture that is no reference would repeat the one before that.
  insist(refIdc > 0);
  const bits = new BitReader(unit);
  bits.ue();
  bits.ue();
  const ppsId = bits.ue();
  insist(ppsId === parameters.ppsId);
  const frameNum = bits.u(parameters.frameNumBits);
  if (isIdr) bits.ue();
  return { refIdc, frameNum, order: bits.u(parameters.orderBits) };
}

/** The place after one more picture. */
export function nextPlace(place: Place, parameters: Parameters): Place {
  return {
    refIdc: place.refIdc,
    frameNum: (place.frameNum + 1) % 2 ** parameters.frameNumBits,
    // 8.2.1.1: the two fields of a frame count one each.
    order: parameters.orderType === 0 ? (place.order + 2) % 2 ** parameters.orderBits : 0,
  };
}

/** An access unit that shows the reference picture before it once more. */
export function repeatedPicture(place: Place, parameters: Parameters): Uint8Array<ArrayBuffer> {
  const bits = new BitWriter().ue(0).ue(ALL_P).ue(parameters.ppsId).u(place.frameNum, parameters.frameNumBits);
  bits.u(place.order, parameters.orderBits);
  if (parameters.orderType === 0 && parameters.bottomOrder) bits.ue(0);
  if (parameters.redundantCount) bits.ue(0);
  // One reference, the newest: override the number, change no order.
  bits.u(1, 1).ue(0).u(0, 1);
  // 7.3.3.2: a table that weighs nothing.
  if (parameters.weighted) bits.ue(0).ue(0).u(0, 2);
  // Sliding window; quantiser as it was; no deblocking.
  bits.u(0, 1).ue(0);
  if (parameters.deblockingControl) bits.ue(1);
  bits.ue(parameters.macroblocks);
  const unit = bits.unit((place.refIdc << 5) | SLICE);
  const sample = new Uint8Array(4 + unit.length);
  new DataView(sample.buffer).setUint32(0, unit.length);
  sample.set(unit, 4);
  return sample;
}
