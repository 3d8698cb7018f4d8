// @vitest-environment happy-dom
/** A socket in a frame of its own, which ends with the frame. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { SeverableSockets } from "../../src/net/severable";

/** A socket as far as it matters here, of the page or of a frame. */
class Socket extends EventTarget {
  static made: Socket[] = [];
  closed = false;
  constructor(readonly address: URL) {
    super();
    Socket.made.push(this);
  }
  close(): void {
    this.closed = true;
  }
}
class InsideSocket extends Socket {}

const frames = () => [...document.querySelectorAll("iframe")];

let sockets: SeverableSockets;

beforeEach(() => {
  Socket.made = [];
  vi.stubGlobal("WebSocket", Socket);
  vi.spyOn(HTMLIFrameElement.prototype, "contentWindow", "get").mockReturnValue({ WebSocket: InsideSocket } as unknown as Window & typeof globalThis);
  sockets = new SeverableSockets();
});

afterEach(() => {
  sockets.close();
  document.body.replaceChildren();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("each socket is one of a frame of its own, and the next frame is made ahead", () => {
  const one = sockets.open("/feed") as unknown as Socket;
  const two = sockets.open("/feed") as unknown as Socket;
  expect([one, two].every((socket) => socket instanceof InsideSocket)).toBe(true);
  expect(one.address.protocol).toBe("ws:");
  expect(frames()).toHaveLength(3);
});

test("frames are seen by nobody", () => {
  expect(frames().map((frame) => [frame.hidden, frame.ariaHidden])).toEqual([[true, "true"]]);
});

test("a severed socket's frame goes with it, no other, and nothing is said on it", () => {
  const [first] = frames();
  const one = sockets.open("/feed");
  const [, second] = frames();
  sockets.open("/feed");
  sockets.sever(one);
  expect(first?.isConnected).toBe(false);
  expect(second?.isConnected).toBe(true);
  expect((one as unknown as Socket).closed).toBe(false);
});

test("a socket that closes by itself leaves no frame, after all have heard of it", async () => {
  const one = sockets.open("/feed");
  let framesWhenHeard = 0;
  one.addEventListener("close", () => (framesWhenHeard = document.querySelectorAll("iframe").length));
  one.dispatchEvent(new Event("close"));
  expect(framesWhenHeard).toBe(2);
  await new Promise((turn) => setTimeout(turn));
  expect(frames()).toHaveLength(1);
  sockets.sever(one);
  expect(frames()).toHaveLength(1);
});

test("a browser that fills a frame late has the page's own socket", () => {
  vi.spyOn(HTMLIFrameElement.prototype, "contentWindow", "get").mockReturnValue(null);
  const one = sockets.open("/feed");
  expect(one).toBeInstanceOf(Socket);
  expect(one).not.toBeInstanceOf(InsideSocket);
});

test("closed, the frame that was made ahead is gone too", () => {
  sockets.close();
  expect(frames()).toHaveLength(0);
});
