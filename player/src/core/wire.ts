/**
 * The feed's framing (`plenum.feed.1`), the twin of plenum/wire.py: the only place in the pages that knows the layout.
 *
 * One binary message each: 40 bytes of header in network byte order, then the payload, which stays a view into the message.
 * What the client says are JSON texts. tests/player/feed_messages.json holds messages both twins must agree on.
 */
import type { ProgrammeState } from "./event";

export const SUBPROTOCOL = "plenum.feed.1";
export const HEADER_SIZE = 40;
const VERSION = 1;

export { AUTO } from "./auto";

/** OTHER: one that only a newer server knows, and that means nothing here. */
export const Kind = { OTHER: 0, INIT: 1, PART: 2, FRAME: 3, GAP: 4, RENDITIONS: 5, END: 6, BYE: 7, SELECTED: 8, MOVE: 9, PADDING: 10 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

const INDEPENDENT = 1;
const LAST = 2;
const DISCONTINUITY = 4;

export interface Header {
  readonly kind: Kind;
  readonly rendition: number;
  readonly independent: boolean;
  readonly last: boolean;
  readonly discontinuity: boolean;
  readonly initId: number;
  readonly epoch: number;
  readonly msn: number;
  readonly part: number;
  /** In the rendition's timescale, as `start`. */
  readonly duration: number;
  readonly start: number;
  /** Capture wall clock of the first sample, Unix milliseconds. */
  readonly wallMs: number;
}

export interface Message {
  readonly header: Header;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** One rung of the ladder, or the audio (plenum/media.py `Rendition`). */
export interface Rendition {
  readonly id: number;
  readonly name: string;
  readonly kind: "video" | "audio";
  readonly bitrate_bps: number;
  readonly codec: string;
  readonly timescale: number;
  readonly width?: number;
  readonly height?: number;
  readonly fps?: number;
}

/** What a RENDITIONS message carries (plenum/media.py `Programme`). */
export interface Programme {
  readonly renditions: readonly Rendition[];
  readonly state: ProgrammeState;
  readonly epoch: number;
  readonly part_s: number;
  readonly segment_s: number;
  readonly on_air: string;
  readonly started_at_ms: number;
  readonly degraded: boolean;
}

/** Why the server closes, and when to come back: never, if `retry_ms` is negative. */
export interface Bye {
  readonly code: string;
  readonly retry_ms: number;
}

/** From its next independent part on the picture comes as this rendition; none: the line carries no picture for now. */
export interface Selected {
  readonly rendition: string;
  /** What was sent until now stops here, in the middle of a segment; else it goes on until the new one begins. */
  readonly abandoned: boolean;
  readonly why: "start" | "slow" | "recovered" | "asked";
}

/** Go to another address and leave when the first part came from there; so long this one goes on sending. */
export interface Move {
  readonly code: string;
  readonly within_ms: number;
}

export class BadFrame extends Error {}

/** Split a feed message. Throws BadFrame on a short one or a foreign version; an unknown kind is to be ignored. */
export function unpack(message: ArrayBuffer): Message {
  if (message.byteLength < HEADER_SIZE) throw new BadFrame(`A feed message of ${message.byteLength} bytes is too short.`);
  const view = new DataView(message);
  if (view.getUint8(0) !== VERSION) throw new BadFrame(`Feed version ${view.getUint8(0)} is not spoken here.`);
  const kind = view.getUint8(1);
  const flags = view.getUint8(3);
  const header: Header = {
    kind: kind > Kind.PADDING ? Kind.OTHER : (kind as Kind),
    rendition: view.getUint8(2),
    independent: (flags & INDEPENDENT) !== 0,
    last: (flags & LAST) !== 0,
    discontinuity: (flags & DISCONTINUITY) !== 0,
    initId: view.getUint32(4),
    epoch: view.getUint32(8),
    msn: view.getUint32(12),
    part: view.getUint16(16),
    duration: view.getUint32(20),
    // 2^53 ticks of 90 kHz are three thousand years: a double holds every start exactly.
    start: Number(view.getBigUint64(24)),
    wallMs: Number(view.getBigInt64(32)) / 1000,
  };
  return { header, payload: new Uint8Array(message, HEADER_SIZE) };
}

function json(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // falls through to the one error below
  }
  throw new BadFrame("The payload is not a JSON object.");
}

const DEFAULTS = { part_s: 0.2, segment_s: 2, on_air: "", started_at_ms: 0, degraded: false };

export function asProgramme(payload: Uint8Array): Programme {
  const value = json(payload);
  if (!Array.isArray(value["renditions"]) || typeof value["state"] !== "string") throw new BadFrame("Not a programme.");
  return { ...DEFAULTS, ...value } as unknown as Programme;
}

export function asBye(payload: Uint8Array): Bye {
  const value = json(payload);
  return { code: String(value["code"] ?? ""), retry_ms: Number(value["retry_ms"] ?? 0) };
}

export function asSelected(payload: Uint8Array): Selected {
  const value = json(payload);
  if (typeof value["rendition"] !== "string") throw new BadFrame("Not a selection.");
  return { abandoned: false, why: "slow", ...value } as unknown as Selected;
}

export function asMove(payload: Uint8Array): Move {
  const value = json(payload);
  return { code: String(value["code"] ?? ""), within_ms: Number(value["within_ms"] ?? 0) };
}

/** The last part received: what a resume goes on after. */
export interface Position {
  readonly epoch: number;
  readonly msn: number;
  readonly part: number;
}

/**
 * How a line differs from the plain one. `most`: with AUTO no larger rendition; `beside`: another line counts this viewer;
 * `slow`: one to here was given up because it did not carry what was on its way; `begin`, of a resume: with AUTO the rendition
 * that came before the break.
 */
export interface Line {
  readonly most?: string;
  readonly beside?: boolean;
  readonly slow?: boolean;
  readonly begin?: string;
}

export function subscribe(renditions: readonly string[], ticket: string, line: Line = {}): string {
  return JSON.stringify({ t: "subscribe", renditions, ticket, ...line });
}

export function resume(from: Position, renditions: readonly string[], ticket: string, line: Line = {}): string {
  return JSON.stringify({ t: "resume", epoch: from.epoch, msn: from.msn, part: from.part, renditions, ticket, ...line });
}

/** What a viewer says of its line beside what it plays. */
export interface Receipt {
  /** The newest part received on this line, as msn and part; who pauses plays nothing and still receives. */
  readonly got?: readonly [msn: number, part: number];
  /** Parts come so much later than usual, the next one included where it is overdue; 0: they come in time. */
  readonly late_ms?: number;
  /** What padding came with: the server gave it to the line at once, right behind a part. */
  readonly carries_bps?: number;
}

export function progress(msn: number, part: number, lagMs: number, receipt: Receipt = {}): string {
  return JSON.stringify({ t: "progress", msn, part, lag_ms: Math.max(0, Math.round(lagMs)), ...receipt });
}
