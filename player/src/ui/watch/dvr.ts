/**
 * Going back in a running event, and watching one that is over: which source fills the video, and which place it shows.
 *
 * Live comes as the page plays it. The past comes from the recording by a pull engine of its own, and so long live is closed: nothing
 * is paid for twice. What surprises: a place is confirmed by the engine, but a wished one shows at once and stays until the new
 * source has a picture, so that J, J goes back twice however slow the line is.
 */
import { computed, signal } from "@preact/signals";

import * as rules from "../../core/dvr";
import { NOTHING } from "../../core/lines";
import type { Programme } from "../../core/wire";
import { dvr as t } from "../../i18n/dvr";
import type { Engine, Past, PastEngine, PullListener } from "../../media/engine";
import { KeptPicture } from "../../media/kept-picture";
import { Feed } from "../../net/feed";
import { fetched } from "../../net/fetched";
import { toast } from "../components/toast";
import type { Door } from "./door";

/** A pause that live has in hand is kept there; one that went on for so long costs traffic for nobody. */
const LONG_PAUSE_S = 100;
/** Nobody asked for it: where the recording did not open it is not tried again at once. */
const PARK_AGAIN_MS = 60_000;

/** What going back needs of the page. */
export interface DvrHost {
  readonly video: HTMLVideoElement;
  readonly canvas: HTMLCanvasElement;
  readonly door: Door;
  /** What fills the video now. */
  engine(): Engine | null;
  /** Closes what fills the video; the page goes on as with a picture. */
  leave(): void;
  take(engine: Engine): void;
  /** Live begins again, by the way it came before. */
  live(): void;
  /** The recording of an event that is over was left. */
  close(): void;
  /** The address of the recording, "" where there is none; after one that did not answer ("" where only its key is old) another. */
  address(lost?: string): Promise<string>;
  choice(): string;
  /** Unix ms, 0 for not (yet). */
  startMs(): number;
  endMs(): number;
  listener(): PullListener;
  /** Live comes by push: the feed tells the programme while it is closed. */
  isPushed(): boolean;
  told(programme: Programme): void;
  ended(): void;
  dismissed(code: string): void;
}

export class Dvr {
  /** What can be watched; null before the start. */
  readonly span = signal<rules.Span | null>(null);
  readonly placeMs = signal<number | null>(null);
  /** The recording fills the video. */
  readonly isPast = signal(false);
  /** Another source is on its way; the last picture stays so long. */
  readonly isMoving = signal(false);
  /** Data is missing where the recording plays. */
  readonly isWaiting = signal(false);
  /** The event is over. */
  readonly isOver = signal(false);
  readonly canReplay = signal(false);
  /** The recording is gone; live is all there is. */
  readonly isGone = signal(false);
  private readonly follows = signal(true);
  private readonly partS = signal(0.2);
  readonly behindS = computed(() => {
    const { value: span } = this.span;
    const { value: place } = this.placeMs;
    return span && place !== null ? rules.behindS(span, place) : 0;
  });
  /** The person is not with live. */
  readonly isBehind = computed(
    () => this.isPast.value || (!this.follows.value && !rules.isAtLive(this.behindS.value, this.partS.value)),
  );
  /** What is said about this moment does not go with the picture. */
  readonly isOfAnotherMoment = computed(() => this.isPast.value || (this.isBehind.value && this.behindS.value > rules.OF_THIS_MOMENT_S));

