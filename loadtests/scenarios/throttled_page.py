"""A watch page on Auto whose line becomes narrow for a while and then free again.

Chromium plays the real page. Limited is what comes from the platform's TCP port (`line.narrow_from`, a queue of 300 ms), or
with `--devtools` what Chromium's own throttling lets through. The page's account (`window.plenum.stats()`) says when it
was told of another picture; whether the sound stopped is also heard by an analyser on the element itself.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from typing import Any

from playwright.async_api import CDPSession, Page

from loadtests import line
from loadtests.bench.latency import present_clock
from loadtests.running_platform import Platform
from loadtests.scenarios.figures import Figure
from loadtests.staging import staged

TITLE = "a watch page whose line becomes narrow and free again"
TOP = "720p"
KBIT = 600
PACKET_BYTES, READ_BYTES = 1500, 1000
"""Chromium's throttling counts whole packets of 1500 bytes, and what it reads from a WebSocket comes in pieces of 1000 at most.
Measured with nothing but WebSockets: of 600 kbit/s that were set 355 to 395 arrive, less than the smallest picture and sound."""
SETTLE_S = 12.0
LOOK_S = 0.1
NEVER_S = 999.0
MOVING_AGAIN_MS = 1000
"""For its length, pictures that come one by one, late, in the middle of a freeze do not end it."""

LISTEN = """
() => {
  const video = document.querySelector("video");
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 1024 });
  audio.createMediaElementSource(video).connect(analyser);
  analyser.connect(audio.destination);
  const samples = new Float32Array(analyser.fftSize);
  const heard = { quietMs: 0, gaps: [], pictures: [], lastPicture: performance.now() };
  let last = performance.now(), since = null;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const now = performance.now();
    const level = Math.hypot(...samples) / Math.sqrt(samples.length);
    if (level < 1e-4) { heard.quietMs += now - last; since ??= last; }
    else if (since !== null) { heard.gaps.push(Math.round(now - since)); since = null; }
    last = now;
  }, 20);
  const shown = () => {
    const now = performance.now();
    if (now - heard.lastPicture > 400) heard.pictures.push([heard.lastPicture, now]);
    heard.lastPicture = now;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  globalThis.heard = heard;
  return audio.resume();
}
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--narrow-seconds", type=float, default=30.0)
    parser.add_argument("--free-seconds", type=float, default=100.0)
    parser.add_argument(
        "--devtools", action="store_true", help="limit by Chromium's own throttling instead of the line"
    )


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    line.enter()
    line.lay()
    line.small_packets()
    async with staged("A narrow line", line.SETTINGS) as stage:
        await present_clock(stage.browser, stage.links["presenter"], stage.event)
        page = await stage.browser.new_page(viewport={"width": 1600, "height": 1000})
        await page.goto(stage.links["viewer"])
        limit = await _limit(page, stage.platform, by_devtools=options.devtools)
        return await Watching(page, limit, show).measure(options.narrow_seconds, options.free_seconds)


Limit = Callable[[int], Any]


async def _limit(page: Page, platform: Platform, *, by_devtools: bool) -> Limit:
    """Sets how many kbit/s get through; 0 for all."""
    if not by_devtools:
        port = int(platform.url.rpartition(":")[2])

        async def by_line(kbit_s: int) -> None:
            await asyncio.to_thread(line.narrow_from, port, kbit_s) if kbit_s else await asyncio.to_thread(line.widen)

        return by_line
    session: CDPSession = await page.context.new_cdp_session(page)
    await session.send("Network.enable")

    async def by_browser(kbit_s: int) -> None:
        bytes_s = kbit_s * 125 * PACKET_BYTES // READ_BYTES if kbit_s else -1
        conditions = {"offline": False, "latency": 0, "downloadThroughput": bytes_s, "uploadThroughput": -1}
        await session.send("Network.emulateNetworkConditions", conditions)

    return by_browser


