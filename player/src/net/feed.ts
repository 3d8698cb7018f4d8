/**
 * The push feed's connection: opens, subscribes, resumes after a break, backs off, honours the server's `bye`, moves when the
 * server is about to go, or seems to be gone.
 *
 * It never gives up by itself; its owner closes it (event over, person refused, other path taken). What an open line's silence
 * means core/silence.ts says: a proxy may hold the line open with nobody behind it.
 */
import { askedWaitMs, waitMs, type Backoff } from "../core/backoff";
import type { LinkState } from "../core/link";
import { Positions } from "../core/positions";
import { NOTHING, type Wanted } from "../core/lines";
import type { Roster } from "../core/roster";
import { verdict } from "../core/silence";
import * as wire from "../core/wire";
import { Line, openSocket, type Connect, type LineOwner } from "./line";

const BACKOFF: Backoff = { firstMs: 300, mostMs: 3000 };
/** Each attempt is a join: they all go to the one place that makes tickets. */
const TICKET_BACKOFF: Backoff = { firstMs: 300, mostMs: 10_000 };
/** Another address is there that did not fail: at once, but not two thousand pages in the same instant. */
const ELSEWHERE_MS = 300;
/** So many attempts without ever a word: something on the way forbids WebSocket. */
const BLOCKED_AFTER = 2;
/** On a line that does not bring even the first part the server must hear of that: a proxy takes everything. */
const NOTHING_YET = { msn: 0, part: -1 };
const MOST_MOVE_WAIT_MS = 3000;
/** After a move there is time to ask who else is there: all pages of a server move at once. */
const LOOK_AROUND_WITHIN_MS = 30_000;
/** After a shorter break the line is what it was: the picture begins as it was then. */
const SAME_LINE_MS = 30_000;

export interface FeedListener {
  link(state: LinkState): void;
  programme(programme: wire.Programme): void;
  init(header: wire.Header, bytes: Uint8Array<ArrayBuffer>): void;
  part(header: wire.Header, bytes: Uint8Array<ArrayBuffer>): void;
  /** Parts before this one were not sent: this line was too slow, or away for too long. */
  gap?(header: wire.Header): void;
  /** Padding came: it was timed, and the next report says so. */
  timed?(): void;
  /** The answer to a report of lateness: nothing is on its way here, it is the programme that is late. */
  idle?(): void;
  /** Of AUTO: what the server chose. */
  selected?(selected: wire.Selected): void;
  /** The producer ended the event. */
  end(): void;
  /** The server does not want us back (`bye` with a negative retry). */
  dismissed(code: string): void;
  /** No attempt ever brought a word. Told with each further one; attempts go on until `close`. */
  blocked(): void;
}

export interface FeedOptions {
  readonly roster: Roster;
  readonly listener: FeedListener;
  /** `refused`: the last one was not good. May reject: that counts as a failed attempt. */
  ticket(refused: boolean): Promise<string>;
  /** A second line of a page that is counted by its first. */
  readonly beside?: boolean;
  /** How long the page's other line has heard nothing of this address; null where none expects media from there. */
  otherSilentMs?(address: string): number | null;
  /** The roster may be out of date: ask for another one, within so many ms. */
  lookAround?(withinMs: number): void;
  readonly connect?: Connect;
  /** Ends a socket at once; without it nothing is given up. */
  sever?(socket: WebSocket): void;
  random?(): number;
}

export class Feed {
  private readonly options: FeedOptions;
  private readonly positions = new Positions();
  private readonly random: () => number;
  private readonly now: LineOwner;
  private wanted = NOTHING;
  private programme: wire.Programme | null = null;
  private line: Line | null = null;
  /** Where we are moving to, until the first part comes from there. */
  private successor: Line | null = null;
  private moving: ReturnType<typeof setTimeout> | undefined;
  /** Nobody told us to move: the line is silent, and the next part that it brings calls the successor off. */
  private isInDoubt = false;
  /** What comes from there, told before the first part. */
  private promised: wire.Message | null = null;
  private selection: wire.Selected | null = null;
  private ticket = "";
  private isRefused = false;
  /** Where to open again although another address is better: nothing was wrong with it. */
  private staysAt = "";
  /** The largest picture to begin with on the next line; the choice itself stays. */
  private beginsWith = "";
  private partAt = 0;
  private carriesBps: number | null = null;
  /** Which address refused our ticket last; the second time in a row it is the address that is wrong, or its clock. */
  private refusedBy = "";
  private attempt = 0;
  private everHeard = false;
  private unheard = 0;
  /** When a line that had brought something was lost. */
  private brokeAt = Number.POSITIVE_INFINITY;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private closed = true;

  constructor(options: FeedOptions) {
    this.options = options;
    this.random = options.random ?? Math.random;
    this.now = {
      opened: (line) => this.greet(line),
      message: (line, message) => this.handle(line, message),
      lost: (line) => this.lost(line),
    };
  }

