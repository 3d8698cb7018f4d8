import { expect, test } from "vitest";

import {
  cameraOutcome,
  CHECKS,
  codecOutcome,
  mayGoLive,
  microphoneOutcome,
  serverOutcome,
  UNMADE,
  withOutcome,
} from "../../src/core/checks";

test("no check is green before it was made", () => {
  expect(CHECKS.map((name) => UNMADE[name].is)).toEqual(["unmade", "unmade", "unmade", "unmade"]);
});

test("a camera is good by the frames that arrived", () => {
  expect(cameraOutcome(1280, 720, 29.7)).toEqual({ is: "good", finding: { what: "picture", width: 1280, height: 720, fps: 30 } });
  expect(cameraOutcome(1280, 720, 8).is).toBe("warn");
  expect(cameraOutcome(320, 240, 30).is).toBe("warn");
  expect(cameraOutcome(720, 1280, 30).is).toBe("good");
  expect(cameraOutcome(1280, 720, 0)).toEqual({ is: "bad", finding: { what: "noPicture" } });
});

test("a microphone is good when somebody was heard, neither faint nor clipped", () => {
  expect(microphoneOutcome(-14.2)).toEqual({ is: "good", finding: { what: "peak", db: -14 } });
  expect(microphoneOutcome(-60).is).toBe("warn");
  expect(microphoneOutcome(-40).is).toBe("warn");
  expect(microphoneOutcome(0).is).toBe("warn");
});

test("a server is good when it answered", () => {
  expect(serverOutcome(12.4)).toEqual({ is: "good", finding: { what: "reached", ms: 12 } });
  expect(serverOutcome(1500).is).toBe("warn");
  expect(serverOutcome(null).is).toBe("bad");
});

test("the video format is what the browser can send", () => {
  expect(codecOutcome(["video/VP8", "video/H264", "video/rtx"])).toEqual({ is: "good", finding: { what: "h264" } });
  expect(codecOutcome(["video/VP8"]).is).toBe("warn");
  expect(codecOutcome([]).is).toBe("bad");
  expect(codecOutcome(null)).toEqual({ is: "bad", finding: { what: "noWebRtc" } });
});

test("going live needs a device, and nothing that cannot work", () => {
  expect(mayGoLive(UNMADE, true, false)).toBe(true);
  expect(mayGoLive(UNMADE, false, true)).toBe(true);
  expect(mayGoLive(UNMADE, false, false)).toBe(false);
  expect(mayGoLive(withOutcome(UNMADE, "codec", codecOutcome([])), true, true)).toBe(false);
  expect(mayGoLive(withOutcome(UNMADE, "microphone", microphoneOutcome(-60)), true, true)).toBe(true);
});
