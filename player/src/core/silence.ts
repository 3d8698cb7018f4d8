/** What it means that an open line says nothing: all is well, another address should be opened beside it, or it is dead. */

/** The handshake came through and nothing after it: something on the way holds the line open with nobody behind it. */
const NO_WORD_MS = 5000;
/** It speaks and does not know the programme: an edge that is cut off from its own source. */
const NO_PROGRAMME_MS = 12_000;
/** A server that has nothing to send says so every 20 s. */
const NO_SIGN_MS = 50_000;
/** Parts come each 200 ms. Longer than a transcoder's restart, during which the socket is well and nothing comes. */
const NO_MEDIA_MS = 8000;
/** Nothing comes from this server at all: what its lines have in common is the server. */
const NO_MEDIA_AT_ALL_MS = 2500;
/** So long before that is certain, another address is worth a try: whichever brings the next part is the one. */
const DOUBT_MS = 1500;
/** The browser says that the network went. */
const OFFLINE_MS = 1500;

/** A line, as far as its owner has heard. */
export interface Heard {
  readonly hasSpoken: boolean;
  readonly hasProgramme: boolean;
  readonly hasCarried: boolean;
  /** Its messages came in time until now: a narrow line's silence says less. */
  readonly wasSteady: boolean;
  readonly openMs: number;
  readonly silentMs: number;
}

export interface Around {
  readonly isOnline: boolean;
  /** The programme is on, and something of it was asked for here. */
  readonly expectsMedia: boolean;
  /** There is another address, and not only this one. */
  readonly isElsewhere: boolean;
  /** How long the page's other line has heard nothing of the same server; null where none expects media from there. */
  readonly otherSilentMs: number | null;
  /** Somebody found this server dead. */
  readonly foundDead: boolean;
  /** Another address was opened because of this silence, and it speaks: if it has no media either, the source is silent. */
  readonly isAnswered: boolean;
}

export type Verdict = "well" | "doubtful" | "dead";

export function verdict(line: Heard, around: Around): Verdict {
  if (isDumb(line, around)) return "dead";
  return around.expectsMedia ? ofMedia(line, around) : "well";
}

function isDumb(line: Heard, around: Around): boolean {
  if (!line.hasSpoken) return line.openMs > NO_WORD_MS;
  if (!line.hasProgramme && around.isElsewhere && line.openMs > NO_PROGRAMME_MS) return true;
  return line.silentMs > NO_SIGN_MS;
}

function ofMedia(line: Heard, around: Around): Verdict {
  const { silentMs } = line;
  if (silentMs > (around.isOnline ? NO_MEDIA_MS : OFFLINE_MS)) return "dead";
  if (!line.hasCarried || silentMs <= DOUBT_MS) return "well";
  if (silentMs > NO_MEDIA_AT_ALL_MS && !around.isAnswered && isDeadServer(around)) return "dead";
  const isWorthATry = around.isElsewhere && line.wasSteady && (around.otherSilentMs ?? silentMs) > DOUBT_MS;
  return isWorthATry ? "doubtful" : "well";
}

function isDeadServer(around: Around): boolean {
  if (around.foundDead) return true;
  return around.otherSilentMs === null ? around.isElsewhere : around.otherSilentMs > NO_MEDIA_AT_ALL_MS;
}
