/** Which of its states the stage shows: one function from everything known to one word, so that no two can show at once. */
import type { EventState, ProgrammeState } from "./event";
import type { LinkState } from "./link";

/** Why the page cannot take part at all. */
export type Refusal = "signin" | "forbidden" | "unknown" | "kicked" | "full";

export type Scene =
  | "loading"
  | "refused"
  | "offline"
  | "waiting"
  | "live"
  | "slate"
  | "reconnecting"
  | "ended";

export interface Known {
  readonly refusal: Refusal | null;
  readonly event: EventState | null;
  readonly programme: ProgrammeState | null;
  readonly link: LinkState;
  /** What navigator.onLine says. */
  readonly online: boolean;
  /** A picture is in hand, be it a still one. */
  readonly hasPicture: boolean;
}

export function sceneOf(known: Known): Scene {
  if (known.refusal) return "refused";
  if (known.event === "ended" || known.programme === "ended") return "ended";
  if (!known.online) return "offline";
  if (known.link.is === "lost") return "reconnecting";
  if (known.event === null) return "loading";
  if (known.programme === "live" || known.programme === "slate") return known.hasPicture ? known.programme : "loading";
  return "waiting";
}

/** An API error's status and code as a refusal; null for what may pass by itself (no network, a server starting up). */
export function refusalOf(status: number, code: string): Refusal | null {
  if (status === 401) return "signin";
  if (status === 403) return "forbidden";
  if (status === 404) return "unknown";
  return code === "kicked" || code === "full" ? code : null;
}
