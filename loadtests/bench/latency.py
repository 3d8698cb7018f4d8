"""How late a viewer sees the presenter: `python -m loadtests.bench.latency` (see README.md).

Starts a platform of its own. A Chromium page presents a canvas that shows the wall clock as a barcode; another page
watches, and every picture it presents is read back from its pixels. First by push, then by hls.js in a page whose
network lets no WebSocket through. One viewer page only: on a small machine a second one measures the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import msgspec
from playwright.async_api import Browser, BrowserContext, Page

from loadtests.chromium import WITHOUT_WEBSOCKET
from loadtests.staging import staged

HERE = Path(__file__).parent
WARM_UP_S = 6.0
"""Left out: the player settles, the presenter's bitrate climbs."""
FIRST_PICTURE_S = 30.0


class Latency(msgspec.Struct, frozen=True):
    """What one viewer page saw."""

    path: str
    frames: int
    unread: int
    p50_ms: float
    p95_ms: float
    largest_ms: float
    stalls: int

    def __str__(self) -> str:
        return (
            f"{self.path:5} p50 {self.p50_ms:.0f} ms, p95 {self.p95_ms:.0f} ms, largest {self.largest_ms:.0f} ms, "
            f"{self.stalls} stalls, {self.frames} pictures read, {self.unread} not"
        )


def summary(path: str, seen: dict[str, Any]) -> Latency:
    """Raises ValueError when no picture could be read."""
    delays = sorted(float(delay) for delay in seen["delays"])
    if len(delays) < 2:
        raise ValueError(f"by {path} no picture with a readable time was shown ({seen['unread']} without)")
    p95 = quantiles(delays, n=20)[-1]
    return Latency(path, len(delays), seen["unread"], median(delays), p95, delays[-1], seen["stalls"])


async def present_clock(browser: Browser, link: str, event: str) -> BrowserContext:
    """Go on air with the time; ends when the context is closed."""
    context = await browser.new_context(permissions=["camera", "microphone"])
    page = await context.new_page()
    await page.goto(link, wait_until="domcontentloaded")
    for name in ("barcode.js", "capture.js"):
        await page.evaluate(script(name))
    await page.evaluate(script("publish.js"), {"event": event})
    return context


async def watch_clock(browser: Browser, link: str, seconds: float, *, websocket: bool) -> Latency:
    """Watch for so long, after a warm-up, and say how late it was."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    if not websocket:
        await context.add_init_script(WITHOUT_WEBSOCKET)
    try:
        page = await context.new_page()
        await page.goto(link, wait_until="domcontentloaded")
        await _first_picture(page)
        await asyncio.sleep(WARM_UP_S)
        await page.evaluate(script("barcode.js"))
        seen = await page.evaluate(script("view.js"), {"seconds": seconds})
        return summary(str(await page.evaluate("window.plenum.stats().path")), seen)
    finally:
        await context.close()


async def measure(seconds: float) -> list[Latency]:
    """By push, then by LL-HLS, each with a page of its own."""
    async with staged("Latency") as stage:
        presenter = await present_clock(stage.browser, stage.links["presenter"], stage.event)
        viewer = stage.links["viewer"]
        found = [await watch_clock(stage.browser, viewer, seconds, websocket=way) for way in (True, False)]
        await presenter.close()
        return found


async def _first_picture(page: Page) -> None:
    ready = "() => { const v = document.querySelector('video'); return v && v.readyState >= 2 && v.currentTime > 0; }"
    await page.wait_for_function(ready, timeout=FIRST_PICTURE_S * 1000)


def script(name: str) -> str:
    """A page script of this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(measure(options.seconds))
    print(json.dumps([msgspec.to_builtins(one) for one in found]) if options.json else "\n".join(map(str, found)))
    sys.exit(0)


if __name__ == "__main__":
    main()
