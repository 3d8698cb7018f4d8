/**
 * The JSON API, one function per route. Errors are RFC 9457 problems and arrive as `Problem` with the stable `code`;
 * no answer at all is an `Problem` with code `offline`. Every mutating call carries the session's CSRF token.
 */
import type { EventList, EventStatus, EventView, InvitationLink, Join, NewEvent, Session, WhipCard } from "../core/event";
import { Problem } from "../core/problem";
import { problemOf } from "./problem";

type Method = "GET" | "POST" | "PATCH" | "DELETE";

let csrf: string | null = null;

async function call<T>(method: Method, path: string, body?: unknown, extra: Record<string, string> = {}): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json", ...extra };
  if (method !== "GET") {
    csrf ??= (await session()).csrf;
    headers["x-csrf-token"] = csrf;
  }
  if (body !== undefined) headers["content-type"] = "application/json";
  const init: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) init.body = JSON.stringify(body);
  const response = await fetch(`/api/v1${path}`, init).catch((error: unknown) => {
    throw new Problem(0, "offline", String(error));
  });
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}

function keep(answer: Session): Session {
  csrf = answer.csrf;
  return answer;
}

function at(event: string): string {
  return `/events/${encodeURIComponent(event)}`;
}

/** Who this browser is; 401 `no_session` for one that opened no invitation. */
export async function session(): Promise<Session> {
  return keep(await call<Session>("GET", "/session"));
}

export async function rename(name: string): Promise<Session> {
  return keep(await call<Session>("PATCH", "/session", { name }));
}

export function events(): Promise<EventList> {
  return call("GET", "/events");
}

/** `key` makes a retry after a lost answer create one event, not two. */
export function createEvent(event: NewEvent, key: string): Promise<EventView> {
  return call("POST", "/events", event, { "idempotency-key": key });
}

export function eventStatus(event: string): Promise<EventStatus> {
  return call("GET", at(event));
}

export function join(event: string): Promise<Join> {
  return call("GET", `${at(event)}/join`);
}

export async function links(event: string): Promise<readonly InvitationLink[]> {
  return (await call<{ links: InvitationLink[] }>("GET", `${at(event)}/links`)).links;
}

export function qrAddress(event: string, role: InvitationLink["role"]): string {
  return `/api/v1${at(event)}/links/${role}/qr.svg`;
}

export function endEvent(event: string): Promise<EventView> {
  return call("POST", `${at(event)}/end`, {});
}

export function whipCard(event: string): Promise<WhipCard> {
  return call("GET", `${at(event)}/whip-card`);
}

/** The token for the pages' own mutating calls outside this file (WHIP). */
export async function csrfToken(): Promise<string> {
  return csrf ?? (await session()).csrf;
}
