/** The server's end of the question socket, scripted by a test: it accepts, hears and says what the test wants. */
import { vi } from "vitest";

import type { ClientMessage, ServerMessage } from "../../src/core/protocol";

export class ScriptedSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 3;
  /** Every connection that the page opened, oldest first. */
  static opened: ScriptedSocket[] = [];

  readyState = ScriptedSocket.CONNECTING;
  readonly heard: ClientMessage[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(
    readonly url: string,
    readonly protocol: string,
  ) {
    ScriptedSocket.opened.push(this);
  }

  send(text: string): void {
    this.heard.push(JSON.parse(text) as ClientMessage);
  }

  close(): void {
    this.readyState = ScriptedSocket.CLOSED;
  }

  // What the test does

  accept(): void {
    this.readyState = ScriptedSocket.OPEN;
    this.onopen?.();
  }

  say(message: ServerMessage | { t: string }): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  break(): void {
    this.readyState = ScriptedSocket.CLOSED;
    this.onclose?.();
  }

  heardOf<T extends ClientMessage["t"]>(t: T): Extract<ClientMessage, { t: T }>[] {
    return this.heard.filter((one): one is Extract<ClientMessage, { t: T }> => one.t === t);
  }
}

/** Puts the scripted socket in the browser's place; undone by vi.unstubAllGlobals(). */
export function scriptSockets(): void {
  ScriptedSocket.opened = [];
  vi.stubGlobal("WebSocket", ScriptedSocket);
}

export function newest(): ScriptedSocket {
  const socket = ScriptedSocket.opened.at(-1);
  if (!socket) throw new Error("no connection was opened");
  return socket;
}

/** Let promises and timers of up to so many milliseconds run. */
export async function pass(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}
