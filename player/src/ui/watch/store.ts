/**
 * The watch page's state (signals) and what may be asked for (methods): joins, takes the best way of playing that works, repairs.
 *
 * Ways in order: push (MSE over the feed), hls.js where WebSocket is blocked, the browser's own player. The video element stays the
 * same through all of it. Which state the stage shows is decided in core/scene.ts from what is known here.
 */
import { batch, computed, effect, signal, untracked } from "@preact/signals";

import type { EventStatus, EventView, Join, ProgrammeView } from "../../core/event";
import type { LinkState } from "../../core/link";
import { waitMs } from "../../core/backoff";
import { AUTO, firstChoice, rungs, type Rung } from "../../core/quality";
import { sceneOf, type Turned } from "../../core/scene";
import type { Programme } from "../../core/wire";
import { NO_STATS, type Engine, type EngineListener, type EngineStats, type Path, type PullListener, type Switch } from "../../media/engine";
import { recall, remember } from "../../net/remembered";
import type { QuestionStore } from "../questions/store";
import { Door } from "./door";
import type { Dvr, DvrHost } from "./dvr";
import type { PushListener, PushPath } from "./push-path";
import { Sound } from "./sound";

const QUALITY = "plenum.quality";
const LOOK_MS = 500;
/** Of a line that is well; one that is late reports by itself. */
const REPORT_MS = 2000;
const POLL_MS = 5000;
const STILL_S = 0.1;
const JOIN_BACKOFF = { firstMs: 500, mostMs: 8000 };

/** What support and tests ask a page for. */
export interface Support extends EngineStats {
  readonly path: Path;
  readonly source: "live" | "dvr";
  readonly choice: string;
  /** Of the edge, or of the playlist. */
  readonly address: string;
  readonly switches: readonly Switch[];
}

export class WatchStore {
  readonly event = signal<EventView | null>(null);
  readonly turned = signal<Turned | null>(null);
  readonly programme = signal<ProgrammeView | null>(null);
  readonly link = signal<LinkState>({ is: "connecting" });
  readonly online = signal(navigator.onLine);
  readonly hasPicture = signal(false);
  readonly isPaused = signal(false);
  readonly rungs = signal<readonly Rung[]>([]);
  readonly choice = signal("");
  readonly path = signal<Path>("push");
  /** The line carries no picture for now: what is shown stands still, the sound goes on. */
  readonly isSoundOnly = signal(false);
  readonly stats = signal<EngineStats>(NO_STATS);
  readonly questions = signal<QuestionStore | null>(null);
  /** Going back, where the event is recorded; fetched once that is known. */
  readonly dvr = signal<Dvr | null>(null);
  readonly dvrPages = signal<typeof import("./dvr-bar") | null>(null);
  /** What draws them; fetched while we join. */
  readonly qualityMenu = signal<typeof import("./quality-menu") | null>(null);
  readonly questionPages = signal<typeof import("../questions") | null>(null);
  readonly polledViewers = signal(0);
  /** The person's own name, as questions show it. */
  readonly name = signal("");
  readonly sound = new Sound();

  readonly scene = computed(() =>
    sceneOf({
      turned: this.turned.value,
      event: this.questions.value?.event.value?.state === "ended" ? "ended" : (this.event.value?.state ?? null),
      programme: this.programme.value?.state ?? null,
      link: this.link.value,
      online: this.online.value,
      hasPicture: this.hasPicture.value,
      isPast: this.dvr.value?.isPast.value ?? false,
      isStill: !this.hasPicture.value || this.stats.value.bufferedS < STILL_S,
    }),
  );
  readonly viewers = computed(() => this.questions.value?.audience.value || this.polledViewers.value);
  /** Live as far as this page may say so: somebody is on air and the line stands. */
  readonly isOnAir = computed(() => this.scene.value === "live");
  readonly isBehind = computed(() => this.dvr.value?.isBehind.value ?? (!this.stats.value.following || this.isPaused.value));
  readonly behindS = computed(() => this.dvr.value?.behindS.value ?? this.stats.value.behindS);

  private readonly door: Door;
  // Both are under way before the first answer comes: what is drawn first does not wait for them.
  private readonly pushFile = import("./push-path");
  private readonly questionFile = import("../questions");
  private readonly qualityFile = import("./quality-menu");
  private video: HTMLVideoElement | null = null;
  private canvas: HTMLCanvasElement | null = null;
  private engine: Engine | null = null;
  private push: PushPath | null = null;
  private joined: Join | null = null;
  private isOver = false;
  /** Why push is to be left as soon as the server answers. */
  private leaving = "";
  /** Of AUTO: what the server sends, "" for no picture. */
  private selected: string | null = null;
  private screenLines = 0;