class Watching:
    """The page's and the ear's account while the line is one way and the other."""

    def __init__(self, page: Page, limit: Limit, show: Callable[[str], None]) -> None:
        self._page = page
        self._limit = limit
        self._show = show

    async def measure(self, narrow_s: float, free_s: float) -> list[Figure]:
        await self._page.wait_for_function("() => document.querySelector('video')?.currentTime > 1", timeout=30_000)
        await self._page.evaluate(LISTEN)
        await self._until(TOP, 30)
        await asyncio.sleep(SETTLE_S)
        before, ear_before = await self._stats(), await self._heard()
        narrowed = time.time() * 1000
        await self._limit(KBIT)
        self._show(f"{KBIT} kbit/s")
        await self._watch(narrow_s)
        freed = time.time() * 1000
        await self._limit(0)
        self._show("free")
        back_s = await self._until(TOP, free_s)
        returned = time.time() * 1000
        await self._watch(max(0.0, free_s - min(back_s, free_s)))
        after, ear = await self._stats(), await self._heard()
        decided = [each["at"] for each in after["switches"] if narrowed <= each["at"] < freed]
        later = [each for each in after["switches"] if each["at"] > returned]
        pauses = ear["pictures"][len(ear_before["pictures"]) :]
        freezes = _freezes(pauses)
        gaps = ear["gaps"][len(ear_before["gaps"]) :]
        for each in after["switches"]:
            self._show(f"{(each['at'] - narrowed) / 1000:8.2f} s  {each['rendition'] or 'no picture'} ({each['why']})")
        late = [(round(one[0] - pauses[0][0]), round(one[1] - one[0])) for one in pauses]
        self._show(f"no picture (from, for ms): {late}; silences in ms: {gaps}; {after}")
        return [
            Figure(
                "first decision after the limit", (min(decided) - narrowed) / 1000 if decided else NEVER_S, "s", most=2
            ),
            Figure("sound stopped, by the page", after["silentMs"] - before["silentMs"], "ms", most=0),
            Figure("sound stopped, as heard", ear["quietMs"] - ear_before["quietMs"], "ms", most=0),
            Figure("picture stood still, by the page", (after["frozenMs"] - before["frozenMs"]) / 1000, "s"),
            Figure("freezes beyond 0.4 s", len(pauses), most=1),
            Figure(
                "longest freeze, short motion between two counted in", max(freezes, default=0.0) / 1000, "s", most=3
            ),
            Figure("back at the top after the limit", back_s, "s", most=30),
            Figure("switches after that", len(later), most=0),
            Figure("stalls", after["stalls"] - before["stalls"]),
        ]

    async def _watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await asyncio.sleep(min(5.0, max(0.1, end - time.monotonic())))
            now = await self._stats()
            kept = ("rendition", "buffered_s", "latency_ms", "frozenMs", "silentMs", "stalls")
            self._show("  " + ", ".join(f"{name} {now[name]}" for name in kept))

    async def _until(self, rendition: str, within_s: float) -> float:
        began = time.monotonic()
        while (await self._stats())["rendition"] != rendition:
            if time.monotonic() - began > within_s:
                return NEVER_S
            await asyncio.sleep(LOOK_S)
        return time.monotonic() - began

    async def _stats(self) -> dict[str, Any]:
        return dict(await self._page.evaluate("window.plenum.stats()"))

    async def _heard(self) -> dict[str, Any]:
        return dict(await self._page.evaluate("globalThis.heard"))


def _freezes(pauses: list[list[float]]) -> list[float]:
    """How long each was, in ms: pauses with hardly a moving picture between them are one."""
    freezes: list[list[float]] = []
    for began, ended in pauses:
        if freezes and began - freezes[-1][1] < MOVING_AGAIN_MS:
            freezes[-1][1] = ended
        else:
            freezes.append([began, ended])
    return [ended - began for began, ended in freezes]
