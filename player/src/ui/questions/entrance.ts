/** How a page gets into the audience socket: by joining, and by joining again when the ticket may have run out. */
import type { Join } from "../../core/event";
import { join } from "../../net/api";
import type { View } from "../../core/protocol";
import type { Entrance } from "../../net/socket";
import { QuestionStore } from "./store";

const SPARE_MS = 30_000;

function entranceOf(joined: Join): Entrance {
  const url = new URL(joined.qna, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return { url: url.href, ticket: joined.ticket, validUntilMs: Date.now() + joined.ticket_lifetime_s * 1000 - SPARE_MS };
}

/** The page's question store; the console asks for its role's view. `joined` is the join the page made already, so that the first connection needs none. */
export function openQuestions(joined: Join, view: View = "viewer"): QuestionStore {
  let first: Join | null = joined;
  return new QuestionStore(async () => {
    const known = first;
    first = null;
    return entranceOf(known ?? (await join(joined.event.id)));
  }, view);
}
