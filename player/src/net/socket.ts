/**
 * The line to the audience socket: opens it, says hello, keeps it alive, and comes back when it breaks.
 *
 * It knows when to connect and what to wait; what messages mean is its owner's business. Two things are told apart: a
 * server that cannot take us now (a lost line, `bye` with `retry_ms`: we come back, spread out) and one that never will
 * (401, 403, 404 on joining, `bye` without `retry_ms`: `onRefused`, and silence).
 */
import { askedWaitMs, waitMs } from "../core/backoff";
import type { LinkState } from "../core/link";
import { Problem } from "../core/problem";
import { readServerMessage, SUBPROTOCOL, VERSION, type ClientMessage, type Position, type ServerMessage, type View } from "../core/protocol";

const BACKOFF = { firstMs: 500, mostMs: 15_000 };
/** The server pings every 20 s. Two missed and the line is dead, whatever the browser believes. */
const SILENT_MS = 45_000;
const FINAL_STATUS: ReadonlySet<number> = new Set([401, 403, 404]);

/** Where to connect and the ticket to say hello with. Asked for again whenever a ticket may have run out. */
export interface Entrance {
  readonly url: string;
  readonly ticket: string;
  /** On the clock of `Date.now()`. */
  readonly validUntilMs: number;
}

export interface LineOwner {
  /** How to get in. May reject with a Problem. */
  enter(): Promise<Entrance>;
  readonly view: View;
  /** The last event we have, for a resume; null to be given everything. */
  last(): Position | null;
  onMessage(message: ServerMessage): void;
  onLink(link: LinkState): void;
  onRefused(code: string): void;
}

export class Line {
  private socket: WebSocket | null = null;
  private entrance: Entrance | null = null;
  private attempt = 0;
  private closed = false;
  private asked: { readonly waitMs: number; readonly code: string } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  /** A generation per connection: answers that come too late find theirs gone. */
  private generation = 0;

  constructor(private readonly owner: LineOwner) {
    addEventListener("online", this.hurry);
    document.addEventListener("visibilitychange", this.hurry);
    void this.open();
  }

  send(message: ClientMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Say hello on the open line, from `last`. Where no ticket is to be had for it, the line starts anew, after a wait. */
  async hello(): Promise<void> {
    const generation = this.generation;
    let entrance: Entrance;
    try {
      entrance = await this.validEntrance();
    } catch (error) {
      if (generation === this.generation && !this.closed) this.notIn(error);
      return;
    }
    if (generation !== this.generation) return;
    const last = this.owner.last();
    this.send({ t: "hello", v: VERSION, as: this.owner.view, ticket: entrance.ticket, ...(last ? { last } : {}) });
  }

  /** Connect anew with a new ticket. */
  renew(): void {
    if (this.closed) return;
    this.entrance = null;
    this.drop();
    this.owner.onLink({ is: "connecting" });
    void this.open();
  }

  close(): void {
    this.closed = true;
    removeEventListener("online", this.hurry);
    document.removeEventListener("visibilitychange", this.hurry);
    this.drop();
    this.owner.onLink({ is: "closed" });
  }

  private async validEntrance(): Promise<Entrance> {
    if (!this.entrance || this.entrance.validUntilMs < Date.now()) this.entrance = await this.owner.enter();
    return this.entrance;
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    let entrance: Entrance;
    try {
      entrance = await this.validEntrance();
    } catch (error) {
      if (generation === this.generation && !this.closed) this.notIn(error);
      return;
    }
    if (generation !== this.generation || this.closed) return;
    const socket = new WebSocket(entrance.url, SUBPROTOCOL);
    this.socket = socket;
    const isCurrent = () => this.socket === socket;
    socket.onopen = () => {
      this.listen();
      void this.hello();
    };
    socket.onmessage = (event) => isCurrent() && this.hear(String(event.data));
    socket.onclose = () => isCurrent() && this.lost();
    this.listen();
  }

  private notIn(error: unknown): void {
    if (error instanceof Problem && FINAL_STATUS.has(error.status)) this.refuse(error.code);
    else this.lost();
  }

  private hear(text: string): void {
    this.listen();
    const message = readServerMessage(text);
    if (!message) return;
    if (message.t === "ping") this.send({ t: "pong" });
    else if (message.t === "bye") this.part(message);
    else {
      if (message.t === "welcome") {
        this.attempt = 0;
        this.owner.onLink({ is: "open" });
      }
      this.owner.onMessage(message);
    }
  }

  private part(bye: { code: string; retry_ms?: number }): void {
    if (typeof bye.retry_ms !== "number" || bye.retry_ms < 0) return this.refuse(bye.code);
    // Whatever the reason, a fresh ticket does no harm and heals an expired one.
    this.entrance = null;
    this.asked = { waitMs: bye.retry_ms, code: bye.code };
    this.lost();
  }

  private refuse(code: string): void {
    this.close();
    this.owner.onRefused(code);
  }

  private lost(): void {
    this.drop();
    if (this.closed) return;
    this.attempt += 1;
    const random = Math.random();
    const asked = this.asked;
    this.asked = null;
    const wait = asked ? askedWaitMs(asked.waitMs, random) : waitMs(BACKOFF, this.attempt, random);
    const lost = { is: "lost", attempt: this.attempt, nextAtMs: performance.now() + wait } as const;
    this.owner.onLink(asked ? { ...lost, code: asked.code } : lost);
    this.timer = setTimeout(() => void this.open(), wait);
  }

  private drop(): void {
    this.generation += 1;
    clearTimeout(this.timer);
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private listen(): void {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => this.lost(), SILENT_MS);
  }

  /** Network or tab came back: why wait any longer? A line that was to be spread out by the server keeps its wait. */
  private readonly hurry = (): void => {
    const isWaiting = !this.socket && this.attempt > 1 && !this.closed;
    if (!isWaiting || !navigator.onLine || document.visibilityState === "hidden") return;
    clearTimeout(this.timer);
    void this.open();
  };
}
