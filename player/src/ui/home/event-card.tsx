/** One event of mine: its state in word and shape, when, and where I may go. */
import { mayActAs, type EventView } from "../../core/event";
import { formatMoment } from "../../i18n";
import { common } from "../../i18n/common";
import { home as t } from "../../i18n/home";
import { Badge, Button, LinkButton } from "../components";

function whenWords(event: EventView): string {
  if (event.state === "ended") return t().endedAt(formatMoment(event.ended_at));
  if (event.state === "live" && event.live_at) return t().liveSince(formatMoment(event.live_at));
  return event.starts_at ? t().startsAt(formatMoment(event.starts_at)) : t().noStart;
}

export function EventCard({ event, onInvite }: { event: EventView; onInvite(): void }) {
  const isOver = event.state === "ended";
  const produces = mayActAs(event.role, "producer");
  return (
    <article class="event-card">
      <div class="event-head">
        <h3 class="event-title" lang={event.language}>
          {event.title}
        </h3>
        <Badge kind={event.state === "live" ? "live" : "neutral"}>{common().states[event.state]}</Badge>
      </div>
      <p class="small muted">
        {whenWords(event)}
        <br />
        {t().youAre(t().roles[event.role])}
      </p>
      <div class="event-actions">
        {produces && (
          <LinkButton kind="primary" href={`/console/${event.id}`}>
            {t().produce}
          </LinkButton>
        )}
        {mayActAs(event.role, "presenter") && !isOver && (
          <LinkButton kind={produces ? "plain" : "primary"} href={`/studio/${event.id}`}>
            {t().present}
          </LinkButton>
        )}
        <LinkButton kind={event.role === "viewer" && !isOver ? "primary" : "plain"} href={`/watch/${event.id}`}>
          {t().watch}
        </LinkButton>
        {produces && !isOver && (
          <Button icon="people" onClick={onInvite}>
            {t().invite}
          </Button>
        )}
      </div>
    </article>
  );
}