  constructor(readonly id: string) {
    this.door = new Door(id, {
      joined: (answer) => this.took(answer),
      turned: (why) => this.turnAway(why),
    });
    // The board may know of the end before the feed does: no sound under the thanks.
    effect(() => {
      const isOver = this.questions.value?.event.value?.state === "ended";
      if (isOver) untracked(() => this.isOver || this.ended());
    });
    for (const name of ["online", "offline"]) addEventListener(name, () => (this.online.value = navigator.onLine));
  }

  /** Once, with the page's only video element, and a canvas over it for the picture between two sources. */
  async start(video: HTMLVideoElement, canvas: HTMLCanvasElement): Promise<void> {
    this.video = video;
    this.canvas = canvas;
    this.sound.attach(video);
    for (const name of ["pause", "play"]) video.addEventListener(name, () => this.pausedOrNot());
    setInterval(() => this.look(), LOOK_MS);
    setInterval(() => this.push?.report(this.isBehind.value), REPORT_MS);
    setInterval(() => void this.poll(), POLL_MS);
    await this.joinUntilIn();
    if (this.isOver) return;
    await this.startLive();
  }

  /** The state now, not of the last look: tests and support ask for it. */
  statsNow(): Support {
    const { engine, push } = this;
    const dvr = this.dvr.value;
    dvr?.look();
    return {
      ...(engine?.stats() ?? NO_STATS),
      behindS: dvr && !dvr.isBehind.value ? 0 : this.behindS.value,
      path: engine?.path ?? this.path.value,
      source: dvr?.isPast.value ? "dvr" : "live",
      choice: this.choice.value,
      address: push?.address ?? this.joined?.hls ?? "",
      switches: engine?.switches ?? [],
    };
  }

  togglePause(): void {
    if (!this.engine || !this.hasPicture.value) return;
    if (!this.video?.paused) this.engine.pause();
    else if (!this.dvr.value?.resume()) this.engine.resume();
  }

  goLive(): void {
    if (this.dvr.value) this.dvr.value.goLive();
    else this.engine?.goLive();
    this.look();
  }

  /** Inside a gesture, after the browser refused to start by itself. */
  startByHand(): void {
    this.sound.unmute();
    this.goLive();
  }

  choose(choice: string): void {
    remember(QUALITY, choice);
    const isPlaying = this.video?.paused === false;
    this.take(choice);
    if (isPlaying) this.dvr.value?.keepPlace();
  }

  private take(choice: string): void {
    this.choice.value = choice;
    if (choice !== AUTO) this.selected = null;
    this.screenLines = Math.max(this.screenLines, (this.video?.clientHeight ?? 720) * devicePixelRatio);
    if (this.push) this.push.choose(choice, this.screenLines);
    else this.engine?.choose(choice);
  }

