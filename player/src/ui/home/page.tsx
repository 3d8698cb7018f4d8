/** The index page: signed in or not, my events by state, the form where I may create. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import type { EventList, EventState, EventView } from "../../core/event";
import { Problem } from "../../core/problem";
import { common } from "../../i18n/common";
import { sentenceFor } from "../../i18n/errors";
import { home as t, linkSentence } from "../../i18n/home";
import { events } from "../../net/api";
import { Button, Dialog, Empty, Notice, Toasts, TopBar } from "../components";
import { Invitations } from "../invitations";
import type { ThemeChoice } from "../theme";
import { CreateForm } from "./create-form";
import { EventCard } from "./event-card";
import "../../css/home.css";

const GROUPS: readonly EventState[] = ["live", "scheduled", "ended"];
const REFRESH_MS = 15_000;

function startOrder(a: EventView, b: EventView): number {
  if (a.state === "ended") return b.ended_at - a.ended_at;
  return (a.starts_at || Infinity) - (b.starts_at || Infinity) || b.created_at - a.created_at;
}

export function HomePage({ theme, linkError }: { theme: ThemeChoice; linkError: string | null }) {
  const list = useSignal<EventList | null>(null);
  const failure = useSignal<unknown>(null);
  const inviting = useSignal<EventView | null>(null);

  const load = async () => {
    try {
      list.value = await events();
      failure.value = null;
    } catch (problem) {
      failure.value = problem;
    }
  };
  useEffect(() => {
    void load();
    const timer = setInterval(() => {
      const isStranger = failure.peek() instanceof Problem && (failure.peek() as Problem).status === 401;
      if (document.visibilityState === "visible" && !isStranger) void load();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  useEffect(() => {
    document.title = t().pageTitle;
  });

  const created = (event: EventView) => {
    inviting.value = event;
    void load();
  };
  const isStranger = failure.value instanceof Problem && failure.value.status === 401;
  return (
    <>
      <TopBar title={t().title} theme={theme} />
      <main id="main" class={list.value?.may_create ? "home home-producer" : "home"}>
        {linkError && (
          <div class="home-notice">
            <Notice kind="bad">{linkSentence(linkError)}</Notice>
          </div>
        )}
        {isStranger && <Empty title={t().notInvited}>{t().notInvitedWords}</Empty>}
        {failure.value !== null && !isStranger && (
          <div class="home-notice">
            <Notice kind="bad">
              <p>{sentenceFor(failure.value)}</p>
              <Button small onClick={() => void load()}>
                {common().retry}
              </Button>
            </Notice>
          </div>
        )}
        {!list.value && failure.value === null && <p class="muted home-loading">{common().loading}</p>}
        {list.value && !isStranger && (
          <>
            <Events
              list={list.value}
              onInvite={(event) => {
                inviting.value = event;
              }}
            />
            {list.value.may_create && (
              <aside class="home-create">
                <CreateForm onCreated={created} />
              </aside>
            )}
          </>
        )}
      </main>
      {inviting.value && (
        <Dialog
          wide
          title={t().inviteTo(inviting.value.title)}
          onClose={() => {
            inviting.value = null;
          }}
        >
          <Invitations event={inviting.value.id} />
        </Dialog>
      )}
      <Toasts />
    </>
  );
}

function Events({ list, onInvite }: { list: EventList; onInvite(event: EventView): void }) {
  if (!list.events.length) {
    return (
      <div class="home-events">
        <Empty title={t().noEvents}>{list.may_create ? t().noEventsCreate : t().noEventsViewer}</Empty>
      </div>
    );
  }
  return (
    <div class="home-events">
      {GROUPS.map((state) => {
        const group = list.events.filter((event) => event.state === state).sort(startOrder);
        if (!group.length) return null;
        return (
          <section key={state} aria-labelledby={`group-${state}`}>
            <h2 id={`group-${state}`}>{t().groups[state]}</h2>
            <ul class="event-cards">
              {group.map((event) => (
                <li key={event.id}>
                  <EventCard event={event} onInvite={() => onInvite(event)} />
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}
