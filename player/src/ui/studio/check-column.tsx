/** Before going live: devices, level, checks that were really made, a rehearsal on this machine, the card for OBS. */
import { countdownTo } from "../../core/countdown";
import { CHECKS, type Outcome } from "../../core/checks";
import { isShared } from "../../core/trouble";
import { refusalWords, studio as t } from "../../i18n/studio";
import { Button, CheckRow, Notice, type CheckState } from "../components";
import { useNow } from "../now";
import { DeviceChoice } from "./device-choice";
import type { Trouble } from "./devices";
import { LevelRow } from "./level-row";
import { NameField } from "./name-field";
import { ObsCard } from "./obs-card";
import { Rehearsal } from "./rehearsal";
import type { StudioStore } from "./store";

export function CheckColumn({ store }: { store: StudioStore }) {
  return (
    <aside class="side" data-testid="check">
      <div>
        <h2>{t().check.title}</h2>
        <Lead store={store} />
      </div>
      <Refused store={store} />
      {store.devices.isOpening.value && <Notice kind="accent">{t().check.opening}</Notice>}
      <Troubles store={store} />
      {!store.name.value && <NameField store={store} />}
      <DeviceChoice devices={store.devices} />
      <LevelRow devices={store.devices} />
      <div>
        <ul class="checks" data-testid="checks">
          <CheckRows store={store} />
        </ul>
        <p class="small muted">{t().uploadLater}</p>
      </div>
      <Rehearsal devices={store.devices} />
      <ObsCard store={store} />
    </aside>
  );
}

function Lead({ store }: { store: StudioStore }) {
  const now = useNow(1000);
  const left = countdownTo(store.event.value?.starts_at ?? 0, now.value);
  return <p class="muted numbers">{left && left.days === 0 ? t().check.startsIn(left.clock) : t().check.nobody}</p>;
}

function Refused({ store }: { store: StudioStore }) {
  const state = store.publishing.value;
  if (state.is !== "refused") return null;
  return (
    <div class="refused" data-testid="refused" data-code={state.problem.code}>
      <Notice kind="bad">
        <p>{refusalWords(state.problem)}</p>
        {state.problem.code === "replaced" && (
          <Button small onClick={() => store.goLive()} data-testid="take-over">
            {t().takeOver}
          </Button>
        )}
      </Notice>
    </div>
  );
}

/** Both for the same reason is one trouble with one way out. */
function Troubles({ store }: { store: StudioStore }) {
  const troubles = store.devices.troubles.value;
  const [first, second] = troubles;
  if (first && second && first.trouble === second.trouble && isShared(first.trouble)) {
    return <TroubleNotice store={store} about="both" words={t().troubles.both[first.trouble]} trouble={first} />;
  }
  return (
    <>
      {troubles.map((one) => (
        <TroubleNotice key={one.kind} store={store} about={one.kind} words={t().troubles[one.kind][one.trouble]} trouble={one} />
      ))}
    </>
  );
}

function TroubleNotice(props: { store: StudioStore; about: string; words: { title: string; means: string }; trouble: Trouble }) {
  const { store, about, words, trouble } = props;
  const mayRetry = trouble.trouble !== "insecure" && trouble.trouble !== "unsupported";
  return (
    <div data-testid={`trouble-${about}`} data-error={trouble.errorName}>
      <Notice kind="bad">
        <p>{words.title}</p>
        <p class="trouble-means">{words.means}</p>
        {mayRetry && (
          <Button small busy={store.devices.isOpening.value} onClick={() => void store.devices.open()} data-testid="try-again">
            {t().tryAgain}
          </Button>
        )}
      </Notice>
    </div>
  );
}

const STATES: Record<Outcome["is"], CheckState> = { unmade: "waiting", running: "waiting", good: "good", warn: "warn", bad: "bad" };

export function CheckRows({ store }: { store: StudioStore }) {
  const checks = store.inspection.checks.value;
  return (
    <>
      {CHECKS.map((name) => {
        const outcome = checks[name];
        const found = "finding" in outcome ? t().finding(outcome.finding) : t().outcomes[outcome.is];
        const stateWords = "finding" in outcome ? t().outcomes[outcome.is] : "";
        return <CheckRow key={name} state={STATES[outcome.is]} label={t().checks[name]} detail={found} stateWords={stateWords} />;
      })}
    </>
  );
}
