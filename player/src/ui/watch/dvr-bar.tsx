/** What going back looks like: the scrubber over the bar, ten seconds back and forward, the recording of an event that is over. */
import { behindS, LEAP_S, lengthS, spell, STEP_S, type Span } from "../../core/dvr";
import { clockWords } from "../../core/countdown";
import { formatTime } from "../../i18n";
import { dvr as t } from "../../i18n/dvr";
import { Badge, Button, IconButton } from "../components";
import { Scrubber } from "../components/scrubber";
import { warm, type Dvr } from "./dvr";
import "../../css/dvr.css";

export { Dvr } from "./dvr";

/** Shorter than this there is nothing to go back to. */
const SHORTEST_S = 5;

export function DvrBar({ dvr }: { dvr: Dvr }) {
  const span = dvr.span.value;
  const place = dvr.placeMs.value;
  if (!span || place === null || dvr.isGone.value || lengthS(span) < SHORTEST_S) return null;
  const wallMs = (value: number) => span.startMs + value * 1000;
  const isOver = dvr.isOver.value;
  const isLive = !dvr.isBehind.value && !isOver;
  const max = Math.round(lengthS(span));
  return (
    <div class="dvr-bar">
      <Scrubber
        label={t().scrubber}
        value={Math.round((place - span.startMs) / 1000)}
        max={max}
        step={STEP_S}
        leap={LEAP_S}
        isLive={isLive}
        words={(value) => spoken(span, wallMs(value), isLive && value >= max, isOver)}
        hint={(value) => <Hint span={span} wallMs={wallMs(value)} isOver={isOver} />}
        onMove={(value) => dvr.seek(wallMs(value))}
        onEnd={() => (isOver ? dvr.seek(span.endMs) : dvr.goLive())}
        onNear={warm}
      />
    </div>
  );
}

function spoken(span: Span, wallMs: number, isLive: boolean, isOver: boolean): string {
  if (isOver) return t().into(spell((wallMs - span.startMs) / 1000));
  return isLive ? t().live : t().behind(spell(behindS(span, wallMs)));
}

function Hint({ span, wallMs, isOver }: { span: Span; wallMs: number; isOver: boolean }) {
  const seconds = behindS(span, wallMs);
  return (
    <>
      <span>{formatTime(wallMs / 1000)}</span>
      <span class="scrubber-hint-behind">
        {isOver ? clockWords((wallMs - span.startMs) / 1000) : seconds < 1 ? t().live : `−${clockWords(seconds)}`}
      </span>
    </>
  );
}

export function DvrSteps({ dvr }: { dvr: Dvr }) {
  if (dvr.isGone.value || !dvr.span.value || dvr.placeMs.value === null) return null;
  return (
    <>
      <IconButton name="back" label={t().back} onClick={() => dvr.step(-STEP_S)} data-testid="back" />
      {/* Not `disabled`: whoever goes forward until live would lose the focus to nowhere. */}
      <span class="dvr-forward" data-live={!dvr.isBehind.value}>
        <IconButton
          name="forward"
          label={t().forward}
          aria-disabled={!dvr.isBehind.value}
          onClick={() => dvr.isBehind.value && dvr.step(STEP_S)}
          data-testid="forward"
        />
      </span>
    </>
  );
}

/** In the place of "Live": where one is in the recording of an event that is over, and the way out. */
export function Replaying({ dvr }: { dvr: Dvr }) {
  const span = dvr.span.value;
  const place = dvr.placeMs.value;
  return (
    <span class="liveness" data-testid="replaying">
      <span class="dvr-badge">
        <Badge>{t().recording}</Badge>
      </span>
      {span && place !== null && (
        <span class="delay dvr-clock numbers">
          {clockWords((place - span.startMs) / 1000)} / {clockWords(lengthS(span))}
        </span>
      )}
      <Button small onClick={() => dvr.goLive()} data-testid="leave-replay">
        {t().leave}
      </Button>
    </span>
  );
}

/** On the thank-you page. */
export function Replay({ dvr }: { dvr: Dvr }) {
  if (!dvr.canReplay.value) return null;
  return (
    <Button kind="primary" icon="play" busy={dvr.isMoving.value} onClick={() => dvr.replay()} data-testid="replay">
      {t().replay}
    </Button>
  );
}

/**
 * Another source, or data, is on its way: the last picture stays, and after a moment says why. The region is there before its words,
 * else nobody would be told of them.
 */
export function Moving({ dvr, isShown }: { dvr: Dvr; isShown: boolean }) {
  return (
    <div class="dvr-moving" role="status">
      {isShown && dvr.isWaiting.value && (
        <span class="dvr-moving-words" data-testid="moving">
          <span class="spinner" />
          <span class="visually-hidden">{t().moving}</span>
        </span>
      )}
    </div>
  );
}
