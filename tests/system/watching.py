"""Measures what a viewer's page really shows: moving pictures, audible sound, the number in the picture.

Everything is read from the video element's own pixels and samples, never from what the page says about itself.
"""

from __future__ import annotations

import asyncio
from typing import Any

from playwright.async_api import Page

_MOTION = """async ({ frames }) => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = null, changed = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    context.drawImage(video, 0, 0, 64, 36);
    const now = context.getImageData(0, 0, 64, 36).data;
    if (last && now.some((value, at) => Math.abs(value - last[at]) > 8)) changed += 1;
    last = now;
  }
  return changed;
}"""

_LEVEL = """async ({ ms }) => {
  const video = document.querySelector("video");
  globalThis.plenumProbe ??= (() => {
    const audio = new AudioContext();
    const analyser = new AnalyserNode(audio, { fftSize: 2048 });
    audio.createMediaElementSource(video).connect(analyser);
    analyser.connect(audio.destination);
    return { audio, analyser };
  })();
  const { audio, analyser } = globalThis.plenumProbe;
  await audio.resume();
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  for (const end = performance.now() + ms; performance.now() < end; ) {
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, Math.hypot(...samples) / Math.sqrt(samples.length));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return loudest;
}"""


async def moving_frames(page: Page, frames: int = 20) -> int:
    """How many of the next frames differ from the one before."""
    return int(await page.evaluate(_MOTION, {"frames": frames}))


async def until_moving(page: Page, within_s: float = 8) -> None:
    """Until three quarters of 20 pictures in a row are new; after a slate or a still picture."""
    async with asyncio.timeout(within_s):
        while await moving_frames(page, 20) < 15:
            pass


async def sound_level(page: Page, ms: int = 2500) -> float:
    """The loudest RMS level within the time, of 1.0."""
    return float(await page.evaluate(_LEVEL, {"ms": ms}))


async def first_frame(page: Page, timeout_s: float = 15) -> None:
    """Until the video has a picture and plays."""
    await page.wait_for_function(
        "() => { const v = document.querySelector('video'); return v && v.readyState >= 2 && v.currentTime > 0; }",
        timeout=timeout_s * 1000,
        polling=50,
    )


async def stats(page: Page) -> dict[str, Any]:
    """The player's own figures: `path` says which way it plays."""
    return dict(await page.evaluate("window.plenum.stats()"))
