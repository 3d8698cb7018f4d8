/** Which of its states the stage shows: one function from everything known to one word, so that no two can show at once. */
import type { EventState, ProgrammeState } from "./event";
import type { LinkState } from "./link";

/** Why the page cannot take part at all. */
export type Turned = "signin" | "forbidden" | "unknown" | "kicked" | "full";

export type Scene =
  | "loading"
  | "turned"
  | "offline"
  | "waiting"
  | "live"
  | "slate"
  | "past"
  | "reconnecting"
  | "ended";

export interface Known {
  readonly turned: Turned | null;
  readonly event: EventState | null;
  readonly programme: ProgrammeState | null;
  readonly link: LinkState;
  /** What navigator.onLine says: false is certain only together with a broken line. */
  readonly online: boolean;
  /** The recording plays, or did until its line broke: what goes on live is not what is shown. */
  readonly isPast: boolean;
  /** A picture is in hand, be it a still one. */
  readonly hasPicture: boolean;
  /** The buffer has run dry: what is shown does not move. */
  readonly isStill: boolean;
}

export function sceneOf(known: Known): Scene {
  if (known.turned) return "turned";
  if (known.isPast) return pastScene(known);
  if (known.event === "ended" || known.programme === "ended") return "ended";
  if (!known.online && known.link.is !== "open") return "offline";
  // A line that is back before the buffer is empty was never missed.
  if (known.link.is === "lost" && (known.isStill || known.link.attempt > 1)) return "reconnecting";
  if (known.event === null) return "loading";
  if (known.programme === "live" || known.programme === "slate") return known.hasPicture ? known.programme : "loading";
  return known.link.is === "connecting" && known.event === "live" ? "loading" : "waiting";
}

function pastScene(known: Known): Scene {
  if (!known.isStill || known.link.is !== "lost") return "past";
  return known.online ? "reconnecting" : "offline";
}

/** An API error's status and code as a final answer; null for what may pass by itself (no network, a server starting up). */
export function turnedBy(status: number, code: string): Turned | null {
  if (code === "kicked" || code === "full") return code;
  if (status === 401) return "signin";
  if (status === 403) return "forbidden";
  return status === 404 ? "unknown" : null;
}