  /** Where the media comes from now; "" while nothing does. */
  get address(): string {
    return this.line?.address ?? "";
  }

  /** Nothing wanted asks for the programme's state alone. */
  start(wanted: Wanted): void {
    if (!this.closed) return;
    this.closed = false;
    this.wanted = wanted;
    this.watch = setInterval(() => this.checkSilence(), 500);
    addEventListener("online", this.hurry);
    this.tell({ is: "connecting" });
    void this.open();
  }

  /** Replaces the choice; the server switches at the next independent part. */
  choose(wanted: Wanted): void {
    if (wanted.renditions.join() === this.wanted.renditions.join() && wanted.most === this.wanted.most) return;
    if (wanted.renditions.join() !== this.wanted.renditions.join()) this.selection = null;
    this.wanted = wanted;
    for (const line of [this.line, this.successor]) line?.send(wire.subscribe(wanted.renditions, this.ticket, this.kind()));
  }

  /** Start over with the current segment: the media engine was rebuilt and holds nothing. */
  restart(): void {
    this.positions.forget();
    this.selection = null;
    this.stopMoving();
    if (!this.line?.isOpen) return;
    this.staysAt = this.line.address;
    this.line.close();
    this.line = null;
    this.wait(1, this.random() * ELSEWHERE_MS);
  }

  /** What was played; `null` where that says nothing of the line: then what was received stands for it. */
  progress(played: { readonly msn: number; readonly part: number } | null, lagMs: number, lateMs = 0): void {
    const got = this.positions.newest() ?? (this.programme && NOTHING_YET);
    if (!got) return;
    const { msn, part } = played ?? got;
    const receipt: wire.Receipt = {
      got: [got.msn, got.part],
      ...(lateMs > 0 && { late_ms: lateMs }),
      ...(this.carriesBps !== null && { carries_bps: this.carriesBps }),
    };
    this.carriesBps = null;
    this.line?.send(wire.progress(msn, part, lagMs, receipt));
  }

  /**
   * The line does not carry what is on its way, and that stands before all that would replace it: another line to the same
   * address, which begins with the current segment of a picture no larger than this. Whether it was done.
   */
  giveUp(most: string): boolean {
    const { line } = this;
    const { sever } = this.options;
    if (!sever || !line?.isOpen || this.successor || this.moving !== undefined) return false;
    this.positions.forget();
    this.selection = null;
    this.staysAt = line.address;
    this.beginsWith = most;
    this.line = null;
    line.sever(sever);
    void this.open();
    return true;
  }

  /** How long media has not come that should, from this address; null where none should. */
  silentMs(address: string): number | null {
    const { line } = this;
    return line?.isOpen && line.address === address && this.expectsMedia() ? performance.now() - line.heardAt : null;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    clearInterval(this.watch);
    removeEventListener("online", this.hurry);
    this.stopMoving();
    this.line?.close();
    this.line = null;
    this.tell({ is: "closed" });
  }

  private kind(): wire.Line {
    return { ...(this.wanted.most && { most: this.wanted.most }), ...(this.options.beside && { beside: true }) };
  }

  private async open(): Promise<void> {
    try {
      this.ticket = await this.options.ticket(this.isRefused);
      this.isRefused = false;
    } catch {
      if (!this.closed && !this.line) this.failed(null);
      return;
    }
    if (this.closed || this.line) return;
    const address = this.staysAt || this.options.roster.next(performance.now());
    this.staysAt = "";
    this.line = new Line(address, this.now, this.options.connect ?? openSocket);
  }

  private greet(line: Line): void {
    const { renditions } = this.wanted;
    const from = this.held();
    const kind = this.kind();
    if (this.beginsWith) {
      line.send(wire.subscribe(renditions, this.ticket, { ...kind, most: this.beginsWith, slow: true }));
      this.beginsWith = "";
      line.send(wire.subscribe(renditions, this.ticket, kind));
      return;
    }
    line.send(from ? wire.resume(from, renditions, this.ticket, this.asBefore(kind)) : wire.subscribe(renditions, this.ticket, kind));
  }

  private asBefore(kind: wire.Line): wire.Line {
    const begin = this.wanted.renditions.includes(wire.AUTO) && this.selection?.rendition;
    return begin && performance.now() - this.brokeAt < SAME_LINE_MS ? { ...kind, begin } : kind;
  }

  /** What to go on after; null where there is nothing to go on with. */
  private held(): wire.Position | null {
    const selected = this.selection?.rendition;
    const names = this.wanted.renditions.map((name) => (name === wire.AUTO ? selected : name));
    const ids = (this.programme?.renditions ?? []).filter((r) => names.includes(r.name)).map((r) => r.id);
    return ids.length === names.length ? this.positions.resumeFrom(ids) : null;
  }

