import { expect, test } from "vitest";

import { preferredCodecs, withSteadySound } from "../../src/core/sdp";

const answer = (...lines: readonly string[]) => `${lines.join("\r\n")}\r\n`;

test("our browser is told to send mono sound without pauses, other parameters stay", () => {
  const before = answer("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=mid:0");
  expect(withSteadySound(before)).toBe(
    answer(
      "m=audio 9 UDP/TLS/RTP/SAVPF 111",
      "a=rtpmap:111 opus/48000/2",
      "a=fmtp:111 minptime=10;stereo=0;usedtx=0;useinbandfec=1;maxaveragebitrate=64000",
      "a=mid:0",
    ),
  );
});

test("an answer without parameters for Opus gets them", () => {
  const before = answer("a=rtpmap:96 opus/48000/2", "a=rtcp-mux");
  expect(withSteadySound(before)).toBe(
    answer("a=rtpmap:96 opus/48000/2", "a=fmtp:96 stereo=0;usedtx=0;useinbandfec=1;maxaveragebitrate=64000", "a=rtcp-mux"),
  );
});

test("an answer without Opus stays as it is", () => {
  const before = answer("a=rtpmap:0 PCMU/8000");
  expect(withSteadySound(before)).toBe(before);
});

test("H.264 baseline is offered first, then VP8, then what repeats them; nothing else", () => {
  const codec = (mimeType: string, sdpFmtpLine = "") => ({ mimeType, sdpFmtpLine });
  const offered = [
    codec("video/VP8"),
    codec("video/rtx"),
    codec("video/VP9"),
    codec("video/H264", "packetization-mode=0;profile-level-id=42e01f"),
    codec("video/H264", "packetization-mode=1;profile-level-id=4d001f"),
    codec("video/H264", "packetization-mode=1;profile-level-id=42e01f"),
    codec("video/AV1"),
  ];
  expect(preferredCodecs(offered).map((c) => c.mimeType)).toEqual(["video/H264", "video/VP8", "video/rtx"]);
  expect(preferredCodecs(offered)[0]?.sdpFmtpLine).toContain("42e01f");
});

test("a browser that knows none of them offers what it has", () => {
  const strange = [{ mimeType: "video/AV1" }];
  expect(preferredCodecs(strange)).toEqual(strange);
});
