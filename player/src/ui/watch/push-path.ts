/**
 * The push path of the watch page: one line for the picture, one beside it for the sound, and the engine that both fill.
 *
 * Fetched while the page joins, with the engine. The store knows no feed: it asks for a choice, reports every two seconds, closes.
 * While the picture comes late the lines report by themselves, so that the server knows in time behind a proxy that takes all.
 * The first line counts the viewer and has the programme's word; it brings the sound itself where there is no picture to bring.
 */
import { together, type LinkState } from "../../core/link";
import { linesFor, NOTHING, type Wanted } from "../../core/lines";
import { Punctuality } from "../../core/punctuality";
import { AUTO, videos } from "../../core/quality";
import type { Roster } from "../../core/roster";
import type { Header, Programme, Selected } from "../../core/wire";
import type { EngineListener } from "../../media/engine";
import { MseEngine } from "../../media/mse";
import { Feed, type FeedListener } from "../../net/feed";
import { SeverableSockets } from "../../net/severable";
import type { Door } from "./door";

export { canPush } from "../../media/mse";

/** Less in hand than this and a broken line shows. */
const IN_HAND_S = 0.1;
const MOST_SWITCHES = 50;
const LOOK_MS = 100;
/** A look that comes so late says nothing of the line: it was the page that stood still. */
const STOOD_STILL_MS = 250;
/** What is late is told with each part, no oftener than this … */
const LATE_PART_MS = 100;
/** … and so often while none comes. */
const LATE_AGAIN_MS = 250;
/** The second line, which carries what is always the same, reports every other time. */
const BESIDE_EVERY = 2;
/** The picture is so late, the sound is not, and no word of another picture has come: it must be queueing behind this one. */
const GIVE_UP_MS = 1000;
const GIVE_UP_AGAIN_MS = 20_000;
/** A line that was given up has a successor by then, whose first parts come in a row. */
const SUCCESSION_MS = 1500;

export interface PushListener extends Omit<EngineListener, "failed"> {
  link(state: LinkState): void;
  programme(programme: Programme): void;
  /** Of AUTO: what the server chose; "" while the line carries no picture. */
  selected(rendition: string): void;
  ended(): void;
  dismissed(code: string): void;
  /** Push does not work here: the page takes the next way. */
  left(reason: string): void;
}

export class PushPath {
  readonly engine: MseEngine;
  private readonly first: Feed;
  private beside: Feed | null = null;
  private firstLink: LinkState = { is: "connecting" };
  private besideLink: LinkState = { is: "connecting" };
  private programme: Programme | null = null;
  private choice = "";
  private readonly sockets = new SeverableSockets();
  private readonly pictureTime = new Punctuality();
  private readonly soundTime = new Punctuality();
  private readonly looking = setInterval(() => this.look(), LOOK_MS);
  private lookedAt = performance.now();
  private lateReportAt = Number.NEGATIVE_INFINITY;
  private lateSince: number | null = null;
  private selectedAt = Number.NEGATIVE_INFINITY;
  /** By the last word, ours included. */
  private isSmallest = false;
  private gaveUpAt = Number.NEGATIVE_INFINITY;
  /** Both were late, and sound that comes again comes first. */
  private soundLateAt = Number.NEGATIVE_INFINITY;
  private reports = 0;
  private isBehind = false;

  constructor(
    video: HTMLVideoElement,
    private readonly roster: Roster,
    private readonly door: Door,
    private readonly listener: PushListener,
  ) {
    this.engine = new MseEngine(video, door.clock, {
      ready: () => listener.ready(),
      blocked: (muted) => listener.blocked(muted),
      failed: (reason) => listener.left(reason),
      restart: (what) => {
        if (what === "all" || !this.beside) this.first.restart();
        this.beside?.restart();
      },
    });
    this.first = this.feed(false, this.heardFirst());
  }

  /** Where the picture comes from, or the sound while only that comes. */
  get address(): string {
    return this.first.address || (this.beside?.address ?? "");
  }

  start(): void {
    this.first.start(NOTHING);
  }

  /** `screenLines`: larger pictures than these are not worth sending. */
  choose(choice: string, screenLines: number): void {
    if (choice !== this.choice && choice !== AUTO) this.note(choice, "asked");
    this.choice = choice;
    this.engine.choose(choice);
    if (!this.programme) return;
    const [first, second] = linesFor(this.programme, choice, screenLines);
    this.first.choose(first);
    this.chooseBeside(second);
  }

  /** `isBehind`: by choice; told where they are, the server would take them for a slow reader. */
  report(isBehind: boolean): void {
    this.isBehind = isBehind;
    this.reportFirst();
    this.reports += 1;
    if (this.reports % BESIDE_EVERY === 0) this.beside?.progress(this.played("audio"), this.engine.stats().latencyMs ?? 0);
    this.tellLink();
  }

  close(): void {
    clearInterval(this.looking);
    this.first.close();
    this.beside?.close();
    this.engine.close();
    this.sockets.close();
  }

  private played(kind: "video" | "audio") {
    return this.isBehind ? null : this.engine.played(kind);
  }

  private reportFirst(): void {
    const now = performance.now();
    const lateMs = this.lateMs(now);
    if (lateMs > 0) this.lateReportAt = now;
    this.first.progress(this.played(this.beside ? "video" : "audio"), this.engine.stats().latencyMs ?? 0, lateMs);
  }

  private lateMs(now: number): number {
    return now - this.gaveUpAt < SUCCESSION_MS ? 0 : this.pictureTime.lateMs(now);
  }

