/** The Show column: programme monitor, clock, how questions are taken, links, the end. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { formatClock } from "../../i18n";
import { desk as t } from "../../i18n/console";
import { Badge, Button, Dialog, LinkButton, Switch } from "../components";
import { Invitations } from "../invitations";
import { useNow } from "../now";
import { EndDialog } from "./end-dialog";
import type { ConsoleStore } from "./store";

/** What the programme shows now, by the feed and, until that is there, by the API. */
function programmeOf(store: ConsoleStore) {
  const told = store.monitor.value?.programme.value ?? store.status.value?.programme ?? null;
  const state = store.state.value === "ended" ? ("ended" as const) : (told?.state ?? "waiting");
  return { state, onAir: told?.on_air ?? "", degraded: told?.degraded ?? false };
}

export function ProgrammeMonitor({ store }: { store: ConsoleStore }) {
  const video = useRef<HTMLVideoElement>(null);
  const monitor = store.monitor.value;
  useEffect(() => {
    if (!monitor || !video.current) return undefined;
    monitor.start(video.current);
    // Turning a tablet swaps the columns for tabs, and with them this element.
    return () => monitor.close();
  }, [monitor]);
  const { state } = programmeOf(store);
  const kind = state === "live" ? "live" : state === "slate" ? "warn" : "neutral";
  return (
    <div class={`monitor monitor-${state}`} data-testid="monitor">
      <video ref={video} class="monitor-video" muted playsInline disablePictureInPicture aria-label={t().monitorOf(store.event.value?.title ?? "")} />
      <div class="monitor-badge">
        <Badge kind={kind}>{t().programme[state]}</Badge>
      </div>
      <MonitorWords store={store} state={state} />
    </div>
  );
}

function MonitorWords({ store, state }: { store: ConsoleStore; state: "waiting" | "live" | "slate" | "ended" }) {
  const monitor = store.monitor.value;
  if (state === "ended") return <p class="monitor-words">{t().monitorEnded}</p>;
  if (monitor?.failed.value) return <p class="monitor-words">{t().monitorFailed}</p>;
  if (monitor?.link.value.is === "lost") return <p class="monitor-words">{t().monitorLost}</p>;
  return state === "waiting" ? <p class="monitor-words">{t().monitorWaiting}</p> : null;
}

export function ShowClock({ store }: { store: ConsoleStore }) {
  const now = useNow(500);
  const questions = store.questions.value;
  const board = questions?.event.value;
  const event = store.event.value;
  const at = (now.value + (questions?.clockOffsetMs.value ?? 0)) / 1000;
  const live = (board?.live_at_ms ?? 0) / 1000 || (event?.live_at ?? 0);
  const over = (board?.ended_at_ms ?? 0) / 1000 || (event?.ended_at ?? 0);
  if (store.state.value !== "scheduled" && live) {
    const seconds = (store.state.value === "ended" && over ? over : at) - live;
    return <Clock seconds={seconds} words={store.state.value === "ended" ? t().duration : t().sinceLive} />;
  }
  if (store.state.value === "ended" || !event) return null;
  if (!event.starts_at) return <p class="muted small">{t().startUnknown}</p>;
  return <Clock seconds={Math.abs(event.starts_at - at)} words={event.starts_at > at ? t().startsIn : t().overdue} />;
}

function Clock({ seconds, words }: { seconds: number; words: string }) {
  return (
    <p class="clock">
      <span class="clock-figure numbers">{formatClock(seconds)}</span>
      <span class="small muted">{words}</span>
    </p>
  );
}

export function ShowControls({ store }: { store: ConsoleStore }) {
  const dialog = useSignal<"links" | "end" | null>(null);
  const close = () => {
    dialog.value = null;
  };
  const { onAir } = programmeOf(store);
  const box = store.questions.value?.board.value?.box;
  const isOver = store.state.value === "ended";
  return (
    <>
      <section class="side-part" aria-labelledby="show-presenter">
        <h3 id="show-presenter">{t().presenter}</h3>
        <p class="presenter" data-testid="on-air-name">
          {onAir && !isOver ? (
            <>
              <span class="presenter-name">{onAir}</span>
              <Badge kind="live">{t().programme.live}</Badge>
            </>
          ) : (
            <span class="muted">{t().nobodyOnAir}</span>
          )}
        </p>
      </section>
      {box && !isOver && (
        <section class="side-part" aria-labelledby="show-settings">
          <h3 id="show-settings">{t().settings}</h3>
          <Switch
            label={t().premoderation}
            on={box.mode === "pre"}
            explain={box.mode === "pre" ? t().premoderationOn : t().premoderationOff}
            onChange={(on) => store.setBox({ mode: on ? "pre" : "post" })}
          />
          <Switch
            label={t().boxOpen}
            on={box.open}
            explain={box.open ? t().boxOpenOn : t().boxOpenOff}
            onChange={(open) => store.setBox({ open })}
          />
        </section>
      )}
      <section class="side-part" aria-labelledby="show-links">
        <h3 id="show-links">{t().links}</h3>
        <div class="show-links">
          <Button
            icon="qr"
            wide
            onClick={() => {
              dialog.value = "links";
            }}
          >
            {t().openLinks}
          </Button>
          <LinkButton icon="external" newTab href={`/watch/${store.id}`}>
            {t().watch}
          </LinkButton>
          {!isOver && (
            <LinkButton icon="external" newTab href={`/studio/${store.id}`}>
              {t().studio}
            </LinkButton>
          )}
        </div>
      </section>
      {!isOver && (
        <Button
          wide
          onClick={() => {
            dialog.value = "end";
          }}
        >
          {t().endEvent}
        </Button>
      )}
      {dialog.value === "links" && (
        <Dialog wide title={t().links} onClose={close}>
          <Invitations event={store.id} />
        </Dialog>
      )}
      {dialog.value === "end" && <EndDialog store={store} onClose={close} />}
    </>
  );
}