  private async joinUntilIn(): Promise<void> {
    for (let attempt = 1; !this.isOver; attempt += 1) {
      try {
        await this.door.enter();
        this.link.value = { is: "connecting" };
        return;
      } catch {
        if (this.isOver) return;
        const wait = waitMs(JOIN_BACKOFF, attempt, Math.random());
        this.link.value = { is: "lost", attempt, nextAtMs: performance.now() + wait };
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  private took(answer: Join): void {
    this.joined = answer;
    this.event.value = answer.event;
    this.name.value = answer.name;
    void this.openQuestions(answer);
    void this.qualityFile.then((file) => (this.qualityMenu.value = file));
    if (answer.event.state === "ended" && !this.isOver) this.beOver();
    if (answer.dvr) void this.openDvr();
  }

  private async openQuestions(answer: Join): Promise<void> {
    const pages = await this.questionFile;
    this.questionPages.value = pages;
    this.questions.value ??= pages.openQuestions(answer);
  }

  private async openDvr(): Promise<void> {
    const pages = await import("./dvr-bar");
    if (!this.video || !this.canvas) return;
    this.dvrPages.value = pages;
    this.dvr.value ??= new pages.Dvr(this.dvrHost(this.video, this.canvas));
    if (this.isOver) void this.dvr.value.lookForReplay();
  }

  private dvrHost(video: HTMLVideoElement, canvas: HTMLCanvasElement): DvrHost {
    const board = () => this.questions.value?.event.value;
    return {
      video,
      canvas,
      door: this.door,
      isPushed: () => this.path.value === "push",
      engine: () => this.engine,
      leave: () => this.closeEngine(true),
      take: (engine) => {
        this.engine = engine;
        this.hasPicture.value = true;
      },
      live: () => void this.startLive(),
      close: () => this.finish(),
      address: async (lost) => (lost === undefined ? this.playlist("dvr") : this.rejoin("dvr", lost)),
      choice: () => this.choice.value || recall(QUALITY) || "720p",
      startMs: () => board()?.live_at_ms || (this.event.value?.live_at ?? 0) * 1000,
      endMs: () => (this.event.value?.state === "ended" ? board()?.ended_at_ms || (this.event.value.ended_at ?? 0) * 1000 : 0),
      listener: () => this.pullListener(),
      told: (programme) => this.told(programme),
      ended: () => this.ended(),
      dismissed: (code) => this.dismissed(code),
    };
  }

  /** At the edge that serves this page now, or the next one: the first that the join answer named may be gone. */
  private playlist(which: "hls" | "dvr"): string {
    const named = this.joined?.[which] ?? "";
    const server = this.push?.address || this.door.roster.next(performance.now());
    return named && server ? baseOf(server) + named.slice(baseOf(named).length) : named;
  }

  /** Where it is after `lost` did not answer (any more): elsewhere, with a fresh key if the API answers. "" for `lost`: only the key is old. */
  private async rejoin(which: "hls" | "dvr", lost: string): Promise<string> {
    const { roster } = this.door;
    if (lost) roster.failed(`${baseOf(lost)}/live/${this.id}/feed`, performance.now());
    const isIn = await this.door.enter().then(() => true, () => false);
    if (!isIn && !lost) throw new Error("nobody can be asked for a new key");
    return this.playlist(which);
  }

  private turnAway(why: Turned): void {
    this.turned.value = why;
    this.finish();
  }

  private finish(): void {
    this.isOver = true;
    this.door.close();
    this.dvr.value?.close();
    this.closeEngine();
    if (document.fullscreenElement) void document.exitFullscreen();
    if (document.pictureInPictureElement) void document.exitPictureInPicture();
  }

  private closeEngine(keepsPicture = false): void {
    const { push, engine } = this;
    this.push = this.engine = this.selected = null;
    this.leaving = "";
    this.isSoundOnly.value = false;
    if (push) push.close();
    else engine?.close();
    this.hasPicture.value &&= keepsPicture;
  }

  /** By the way that was found to work here. */
  private async startLive(): Promise<void> {
    const { canPush, PushPath } = await this.pushFile;
    if (canPush() && this.path.value === "push") this.startPush(PushPath);
    else await this.startPull();
  }

  // Push

  private startPush(Path: typeof PushPath): void {
    this.path.value = "push";
    const push = new Path(this.video as HTMLVideoElement, this.door.roster, this.door, this.pushListener());
    this.push = push;
    this.engine = push.engine;
    push.start();
  }

  private pushListener(): PushListener {
    return {
      ...this.engineListener(),
      link: (state) => {
        if (this.push) this.link.value = state;
      },
      programme: (programme) => this.programmeCame(programme),
      selected: (rendition) => {
        this.selected = rendition;
        this.look();
      },
      ended: () => this.ended(),
      dismissed: (code) => this.dismissed(code),
      left: (reason) => void this.fallBack(reason),
    };
  }

  private told(programme: Programme): void {
    batch(() => {
      const onAir = programme.on_air || null;
      this.programme.value = { state: programme.state, on_air: onAir, degraded: programme.degraded };
      this.rungs.value = rungs(programme);
    });
    this.dvr.value?.programme(programme);
    if (programme.state === "ended") this.ended();
  }

  private programmeCame(programme: Programme): void {
    this.told(programme);
    if (programme.state !== "ended" && programme.renditions.length > 0) this.take(firstChoice(programme, this.choice.value || recall(QUALITY)));
  }

  private ended(): void {
    if (this.event.value) this.event.value = { ...this.event.value, state: "ended" };
    this.beOver();
    // For the thanks: when it went live, when it ended, and whether there is a recording.
    void this.door.enter().catch(() => null);
  }

  /** Whoever watches the recording goes on with it: nothing of what they see has ended. */
  private beOver(): void {
    if (this.dvr.value?.isPast.value) this.isOver = true;
    else this.finish();
  }

  private dismissed(code: string): void {
    if (code === "ended" || code === "event_ended") this.ended();
    else this.turnAway(code === "full" || code === "kicked" ? code : "forbidden");
  }

  // Pull

  /** Push does not work here: pull does, if the server answers at all; else it is away and the feed goes on trying. */
  private async fallBack(reason: string): Promise<void> {
    const { push } = this;
    // What is blocked is told again with the next attempt; what the engine cannot is not.
    if (reason !== "blocked") this.leaving = reason;
    const isReachable = await this.door.status().then(() => true, () => false);
    if (!isReachable || this.isOver || !push || this.push !== push) return;
    console.warn("player: leaving push:", reason);
    this.closeEngine();
    await this.startPull();
  }

  private async startPull(): Promise<void> {
    if (this.path.value === "push") this.path.value = "hls";
    this.link.value = { is: "connecting" };
    await this.poll();
  }

  /** A playlist exists from the first picture on. */
  private async openPull(): Promise<void> {
    const video = this.video as HTMLVideoElement;
    const address = this.playlist("hls");
    const { canHls, HlsEngine } = await import("../../media/hls");
    if (this.engine || this.isOver) return;
    if (canHls()) {
      const wanted = this.choice.value || recall(QUALITY) || AUTO;
      this.choice.value = wanted;
      this.engine = new HlsEngine(video, address, this.door.clock, this.pullListener(), wanted);
      return;
    }
    const { canNative, NativeEngine } = await import("../../media/native");
    if (this.engine || this.isOver || !canNative(video)) return;
    this.path.value = "native";
    this.choice.value = AUTO;
    this.engine = new NativeEngine(video, address, this.door.clock, this.pullListener());
  }

  private pullListener(): PullListener {
    return {
      ...this.engineListener(),
      link: (state) => {
        this.link.value = state;
      },
      rejoin: (lost) => this.rejoin("hls", lost),
      rungs: (offered) => {
        // Of a running programme the feed knows more.
        if (this.path.value === "push" && this.rungs.value.length > 0) return;
        this.rungs.value = offered;
        const isOffered = offered.some((rung) => rung.choice === this.choice.value);
        if (!isOffered) this.choice.value = AUTO;
      },
    };
  }

  private engineListener(): Omit<EngineListener, "failed"> {
    return {
      ready: () => {
        this.hasPicture.value = true;
        this.dvr.value?.arrived();
      },
      blocked: (muted) => {
        this.sound.blocked.value = muted ? "sound" : "still";
      },
    };
  }

  // Once in a while

  private look(): void {
    this.dvr.value?.look();
    const { engine } = this;
    if (!engine) return;
    this.stats.value = engine.stats();
    this.isSoundOnly.value = this.selected === "" || (this.isSoundOnly.value && this.stats.value.isStill);
    // A page that went to full screen has room for a larger picture.
    if (this.push && this.choice.value === AUTO) this.take(AUTO);
  }

  private pausedOrNot(): void {
    this.isPaused.value = this.video?.paused ?? false;
    this.dvr.value?.look();
  }

  /** What the feed tells when there is one; without it the API is asked. */
  private async poll(): Promise<void> {
    if (this.leaving) await this.fallBack(this.leaving);
    const isTold = this.push !== null && this.link.value.is === "open";
    if (this.joined && !isTold && !this.isOver) await this.ask();
  }

  private async ask(): Promise<void> {
    const status = await this.door.status().catch(() => null);
    if (status) await this.toldByApi(status);
  }

  private async toldByApi(status: EventStatus): Promise<void> {
    batch(() => {
      this.event.value = status;
      this.polledViewers.value = status.viewers;
      if (!this.push) this.programme.value = programmeOf(status);
    });
    if (this.isOver) return;
    if (status.state === "ended") {
      this.ended();
    } else if (!this.push) {
      if (!this.engine) this.link.value = { is: "open" };
      const state = this.programme.value?.state;
      if ((state === "live" || state === "slate") && !this.engine) await this.openPull();
    }
  }
}

/** What comes before the path that every edge has; "" for the page's own front. */
function baseOf(address: string): string {
  return address.slice(0, address.indexOf("/live/"));
}

/** A front that serves nobody yet has no feed and so knows no programme: an event that is live has one all the same. */
function programmeOf(status: EventStatus): ProgrammeView | null {
  return status.programme ?? (status.state === "live" ? { state: "live", on_air: null, degraded: false } : null);
}
