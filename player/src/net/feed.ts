/**
 * The push feed's connection: opens, subscribes, resumes after a break, backs off, honours the server's `bye`.
 *
 * It never gives up by itself; its owner closes it (event over, person refused, other path taken). A sender that falls silent
 * while the programme runs is a broken connection too: a proxy may hold the line open with nobody behind it.
 */
import { askedWaitMs, waitMs, type Backoff } from "../core/backoff";
import type { LinkState } from "../core/link";
import { Positions } from "../core/positions";
import * as wire from "../core/wire";

const BACKOFF: Backoff = { firstMs: 300, mostMs: 3000 };
/** Longer than a transcoder's restart, during which the socket is well and nothing comes. */
const SILENCE_MS = 8000;
/** The browser says the network went: do not wait for the long silence. */
const SILENCE_OFFLINE_MS = 1500;
const OPENING_MS = 4000;
/** So many attempts without ever a connection: something on the way forbids WebSocket. */
const BLOCKED_AFTER = 2;

export interface FeedListener {
  link(state: LinkState): void;
  programme(programme: wire.Programme): void;
  init(header: wire.Header, bytes: Uint8Array<ArrayBuffer>): void;
  part(header: wire.Header, bytes: Uint8Array<ArrayBuffer>): void;
  /** The producer ended the event. */
  end(): void;
  /** The server does not want us back (`bye` with a negative retry). */
  dismissed(code: string): void;
  /** No attempt ever got through. Told once; attempts go on until `close`. */
  blocked(): void;
}

export interface FeedOptions {
  /** Tried in turn, path or absolute address. */
  readonly addresses: readonly string[];
  readonly listener: FeedListener;
  /** `renew`: the last one was not good or is old. May reject: that counts as a failed attempt. */
  ticket(renew: boolean): Promise<string>;
  connect?(address: string): WebSocket;
  random?(): number;
}

