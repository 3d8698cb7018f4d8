// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Problem } from "../../src/core/problem";
import { Publisher, type PublishState } from "../../src/media/publisher";
import { publish, unpublish } from "../../src/net/whip";

vi.mock("../../src/net/whip", () => ({ publish: vi.fn(), unpublish: vi.fn(async () => undefined) }));

class DtlsTransport extends EventTarget {
  state = "connected";
}

/** A connection that does what a test says. */
class Connection {
  static opened: Connection[] = [];
  readonly iceGatheringState = "complete";
  readonly localDescription = { sdp: "v=0\r\n" };
  readonly dtls = new DtlsTransport();
  connectionState = "new";
  onconnectionstatechange: (() => void) | null = null;

  constructor() {
    Connection.opened.push(this);
  }

  addTransceiver(): object {
    const sender = { transport: this.dtls, replaceTrack: async () => undefined, getParameters: () => ({}), setParameters: async () => undefined };
    return { sender, setCodecPreferences: () => undefined };
  }

  async setLocalDescription(): Promise<void> {}
  async setRemoteDescription(): Promise<void> {}
  async getStats(): Promise<Map<string, object>> {
    return new Map();
  }
  close(): void {}

  connect(): void {
    this.connectionState = "connected";
    this.onconnectionstatechange?.();
  }

  /** As the server does in good order: a restart, or another source of the same person. */
  breakOff(): void {
    this.dtls.state = "closed";
    this.dtls.dispatchEvent(new Event("statechange"));
  }
}

const states: PublishState[] = [];
let publisher: Publisher;

const newest = () => Connection.opened.at(-1) as Connection;
const named = () => vi.mocked(publish).mock.calls.map(([, , broken]) => broken);
const settle = () => vi.advanceTimersByTimeAsync(0);

async function goOnAir(): Promise<void> {
  publisher.start();
  await settle();
  newest().connect();
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  Connection.opened = [];
  states.length = 0;
  vi.stubGlobal("RTCPeerConnection", Connection);
  vi.stubGlobal("RTCDtlsTransport", DtlsTransport);
  vi.stubGlobal("MediaStream", class {});
  let sessions = 0;
  vi.mocked(publish).mockImplementation(async () => ({ answer: "v=0\r\n", resource: `https://plenum/whip/e/session-${(sessions += 1)}` }));
  publisher = new Publisher("/whip/e", (state) => states.push(state));
});

afterEach(() => {
  void publisher.end();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("after a broken connection the new attempt names the session that broke", async () => {
  await goOnAir();
  newest().breakOff();
  await settle();
  newest().connect();
  newest().breakOff();
  await settle();
  expect(named()).toEqual([null, "https://plenum/whip/e/session-1", "https://plenum/whip/e/session-2"]);
});

test("an attempt without an answer leaves the name of the session before", async () => {
  await goOnAir();
  vi.mocked(publish).mockRejectedValueOnce(new Problem(0, "offline", "no answer"));
  newest().breakOff();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(named().slice(1, 3)).toEqual(["https://plenum/whip/e/session-1", "https://plenum/whip/e/session-1"]);
});

test("whom another window replaced does not take the place back by itself", async () => {
  await goOnAir();
  vi.mocked(publish).mockRejectedValueOnce(new Problem(409, "replaced", "Another window of yours is on air."));
  newest().breakOff();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(states.at(-1)).toMatchObject({ is: "refused", problem: { code: "replaced" } });
  expect(publish).toHaveBeenCalledTimes(2);
  await goOnAir();
  expect(named().at(-1)).toBeNull();
  expect(states.at(-1)).toEqual({ is: "air" });
  expect(unpublish).not.toHaveBeenCalled();
});