  private handle(line: Line, message: wire.Message): void {
    this.everHeard = true;
    if (line !== this.successor && this.isInDoubt && message.header.kind === wire.Kind.PART) this.stopMoving();
    if (line === this.successor) {
      if (this.isPromise(message)) {
        this.promised = message;
        return;
      }
      if (this.isArrival(message)) this.arrive(line);
    }
    this.take(message);
  }

  private take({ header, payload }: wire.Message): void {
    const { listener } = this.options;
    switch (header.kind) {
      case wire.Kind.RENDITIONS:
        this.programme = wire.asProgramme(payload);
        // Only now is the connection good: a server that closes right after the upgrade must not reset the back-off.
        this.attempt = 0;
        this.refusedBy = "";
        this.tell({ is: "open" });
        listener.programme(this.programme);
        return;
      case wire.Kind.INIT:
        listener.init(header, payload);
        return;
      case wire.Kind.PART:
        this.partAt = performance.now();
        if (this.positions.take(header)) listener.part(header, payload);
        return;
      case wire.Kind.PADDING:
        if (payload.length === 0) {
          listener.idle?.();
          return;
        }
        this.carriesBps = Math.round((payload.length * 8000) / Math.max(1, performance.now() - this.partAt));
        listener.timed?.();
        return;
      case wire.Kind.GAP:
        listener.gap?.(header);
        return;
      case wire.Kind.SELECTED:
        this.selection = wire.asSelected(payload);
        listener.selected?.(this.selection);
        return;
      case wire.Kind.MOVE:
        this.move(wire.asMove(payload));
        return;
      case wire.Kind.END:
        listener.end();
        return;
    }
  }

  // Moving

  /** The server is about to go. It serves on until we leave, or its time has passed. */
  private move({ within_ms }: wire.Move): void {
    if (!this.line) return;
    this.isInDoubt = false;
    const { roster, lookAround } = this.options;
    const { address } = this.line;
    roster.failed(address, performance.now());
    lookAround?.(LOOK_AROUND_WITHIN_MS);
    if (this.moving !== undefined) return;
    const elsewhere = roster.others(address, performance.now());
    // The only address may be that of a proxy, which leads elsewhere now.
    this.followSoon(elsewhere.length > 0 ? elsewhere : [address], Math.min(MOST_MOVE_WAIT_MS, within_ms / 2));
  }

  /** Nothing comes any more: whoever brings the next part, this line or another, is the one to stay with. */
  private doubt(line: Line): void {
    if (this.moving !== undefined) return;
    this.isInDoubt = true;
    this.followSoon(this.options.roster.others(line.address, performance.now()), ELSEWHERE_MS);
  }

  private followSoon(candidates: readonly string[], withinMs: number): void {
    this.moving = setTimeout(() => void this.follow(candidates), this.random() * withinMs);
  }

  private async follow(candidates: readonly string[], isRefused = false): Promise<void> {
    const [address, ...rest] = candidates;
    this.successor = this.promised = null;
    if (address === undefined) return;
    const { moving } = this;
    // Where no fresh one is to be had the old one has to do.
    this.ticket = await this.options.ticket(isRefused).catch(() => this.ticket);
    if (this.moving !== moving || moving === undefined) return;
    const owner: LineOwner = {
      ...this.now,
      lost: (line) => (line === this.line ? this.lost(line) : this.notThere(line, rest, isRefused)),
    };
    this.successor = new Line(address, owner, this.options.connect ?? openSocket);
  }

  private notThere(line: Line, rest: readonly string[], wasRefused: boolean): void {
    const isRefused = !wasRefused && line.bye !== null && isAboutTheTicket(line.bye.code);
    if (!isRefused) this.options.roster.failed(line.address, performance.now());
    void this.follow(isRefused ? [line.address, ...rest] : rest, isRefused);
  }

  /** A picture is chosen there: that holds from its first part on, until then the old line's goes on. */
  private isPromise({ header, payload }: wire.Message): boolean {
    return header.kind === wire.Kind.SELECTED && this.expectsMedia() && wire.asSelected(payload).rendition !== "";
  }

  private isArrival({ header }: wire.Message): boolean {
    const { PART, GAP, RENDITIONS, SELECTED } = wire.Kind;
    if (header.kind === PART || header.kind === GAP || header.kind === SELECTED) return true;
    // Where no media is expected, the first word is all there is.
    return header.kind === RENDITIONS && !this.expectsMedia();
  }

  private arrive(line: Line): void {
    const old = this.line;
    const { promised } = this;
    if (this.isInDoubt && old) this.options.roster.failed(old.address, performance.now());
    this.line = line;
    this.stopMoving(line);
    old?.close();
    if (promised) this.take(promised);
  }

