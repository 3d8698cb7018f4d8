/**
 * WebSockets that can be ended at once, with all that is still on its way through them.
 *
 * `close()` waits for the other end's word, which comes behind everything that a proxy, or the browser, has swallowed before:
 * seconds of a picture that the line does not carry, beside the line that replaces it. A socket ends at once with the document
 * that opened it, so each gets an empty frame of its own. One is made ahead: some browsers fill a new frame a moment later.
 */
import { openSocket } from "./line";

function makeFrame(): HTMLIFrameElement {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.ariaHidden = "true";
  document.body.append(frame);
  return frame;
}

export class SeverableSockets {
  private readonly frames = new Map<WebSocket, HTMLIFrameElement>();
  private spare: HTMLIFrameElement | null = makeFrame();

  open(address: string): WebSocket {
    const frame = this.spare ?? makeFrame();
    const inside = frame.contentWindow as (Window & { WebSocket?: typeof WebSocket }) | null;
    const socket = openSocket(address, inside?.WebSocket ?? WebSocket);
    this.spare = makeFrame();
    this.frames.set(socket, frame);
    // Not at once: a socket without its document tells nobody else that it was closed.
    socket.addEventListener("close", () => setTimeout(() => this.sever(socket)));
    return socket;
  }

  sever(socket: WebSocket): void {
    this.frames.get(socket)?.remove();
    this.frames.delete(socket);
  }

  close(): void {
    this.spare?.remove();
    this.spare = null;
  }
}