  private arrived(header: Header): void {
    const rendition = this.programme?.renditions.find((one) => one.id === header.rendition);
    if (!rendition) return;
    const now = performance.now();
    const from = header.start / rendition.timescale;
    const time = rendition.kind === "video" ? this.pictureTime : this.soundTime;
    time.arrived(header.epoch, from, from + header.duration / rendition.timescale, now);
    if (time !== this.pictureTime) return;
    const isLate = this.lateMs(now) > 0;
    if (isLate ? now - this.lateReportAt >= LATE_PART_MS : this.lateSince !== null) this.reportFirst();
    this.lateSince = isLate ? (this.lateSince ?? now) : null;
  }

  /** Also a picture that does not come at all is late. */
  private look(): void {
    const now = performance.now();
    const stoodStill = now - this.lookedAt > STOOD_STILL_MS;
    this.lookedAt = now;
    const lateMs = this.beside ? this.lateMs(now) : 0;
    this.engine.late(lateMs > 0);
    if (this.soundTime.lateMs(now) >= GIVE_UP_MS) this.soundLateAt = now;
    if (lateMs === 0 || stoodStill) return;
    this.lateSince ??= now;
    if (now - this.lateReportAt >= LATE_AGAIN_MS) this.reportFirst();
    if (lateMs >= GIVE_UP_MS && now - this.soundLateAt > GIVE_UP_MS) this.giveUp(now, this.lateSince);
  }

  private giveUp(now: number, lateSince: number): void {
    const smallest = this.programme && videos(this.programme.renditions).at(-1);
    // Of the smallest picture nothing smaller is to be had: it would only begin again.
    const isNew = !this.isSmallest && this.selectedAt < lateSince && now - this.gaveUpAt > GIVE_UP_AGAIN_MS;
    if (this.choice !== AUTO || !smallest || !isNew || !this.first.giveUp(smallest.name)) return;
    this.gaveUpAt = now;
    this.lateSince = null;
    this.selected({ rendition: smallest.name, abandoned: true, why: "slow" });
  }

  private feed(beside: boolean, listener: FeedListener): Feed {
    return new Feed({
      roster: this.roster,
      ticket: (refused) => this.door.ticketNow(refused),
      beside,
      ...(!beside && { connect: (address: string) => this.sockets.open(address), sever: (socket: WebSocket) => this.sockets.sever(socket) }),
      otherSilentMs: (address) => (beside ? this.first : this.beside)?.silentMs(address) ?? null,
      lookAround: (withinMs) => this.door.lookAround(withinMs),
      listener,
    });
  }

  private chooseBeside(wanted: Wanted): void {
    if (wanted.renditions.length === 0) {
      const { beside } = this;
      this.beside = null;
      beside?.close();
    } else if (this.beside) {
      this.beside.choose(wanted);
    } else {
      this.besideLink = { is: "connecting" };
      this.beside = this.feed(true, this.heardBeside());
      this.beside.start(wanted);
    }
  }

  private heardFirst(): FeedListener {
    const { listener } = this;
    return {
      ...this.heard(),
      link: (state) => {
        this.firstLink = state;
        this.linkChanged(state);
      },
      programme: (programme) => {
        this.programme = programme;
        if (programme.state !== "ended") this.engine.programme(programme);
        listener.programme(programme);
      },
      selected: (selected) => this.selected(selected),
      timed: () => this.reportFirst(),
      idle: () => this.pictureTime.forget(),
      blocked: () => listener.left("blocked"),
    };
  }

  private heardBeside(): FeedListener {
    return {
      ...this.heard(),
      link: (state) => {
        this.besideLink = state;
        this.linkChanged(state);
      },
      // The first line says the same to the page; the engine must know a new rendition before its parts.
      programme: (programme) => {
        if (programme.state !== "ended") this.engine.programme(programme);
      },
      blocked: () => {},
    };
  }

  private heard(): Omit<FeedListener, "link" | "programme" | "blocked"> {
    const { listener } = this;
    return {
      init: (header, bytes) => this.engine.init(header, bytes),
      part: (header, bytes) => {
        this.arrived(header);
        this.engine.part(header, bytes);
      },
      gap: (header) => this.engine.gap(header),
      end: () => listener.ended(),
      dismissed: (code) => listener.dismissed(code),
    };
  }

  private selected(selected: Selected): void {
    this.note(selected.rendition, selected.why);
    this.selectedAt = performance.now();
    this.isSmallest = selected.rendition === videos(this.programme?.renditions ?? []).at(-1)?.name;
    if (selected.rendition === "") this.pictureTime.forget();
    this.engine.select(selected);
    this.listener.selected(selected.rendition);
  }

  private note(rendition: string, why: string): void {
    const { switches } = this.engine;
    switches.push({ at: Date.now(), rendition, why });
    if (switches.length > MOST_SWITCHES) switches.shift();
  }

  private linkChanged(state: LinkState): void {
    if (state.is === "lost") this.engine.lineBroke();
    // A first attempt elsewhere is there sooner than a filled picture, which ends with a key frame only.
    const isGone = this.firstLink.is === "lost" && this.firstLink.attempt > 1;
    this.engine.cutOff(this.beside !== null && isGone && this.besideLink.is === "open");
    this.tellLink();
  }

  private tellLink(): void {
    const links = this.beside ? [this.firstLink, this.besideLink] : [this.firstLink];
    this.listener.link(together(links, this.engine.stats().bufferedS >= IN_HAND_S));
  }
}
