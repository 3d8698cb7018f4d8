/** WHIP (RFC 9725) from the page: an offer goes out, an answer and the session's address come back, DELETE ends it. */
import { Problem } from "../core/problem";
import { csrfToken } from "./api";
import { problemOf } from "./problem";

export interface WhipSession {
  readonly answer: string;
  /** Where DELETE goes. */
  readonly resource: string;
}

const TIMEOUT_MS = 10_000;

/**
 * `broken`: the address of the session whose connection broke; nothing else of this person is replaced then, and `replaced` says that
 * something else has taken its place. Rejects with a Problem; `on_air` carries who is on air, `offline` means no answer at all.
 */
export async function publish(address: string, offer: string, broken: string | null = null): Promise<WhipSession> {
  const headers = {
    "content-type": "application/sdp",
    "x-csrf-token": await csrfToken(),
    ...(broken && { "plenum-replaces": broken.slice(broken.lastIndexOf("/") + 1) }),
  };
  const response = await fetch(address, {
    method: "POST",
    headers,
    body: offer,
    credentials: "same-origin",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw new Problem(0, "offline", String(error));
  });
  if (response.status !== 201) throw await problemOf(response);
  const location = response.headers.get("location");
  if (!location) throw new Problem(response.status, "internal", "The answer names no session.");
  const resource = new URL(location, response.url);
  // The session is deleted with our cookie: never send that anywhere else, whatever the answer says.
  if (resource.origin !== window.location.origin) throw new Problem(response.status, "internal", "The session is elsewhere.");
  return { answer: await response.text(), resource: resource.href };
}

/** `leaving`: the page goes away meanwhile. That the session is gone already is as good. */
export async function unpublish(resource: string, leaving = false): Promise<void> {
  const headers = { "x-csrf-token": await csrfToken() };
  await fetch(resource, { method: "DELETE", headers, credentials: "same-origin", keepalive: leaving }).catch(() => undefined);
}