  private readonly kept: KeptPicture;
  private standing: Feed | null = null;
  private liveDelayMs = rules.LIVE_DELAY_MS;
  private recordedFromMs = 0;
  /** Counts changes of source: one that was overtaken while it loaded its files is dropped. */
  private turn = 0;
  /** What plays the recording here; asked for once, unless it could not be fetched. */
  private opener: Promise<Open | null> | null = null;
  /** The next source is open: the next picture is its own. */
  private isOpen = false;
  private failedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly host: DvrHost) {
    this.kept = new KeptPicture(host.video, host.canvas);
  }

  /** Twice a second, and after everything that moves the picture. */
  look(): void {
    const stats = this.host.engine()?.stats();
    const { isPast, isMoving, placeMs, host } = this;
    this.follows.value = !isPast.value && (stats?.following ?? true) && !host.video.paused;
    if (this.follows.value && stats && stats.latencyMs !== null) this.liveDelayMs = rules.liveDelayOf(stats.latencyMs);
    this.isOver.value = host.endMs() > 0;
    this.span.value = this.spanNow();
    if (!isMoving.value && stats && stats.wallMs !== null) placeMs.value = stats.wallMs;
    this.isWaiting.value = isMoving.value || (isPast.value && (host.video.seeking || (stats?.bufferedS ?? 0) < 0.05));
    if (isMoving.value) return;
    if (isPast.value) this.returnWhenCaughtUp(host.engine() as PastEngine | null);
    else this.parkLongPause();
  }

  programme(programme: Programme): void {
    this.partS.value = programme.part_s;
  }

  step(seconds: number): void {
    if (this.placeMs.value !== null) this.seek(this.placeMs.value + seconds * 1000);
  }

  seek(wallMs: number): void {
    const span = this.spanNow();
    const engine = this.host.engine();
    if (!span || !engine) return;
    const to = rules.within(span, wallMs);
    const isHeld = !this.isPast.value && !this.isMoving.value && engine.holds(to);
    const way = rules.wayTo({ wallMs: to, span, partS: this.partS.value, isHeld, isOver: this.isOver.value });
    if (way === "live") this.goLive();
    else if (way === "recording" && !this.isPast.value) void this.goPast(to, this.host.video.paused);
    else {
      // While the recording opens it is told where to only once it stands: `arrived`.
      if (!this.isMoving.value) engine.seekTo(to);
      this.placeMs.value = to;
    }
    this.look();
  }

  goLive(): void {
    const mine = (this.turn += 1);
    const { host } = this;
    if (this.isOver.value) {
      host.close();
    } else if (this.isPast.value) {
      this.isMoving.value = true;
      this.isOpen = false;
      void this.kept.hold().then(() => mine === this.turn && this.openLive());
    } else {
      if (!this.isOpen) this.stayHere();
      host.engine()?.goLive();
    }
  }

  /** Play again after a pause; false: whatever plays goes on by itself. */
  resume(): boolean {
    if (this.isPast.value || !this.isLost()) return false;
    void this.goPast(this.placeMs.value as number, false);
    return true;
  }

  /** Another choice may have taken what live had in hand: whoever is back in it goes on from the recording. */
  keepPlace(): void {
    const stats = this.host.engine()?.stats();
    if (!stats || stats.following || stats.wallMs === null || this.isPast.value || this.isMoving.value) return;
    this.placeMs.value = stats.wallMs;
    if (this.isLost()) void this.goPast(stats.wallMs, false);
  }

  /** Whether there is a recording of an event that is over: the join answer says so. */
  async lookForReplay(): Promise<void> {
    const address = await this.host.address().catch(() => "");
    this.look();
    this.canReplay.value = address !== "" && this.host.startMs() > 0;
  }

  replay(): void {
    void this.goPast(this.host.startMs(), false);
  }

  /** The new source has a picture. */
  arrived(): void {
    if (!this.isMoving.value || !this.isOpen) return;
    this.kept.release();
    this.isMoving.value = false;
    if (this.isPast.value) this.isGone.value = false;
    const wished = this.placeMs.value;
    const engine = this.host.engine();
    const shown = engine?.stats().wallMs ?? null;
    // Where to was changed on the way.
    if (this.isPast.value && wished !== null && shown !== null && Math.abs(wished - shown) > 1000) engine?.seekTo(wished);
    this.look();
  }

  close(): void {
    this.turn += 1;
    this.isPast.value = this.isMoving.value = false;
    this.standing?.close();
    this.standing = null;
    this.kept.release();
  }

  private spanNow(): rules.Span | null {
    const { host } = this;
    const startMs = Math.max(host.startMs(), this.recordedFromMs);
    const endMs = host.endMs();
    if (endMs > 0) return endMs > startMs ? { startMs, endMs } : null;
    return rules.spanOf(startMs, host.door.clock.now(Date.now()), this.liveDelayMs);
  }

  private async goPast(fromMs: number, isPaused: boolean, isAsked = true): Promise<void> {
    const mine = (this.turn += 1);
    this.isMoving.value = true;
    this.isOpen = false;
    this.placeMs.value = fromMs;
    try {
      const [address, open] = await Promise.all([this.host.address(), this.player()]);
      if (mine !== this.turn) return;
      if (!address || !open) {
        this.stayHere();
        this.gone();
        return;
      }
      await this.kept.hold();
      if (mine !== this.turn) return;
      this.open(address, open, fromMs, isPaused);
    } catch (error) {
      if (mine !== this.turn) return;
      console.warn("player: the recording cannot be opened:", error);
      this.stayHere();
      this.failedAt = performance.now();
      if (isAsked) toast(t().failed, "bad");
      this.look();
    }
  }

  /** No other source is on its way any more. */
  private stayHere(): void {
    this.isMoving.value = false;
    this.kept.release();
  }

  private player(): Promise<Open | null> {
    this.opener ??= opener(this.host.video).catch((error: unknown) => {
      this.opener = null;
      throw error;
    });
    return this.opener;
  }

  private open(address: string, open: Open, fromMs: number, isPaused: boolean): void {
    const { host } = this;
    host.leave();
    this.isPast.value = this.isOpen = true;
    host.take(open(host, address, { fromMs, isPaused, gone: () => this.gone(), failed: () => this.failed() }));
    this.stand();
  }

  private openLive(): void {
    const { host } = this;
    host.leave();
    this.isPast.value = false;
    this.isOpen = true;
    this.placeMs.value = this.spanNow()?.endMs ?? null;
    host.live();
    this.standing?.close();
    this.standing = null;
  }

  private gone(): void {
    this.isGone.value = true;
    this.canReplay.value = false;
    toast(t().gone);
    if (this.isPast.value) this.goLive();
  }

  /** This moment cannot be had: back to what can, from where the person may try again. */
  private failed(): void {
    toast(t().failed, "bad");
    this.goLive();
  }

  /** Live is closed, but what goes on there is told. */
  private stand(): void {
    const { host } = this;
    if (this.standing || !host.isPushed() || this.isOver.value) return;
    this.standing = new Feed({
      roster: host.door.roster,
      ticket: (refused) => host.door.ticketNow(refused),
      lookAround: (withinMs) => host.door.lookAround(withinMs),
      listener: {
        link: () => {},
        programme: (programme) => host.told(programme),
        init: () => {},
        part: () => {},
        end: () => host.ended(),
        dismissed: (code) => host.dismissed(code),
        blocked: () => {},
      },
    });
    this.standing.start(NOTHING);
  }

  private returnWhenCaughtUp(engine: PastEngine | null): void {
    if (!engine) return;
    this.recordedFromMs = engine.startMs() ?? this.recordedFromMs;
    if (this.isOver.value || this.host.video.paused) return;
    if (rules.hasCaughtUp(this.behindS.value, engine.leftS(), engine.stats().bufferedS)) this.goLive();
  }

  /** The pause stands where live has nothing in hand any more. */
  private isLost(): boolean {
    const engine = this.host.engine();
    const place = this.placeMs.value;
    const span = this.span.value;
    if (!engine || !span || place === null || this.isGone.value || this.isOver.value) return false;
    const wish = { wallMs: place, span, partS: this.partS.value, isHeld: engine.holds(place), isOver: false };
    return rules.wayTo(wish) === "recording";
  }

  private parkLongPause(): void {
    if (performance.now() - this.failedAt < PARK_AGAIN_MS) return;
    if (this.host.video.paused && this.behindS.value > LONG_PAUSE_S && this.isLost()) {
      void this.goPast(this.placeMs.value as number, true, false);
    }
  }
}

type Open = (host: DvrHost, address: string, past: Past) => PastEngine;

/** Loads what plays the recording here: hls.js, else the browser itself. */
async function opener(video: HTMLVideoElement): Promise<Open | null> {
  const { canHls, HlsEngine } = await fetched(() => import("../../media/hls"));
  const listener = (host: DvrHost): PullListener => ({ ...host.listener(), rejoin: (lost) => host.address(lost) });
  if (canHls()) {
    return (host, address, past) => new HlsEngine(host.video, address, host.door.clock, listener(host), host.choice(), past);
  }
  const { canNative, NativeEngine } = await fetched(() => import("../../media/native"));
  if (!canNative(video)) return null;
  return (host, address, past) => new NativeEngine(host.video, address, host.door.clock, listener(host), past);
}

/** On their way before they are needed: somebody's pointer is at the scrubber. */
export function warm(): void {
  void import("../../media/hls").catch(() => {});
}
