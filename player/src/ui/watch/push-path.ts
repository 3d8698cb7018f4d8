/**
 * The push path of the watch page: one line for the picture, one beside it for the sound, and the engine that both fill.
 *
 * Fetched while the page joins, with the engine. The store knows no feed: it asks for a choice, reports once a second, closes.
 * The first line counts the viewer and has the programme's word; it brings the sound itself where there is no picture to bring.
 */
import { together, type LinkState } from "../../core/link";
import { linesFor, NOTHING, type Wanted } from "../../core/lines";
import { AUTO } from "../../core/quality";
import { Roster } from "../../core/roster";
import type { Programme, Selected } from "../../core/wire";
import type { EngineListener } from "../../media/engine";
import { MseEngine } from "../../media/mse";
import { Feed, type FeedListener } from "../../net/feed";
import type { Door } from "./door";

export { canPush } from "../../media/mse";

/** Less in hand than this and a broken line shows. */
const IN_HAND_S = 0.1;
const MOST_SWITCHES = 50;
/** Once a second says enough of a line that is well; while the picture stands still the server should know sooner. */
const LOOK_MS = 250;

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
  private readonly roster: Roster;
  private readonly first: Feed;
  private beside: Feed | null = null;
  private firstLink: LinkState = { is: "connecting" };
  private besideLink: LinkState = { is: "connecting" };
  private programme: Programme | null = null;
  private choice = "";
  private readonly looking = setInterval(() => this.reportLate(), LOOK_MS);

  constructor(
    video: HTMLVideoElement,
    addresses: readonly string[],
    private readonly door: Door,
    private readonly listener: PushListener,
  ) {
    this.roster = new Roster(addresses);
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
    const lagMs = this.engine.stats().latencyMs ?? 0;
    const played = (kind: "video" | "audio") => (isBehind ? null : this.engine.played(kind));
    this.first.progress(played(this.beside ? "video" : "audio"), lagMs);
    this.beside?.progress(played("audio"), lagMs);
    this.tellLink();
  }

  close(): void {
    clearInterval(this.looking);
    this.first.close();
    this.beside?.close();
    this.engine.close();
  }

  private reportLate(): void {
    const { isStill, latencyMs, following } = this.engine.stats();
    if (isStill && following) this.first.progress(this.engine.played("video"), latencyMs ?? 0);
  }

  private feed(beside: boolean, listener: FeedListener): Feed {
    return new Feed({
      roster: this.roster,
      ticket: (refused) => this.door.ticketNow(refused),
      beside,
      otherIsSilent: (address, ms) => (beside ? this.first : this.beside)?.isSilent(address, ms) ?? false,
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
      part: (header, bytes) => this.engine.part(header, bytes),
      gap: (header) => this.engine.gap(header),
      end: () => listener.ended(),
      dismissed: (code) => listener.dismissed(code),
    };
  }

  private selected(selected: Selected): void {
    this.note(selected.rendition, selected.why);
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
