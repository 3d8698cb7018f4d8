/**
 * One WebSocket to one address of the feed: opens in time or not at all, hands over whole messages, says once that it is over.
 *
 * It decides nothing: net/feed.ts does.
 */
import * as wire from "../core/wire";

const OPENING_MS = 4000;

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
  /** Media came: from then on silence means something. */
  hasCarried = false;
  /** What the server said before it closed. */
  bye: wire.Bye | null = null;
  private socket: WebSocket | null;
  private readonly tooLong: ReturnType<typeof setTimeout>;

  constructor(
    readonly address: string,
    private readonly owner: LineOwner,
    connect: Connect,
  ) {
    const socket = connect(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.heard(event.data as ArrayBuffer | string);
    socket.onclose = () => this.lose();
    this.socket = socket;
    this.tooLong = setTimeout(() => this.lose(), OPENING_MS);
  }

  get isOpen(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
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
    this.heardAt = performance.now();
    this.owner.opened(this);
  }

  private heard(data: ArrayBuffer | string): void {
    if (typeof data === "string") return;
    this.heardAt = performance.now();
    try {
      const message = wire.unpack(data);
      this.hasCarried ||= message.header.kind === wire.Kind.PART;
      if (message.header.kind === wire.Kind.BYE) this.bye = wire.asBye(message.payload);
      else this.owner.message(this, message);
    } catch (error) {
      if (!(error instanceof wire.BadFrame)) throw error;
      console.warn("feed:", error.message);
      this.lose();
    }
  }
}