function openSocket(address: string): WebSocket {
  const url = new URL(address, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return new WebSocket(url, wire.SUBPROTOCOL);
}

export class Feed {
  private readonly options: FeedOptions;
  private readonly positions = new Positions();
  private readonly random: () => number;
  private wanted: readonly string[] = [];
  private programme: wire.Programme | null = null;
  private socket: WebSocket | null = null;
  private ticket = "";
  private attempt = 0;
  private everOpened = false;
  private bye: wire.Bye | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private heardAt = 0;
  private closed = true;

  constructor(options: FeedOptions) {
    this.options = options;
    this.random = options.random ?? Math.random;
  }

  /** Renditions by name; an empty list asks for the programme's state alone. */
  start(renditions: readonly string[]): void {
    if (!this.closed) return;
    this.closed = false;
    this.wanted = renditions;
    this.watch = setInterval(() => this.checkSilence(), 500);
    addEventListener("online", this.hurry);
    this.tell({ is: "connecting" });
    void this.open(false);
  }

  /** Replaces the choice; the server switches at the next independent part. */
  choose(renditions: readonly string[]): void {
    if (renditions.join() === this.wanted.join()) return;
    this.wanted = renditions;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(wire.subscribe(renditions, this.ticket));
  }

  /** Start over with the current segment: the media engine was rebuilt and holds nothing. */
  restart(): void {
    this.positions.forget();
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.close(1000, "restart");
  }

  progress(msn: number, part: number, lagMs: number): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(wire.progress(msn, part, lagMs));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.retry);
    clearInterval(this.watch);
    removeEventListener("online", this.hurry);
    this.drop();
    this.tell({ is: "closed" });
  }

  private async open(renew: boolean): Promise<void> {
    try {
      this.ticket = await this.options.ticket(renew);
    } catch {
      this.lost();
      return;
    }
    if (this.closed || this.socket) return;
    const { addresses } = this.options;
    const address = addresses[this.attempt % addresses.length] ?? "";
    const socket = (this.options.connect ?? openSocket)(address);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    const tooLong = setTimeout(() => this.abandon(socket), OPENING_MS);
    socket.onopen = () => {
      clearTimeout(tooLong);
      this.opened(socket);
    };
    socket.onmessage = (event) => this.heard(socket, event.data as ArrayBuffer | string);
    socket.onclose = () => {
      clearTimeout(tooLong);
      this.abandon(socket);
    };
  }

  private opened(socket: WebSocket): void {
    this.everOpened = true;
    this.heardAt = performance.now();
    const ids = (this.programme?.renditions ?? []).filter((r) => this.wanted.includes(r.name)).map((r) => r.id);
    const from = ids.length === this.wanted.length ? this.positions.resumeFrom(ids) : null;
    socket.send(from ? wire.resume(from, this.wanted, this.ticket) : wire.subscribe(this.wanted, this.ticket));
  }

  private heard(socket: WebSocket, data: ArrayBuffer | string): void {
    if (socket !== this.socket || typeof data === "string") return;
    this.heardAt = performance.now();
    try {
      this.handle(wire.unpack(data));
    } catch (error) {
      if (!(error instanceof wire.BadFrame)) throw error;
      console.warn("feed:", error.message);
      this.abandon(socket);
    }
  }

  private handle({ header, payload }: wire.Message): void {
    const { listener } = this.options;
    switch (header.kind) {
      case wire.Kind.RENDITIONS:
        this.programme = wire.asProgramme(payload);
        // Only now is the connection good: a server that closes right after the upgrade must not reset the back-off.
        this.attempt = 0;
        this.tell({ is: "open" });
        listener.programme(this.programme);
        return;
      case wire.Kind.INIT:
        listener.init(header, payload);
        return;
      case wire.Kind.PART:
        if (this.positions.take(header)) listener.part(header, payload);
        return;
      case wire.Kind.END:
        listener.end();
        return;
      case wire.Kind.BYE:
        this.bye = wire.asBye(payload);
        return;
      case wire.Kind.FRAME:
      case wire.Kind.GAP:
      case wire.Kind.SELECTED:
      case wire.Kind.MOVE:
        return;
    }
  }

  /** This socket is over, by whomever. */
  private abandon(socket: WebSocket): void {
    if (socket !== this.socket) return;
    this.drop();
    if (!this.closed) this.lost();
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  private lost(): void {
    if (this.closed) return;
    const bye = this.bye;
    this.bye = null;
    if (bye && bye.retry_ms < 0 && !isAboutTheTicket(bye.code)) {
      this.options.listener.dismissed(bye.code);
      return;
    }
    this.attempt += 1;
    const wait =
      bye && bye.retry_ms > 0
        ? askedWaitMs(bye.retry_ms, this.random())
        : waitMs(BACKOFF, this.attempt, this.random());
    if (this.attempt === BLOCKED_AFTER && !this.everOpened) this.options.listener.blocked();
    if (this.closed) return;
    this.tell({ is: "lost", attempt: this.attempt, nextAtMs: performance.now() + wait });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.open(true), wait);
  }

  private checkSilence(): void {
    const runs = this.programme?.state === "live" || this.programme?.state === "slate";
    const socket = this.socket;
    if (!socket || socket.readyState !== WebSocket.OPEN || (navigator.onLine && !runs)) return;
    const silence = performance.now() - this.heardAt;
    if (this.wanted.length > 0 && silence > (navigator.onLine ? SILENCE_MS : SILENCE_OFFLINE_MS)) this.abandon(socket);
  }

  /** The network came back: the rest of the wait is pointless. */
  private readonly hurry = (): void => {
    if (this.socket || this.attempt === 0) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.open(true), this.random() * 500);
  };

  private tell(state: LinkState): void {
    this.options.listener.link(state);
  }
}

function isAboutTheTicket(code: string): boolean {
  return code === "bad_ticket" || code === "ticket_expired" || code === "unauthorized";
}
