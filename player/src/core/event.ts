/** The live event as the API tells it. Times are Unix seconds, 0 means "not (yet)". Mirrors plenum/event.py. */

export type Role = "viewer" | "bot" | "presenter" | "producer" | "admin";
export type EventState = "scheduled" | "live" | "ended";
export type Moderation = "pre" | "post";
export type ProgrammeState = "waiting" | "live" | "slate" | "ended";

export const TITLE_MAX = 120;

export interface EventView {
  readonly id: string;
  readonly title: string;
  readonly language: "de" | "en";
  readonly moderation: Moderation;
  readonly starts_at: number;
  readonly created_at: number;
  readonly live_at: number;
  readonly ended_at: number;
  readonly state: EventState;
  readonly role: Role;
}

export interface ProgrammeView {
  readonly state: ProgrammeState;
  /** The name of who is on air, null while nobody is. */
  readonly on_air: string | null;
  readonly degraded: boolean;
}

export interface EventStatus extends EventView {
  readonly programme: ProgrammeView | null;
  readonly viewers: number;
}

export interface EventList {
  readonly events: readonly EventView[];
  readonly may_create: boolean;
}

export interface NewEvent {
  readonly title: string;
  readonly language: "de" | "en";
  readonly moderation: Moderation;
  readonly starts_at: number;
}

export interface Session {
  readonly name: string;
  readonly csrf: string;
  readonly roles: Readonly<Record<string, Role>>;
  readonly server_time_ms: number;
}

/** Everything a page needs to take part: who you are here, and where feed, playlist, questions and WHIP are. */
export interface Join {
  readonly event: EventView;
  readonly name: string;
  readonly role: Role;
  readonly ticket: string;
  readonly ticket_lifetime_s: number;
  /** For the feed alone, also of an edge that asks nobody. */
  readonly feed_ticket: string;
  readonly feed_ticket_lifetime_s: number;
  readonly feed: readonly string[];
  readonly hls: string;
  /** The playlist from the start of the event; "" where nothing is recorded. */
  readonly dvr: string;
  readonly qna: string;
  readonly whip: string;
  readonly server_time_ms: number;
}

export interface InvitationLink {
  readonly role: "viewer" | "presenter" | "producer";
  readonly url: string;
  readonly expires_at: number;
}

export interface WhipCard {
  readonly url: string;
  readonly token: string;
  readonly expires_at: number;
}

const STRENGTH: readonly Role[] = ["viewer", "bot", "presenter", "producer", "admin"];

/** Whether somebody holding `role` may act as `wanted`; mirrors plenum/identity.py ALLOWS for the pages' roles. */
export function mayActAs(role: Role, wanted: "viewer" | "presenter" | "producer"): boolean {
  return STRENGTH.indexOf(role) >= STRENGTH.indexOf(wanted);
}

/** "/watch/all-hands" -> "all-hands"; null when the address names no event. */
export function eventInPath(path: string): string | null {
  return /^\/(?:watch|studio|console)\/([a-z0-9][a-z0-9-]{0,47})\/?$/.exec(path)?.[1] ?? null;
}