  private stopMoving(kept: Line | null = null): void {
    clearTimeout(this.moving);
    this.moving = undefined;
    this.isInDoubt = false;
    if (this.successor !== kept) this.successor?.close();
    this.successor = this.promised = null;
  }

  // Breaks

  private lost(line: Line): void {
    if (this.closed || line !== this.line) return;
    this.line = null;
    if (line.hasCarried) this.brokeAt = performance.now();
    // It is on its way already: no other attempt could be quicker.
    if (this.successor) {
      this.arrive(this.successor);
      return;
    }
    this.stopMoving();
    this.failed(line);
  }

  private failed(line: Line | null): void {
    const bye = line?.bye ?? null;
    const isRefused = bye !== null && isAboutTheTicket(bye.code);
    if (bye && bye.retry_ms < 0 && !isRefused) {
      this.options.listener.dismissed(bye.code);
      return;
    }
    if (line && isRefused) this.refused(line);
    else if (line) this.options.roster.failed(line.address, performance.now());
    if (line) this.countUnheard(line);
    if (this.closed) return;
    const attempt = this.attempt + 1;
    // Without a ticket no address was tried: it is no quicker elsewhere.
    const isWithoutTicket = !line || isRefused;
    this.wait(attempt, isWithoutTicket ? waitMs(TICKET_BACKOFF, attempt, this.random()) : this.waitMs(bye, attempt));
  }

  private refused(line: Line): void {
    this.isRefused = true;
    if (this.refusedBy === line.address) this.options.roster.failed(line.address, performance.now());
    else this.staysAt = this.refusedBy = line.address;
  }

  private countUnheard(line: Line): void {
    const { roster, listener, lookAround } = this.options;
    this.everHeard ||= line.hasSpoken;
    this.unheard += 1;
    if (roster.size > 1 && roster.haveAllFailed(performance.now())) lookAround?.(0);
    if (!this.everHeard && this.unheard >= Math.max(BLOCKED_AFTER, roster.size)) listener.blocked();
  }

  private waitMs(bye: wire.Bye | null, attempt: number): number {
    const { roster } = this.options;
    const isElsewhere = !roster.hasFailed(roster.next(performance.now()), performance.now());
    // A server that goes is no reason to wait where another one stays; one that finds us too slow is.
    const mayGo = !bye || bye.retry_ms <= 0 || isAboutTheServer(bye.code);
    if (isElsewhere && mayGo && roster.size > 1) return this.random() * ELSEWHERE_MS;
    if (bye && bye.retry_ms > 0) return askedWaitMs(bye.retry_ms, this.random());
    return waitMs(BACKOFF, attempt, this.random());
  }

  private wait(attempt: number, ms: number): void {
    this.attempt = attempt;
    this.tell({ is: "lost", attempt, nextAtMs: performance.now() + ms });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.open(), ms);
  }

  private expectsMedia(): boolean {
    const isOff = this.selection?.rendition === "" && this.wanted.renditions.join() === wire.AUTO;
    return this.wanted.renditions.length > 0 && !isOff;
  }

  private checkSilence(): void {
    for (const line of [this.successor, this.line]) if (line?.isOpen) this.judge(line);
  }

  private judge(line: Line): void {
    const { roster, otherSilentMs } = this.options;
    const { programme, successor } = this;
    const isOn = programme?.state === "live" || programme?.state === "slate";
    const says = verdict(line.heard(), {
      isOnline: navigator.onLine,
      expectsMedia: this.expectsMedia() && (isOn || !navigator.onLine),
      isElsewhere: roster.size > 1,
      otherSilentMs: otherSilentMs?.(line.address) ?? null,
      foundDead: roster.failedSince(line.address, line.since),
      isAnswered: this.isInDoubt && (successor?.hasProgramme ?? false),
    });
    if (says === "dead" || this.wasLeft(line)) line.lose();
    else if (says === "doubtful" && line === this.line) this.doubt(line);
  }

  /** Nothing is expected of this line, and the other one has found its server dead. */
  private wasLeft(line: Line): boolean {
    const { roster } = this.options;
    const isMoving = this.moving !== undefined;
    return !this.expectsMedia() && !isMoving && roster.size > 1 && roster.failedSince(line.address, line.since);
  }

  /** The network came back: the rest of the wait is pointless. */
  private readonly hurry = (): void => {
    if (this.line || this.attempt === 0) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.open(), this.random() * 500);
  };

  private tell(state: LinkState): void {
    this.options.listener.link(state);
  }
}

function isAboutTheTicket(code: string): boolean {
  return code === "bad_ticket" || code === "ticket_expired" || code === "unauthorized";
}

function isAboutTheServer(code: string): boolean {
  return code === "restarting" || code === "draining" || code === "too_many_viewers";
}
