import { expect, test } from "vitest";

import { largestFor, linesFor, subscriptionFor } from "../../src/core/lines";
import { AUDIO_ONLY, AUTO, firstChoice, rungs } from "../../src/core/quality";
import type { Programme, Rendition } from "../../src/core/wire";

function video(id: number, height: number, bitrate: number): Rendition {
  return { id, name: `${height}p`, kind: "video", bitrate_bps: bitrate, codec: "avc1.42c01f", timescale: 90_000, height };
}

const AUDIO: Rendition = { id: 9, name: "audio", kind: "audio", bitrate_bps: 128_000, codec: "mp4a.40.2", timescale: 48_000 };

function programme(...renditions: readonly Rendition[]): Programme {
  return { renditions, state: "live", epoch: 1, part_s: 0.2, segment_s: 2, on_air: "", started_at_ms: 0, degraded: false };
}

const LADDER = programme(video(1, 480, 900_000), video(0, 720, 1_800_000), AUDIO, video(2, 360, 500_000));

test("the menu lists the largest first and the sound alone last, each with what it costs", () => {
  expect(rungs(LADDER)).toEqual([
    { choice: "720p", height: 720, bitrateBps: 1_928_000 },
    { choice: "480p", height: 480, bitrateBps: 1_028_000 },
    { choice: "360p", height: 360, bitrateBps: 628_000 },
    { choice: AUDIO_ONLY, height: 0, bitrateBps: 128_000 },
  ]);
});

test("without sound there is no audio only", () => {
  expect(rungs(programme(video(0, 720, 1))).map((rung) => rung.choice)).toEqual(["720p"]);
});

test("no larger picture is asked for than the screen can show", () => {
  expect(largestFor(LADDER, 800)).toBe("720p");
  expect(largestFor(LADDER, 400)).toBe("480p");
  expect(largestFor(LADDER, 10)).toBe("360p");
});

test("what the person chose last time is chosen again, while it exists; else the server chooses", () => {
  expect(firstChoice(LADDER, "360p")).toBe("360p");
  expect(firstChoice(LADDER, AUDIO_ONLY)).toBe(AUDIO_ONLY);
  expect(firstChoice(LADDER, "1080p")).toBe(AUTO);
  expect(firstChoice(LADDER, null)).toBe(AUTO);
  expect(firstChoice(programme(AUDIO), null)).toBe(AUDIO_ONLY);
});

test("picture and sound have a line each", () => {
  expect(linesFor(LADDER, AUTO, 500)).toEqual([
    { renditions: [AUTO], most: "480p" },
    { renditions: ["audio"], most: "" },
  ]);
  expect(linesFor(LADDER, "720p", 500)[0]).toEqual({ renditions: ["720p"], most: "" });
});

test("sound alone, or a picture without sound, has one line", () => {
  expect(linesFor(LADDER, AUDIO_ONLY, 500)).toEqual([
    { renditions: ["audio"], most: "" },
    { renditions: [], most: "" },
  ]);
  expect(linesFor(programme(video(0, 720, 1)), "720p", 500)[1]).toEqual({ renditions: [], most: "" });
});

test("a choice is subscribed to with its sound", () => {
  expect(subscriptionFor(LADDER, "480p")).toEqual(["480p", "audio"]);
  expect(subscriptionFor(LADDER, AUDIO_ONLY)).toEqual(["audio"]);
});
