/**
 * One WebSocket to one address of the feed: opens in time or not at all, hands over whole messages, says once that it is over.
 *
 * It decides nothing: net/feed.ts does.
 */
import type { Heard } from "../core/silence";
import * as wire from "../core/wire";

const OPENING_MS = 4000;
/** A healthy line brings something each 200 ms; one with such a wait is not in time. */
const IN_TIME_MS = 700;
const STEADY_MS = 3000;

export interface LineOwner {
  opened(line: Line): void;
  message(line: Line, message: wire.Message): void;
  /** Over by itself, or because of what it said; not after `close`. */
  lost(line: Line): void;
}

export type Connect = (address: string) => WebSocket;

export function openSocket(address: string, Socket: typeof WebSocket = WebSocket): WebSocket {
  const url = new URL(address, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return new Socket(url, wire.SUBPROTOCOL);
}

export class Line {
  heardAt = performance.now();
  readonly since = performance.now();
  /** It said anything at all: the way there lets a WebSocket through. */
  hasSpoken = false;
  hasProgramme = false;
  /** Media came: from then on silence means something. */
  hasCarried = false;
  /** What the server said before it closed. */
  bye: wire.Bye | null = null;
  private socket: WebSocket | null;
  private openedAt = this.since;
  private steadySince = this.since;
  private readonly tooLong: ReturnType<typeof setTimeout>;

  constructor(
    readonly address: string,
    private readonly owner: LineOwner,
    connect: Connect,
  ) {
    const socket = connect(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.take(event.data as ArrayBuffer | string);
    socket.onclose = () => this.lose();
    this.socket = socket;
    this.tooLong = setTimeout(() => this.lose(), OPENING_MS);
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** What its silence is judged by. */
  heard(): Heard {
    const now = performance.now();
    return {
      hasSpoken: this.hasSpoken,
      hasProgramme: this.hasProgramme,
      hasCarried: this.hasCarried,
      wasSteady: this.heardAt - this.steadySince >= STEADY_MS,
      openMs: now - this.openedAt,
      silentMs: now - this.heardAt,
    };
  }

  send(text: string): void {
    if (this.isOpen) this.socket?.send(text);
  }

  /** Ends it and tells the owner, as if it had broken. */
  lose(): void {
    if (!this.socket) return;
    this.close();
    this.owner.lost(this);
  }

  close(): void {
    this.leave()?.close();
  }

  /** Without a farewell: what is on its way is not waited for. */
  sever(sever: (socket: WebSocket) => void): void {
    const socket = this.leave();
    if (socket) sever(socket);
  }

  private leave(): WebSocket | null {
    clearTimeout(this.tooLong);
    const { socket } = this;
    this.socket = null;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  private opened(): void {
    clearTimeout(this.tooLong);
    this.heardAt = this.openedAt = this.steadySince = performance.now();
    this.owner.opened(this);
  }

  private take(data: ArrayBuffer | string): void {
    if (typeof data === "string") return;
    const now = performance.now();
    if (now - this.heardAt > IN_TIME_MS) this.steadySince = now;
    this.heardAt = now;
    this.hasSpoken = true;
    try {
      const message = wire.unpack(data);
      this.hasProgramme ||= message.header.kind === wire.Kind.RENDITIONS;
      this.hasCarried ||= message.header.kind === wire.Kind.PART;
      if (message.header.kind === wire.Kind.BYE) this.bye = wire.asBye(message.payload);
      else if (!isMereSign(message)) this.owner.message(this, message);
    } catch (error) {
      if (!(error instanceof wire.BadFrame)) throw error;
      console.warn("feed:", error.message);
      this.lose();
    }
  }
}

/** Padding of no length: a server that does not know the programme yet says that it is there. */
function isMereSign({ header, payload }: wire.Message): boolean {
  return header.kind === wire.Kind.PADDING && payload.length === 0;
}
