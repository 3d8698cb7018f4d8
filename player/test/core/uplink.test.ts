import { expect, test } from "vitest";

import { sampleOf, uplinkBetween } from "../../src/core/uplink";

function look(atMs: number, bytes: number, packets: number, frames: number, lost: number) {
  return sampleOf(
    [
      { type: "codec" },
      {
        type: "outbound-rtp",
        kind: "video",
        bytesSent: bytes,
        headerBytesSent: 0,
        packetsSent: packets,
        framesEncoded: frames,
        frameWidth: 1280,
        frameHeight: 720,
        qualityLimitationReason: "cpu",
      },
      { type: "outbound-rtp", kind: "audio", bytesSent: 1000, packetsSent: 50 },
      { type: "remote-inbound-rtp", kind: "video", packetsLost: lost },
      { type: "candidate-pair", nominated: false, currentRoundTripTime: 9 },
      { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.018, bytesReceived: 777 },
    ],
    atMs,
  );
}

test("what went out between two looks, and what the other side missed", () => {
  const uplink = uplinkBetween(look(0, 100_000, 100, 0, 0), look(2000, 725_000, 300, 60, 4));
  expect(uplink).toEqual({
    bitrateBps: 2_500_000,
    width: 1280,
    height: 720,
    fps: 30,
    roundTripMs: 18,
    loss: 0.02,
    limitedBy: "cpu",
  });
});

test("two looks at different connections say nothing", () => {
  expect(uplinkBetween(look(0, 500_000, 100, 0, 0), look(1000, 100, 3, 1, 0))).toBeNull();
  expect(uplinkBetween(look(5, 100, 1, 1, 0), look(5, 100, 1, 1, 0))).toBeNull();
});

test("a loss that is corrected later is not negative", () => {
  expect(uplinkBetween(look(0, 0, 0, 0, 9), look(1000, 1000, 50, 30, 3))?.loss).toBe(0);
});

test("feedback is counted on the pair in use", () => {
  expect(look(0, 0, 0, 0, 0).bytesReceived).toBe(777);
});
