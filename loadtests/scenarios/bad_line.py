"""A presenter behind a bad line: packets are lost at random, or only 600 kbit/s get through for a while.

Chromium presents a canvas whose every picture says when it was drawn, and a steady tone. What a subscriber gets of the
720p rendition and the sound is decoded: which share of the drawn pictures was shown, how much of the tone is missing.
Phases are whole segments, so what one phase began is not judged in the next.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from playwright.async_api import Page

from loadtests import line
from loadtests.bench.latency import present_clock, script
from loadtests.reading import read_level, read_pictures
from loadtests.recording import Recording, recording
from loadtests.running_platform import Platform, metric
from loadtests.scenarios.figures import Figure
from loadtests.staging import staged
from plenum.identity import Role
from plenum.media import ProgrammeState

TITLE = "a presenter behind a line that loses packets or is narrow"
PICTURE, SOUND = "720p", "audio"
FULL_SIZE = (1280, 720)
LEAST_SHOWN = {1: 0.99, 2: 0.98, 5: 0.90}
NARROW_KBIT = 600
QUIET_SHARE = 0.3
"""A window of 20 ms below this share of the tone's usual level is a gap."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=24.0, help="length of each phase with loss")
    parser.add_argument("--only", choices=("loss", "narrow"), help="one half of it")
    parser.add_argument("--narrow-seconds", type=float, default=20.0)


@dataclass
class Phase:
    """What was measured while the line was one way."""

    name: str
    shown: float
    fps: float
    gaps: float
    concealed_s: float
    silence_s: float
    estimates_bps: list[float] = field(default_factory=list)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    line.enter()
    line.lay()
    async with staged("A bad line", line.SETTINGS) as stage:
        platform, event = stage.platform, stage.event
        async with recording(platform.url, event, platform.ticket(event, Role.VIEWER)) as tape:
            context = await present_clock(stage.browser, stage.links["presenter"], event)
            measuring = Measuring(platform, context.pages[0], tape, event, show)
            return await _all(measuring, options)


async def _all(measuring: Measuring, options: argparse.Namespace) -> list[Figure]:
    await asyncio.sleep(2.0)
    started = await measuring.sending()
    await measuring.tape.until_state(ProgrammeState.LIVE)
    figures = [
        Figure("sent picture is 1280x720 two seconds after going live", float(_size(started) == FULL_SIZE), least=1),
        Figure("estimate two seconds after going live", started["estimate_bps"] / 1e6, "Mbit/s"),
    ]
    free = await measuring.phase("free", 10)
    figures += [
        Figure("free line: pictures a second", free.fps, "1/s", least=27),
        Figure("free line: drawn pictures shown", free.shown * 100, "%"),
    ]
    losses = LEAST_SHOWN if options.only != "narrow" else {}
    for percent, least in losses.items():
        line.lose(percent)
        phase = await measuring.phase(f"{percent} % lost", options.seconds)
        line.lose(0)
        figures += [
            Figure(f"{percent} % lost: drawn pictures shown", phase.shown * 100, "%", least=least * 100),
            Figure(f"{percent} % lost: sound missing", phase.gaps * 100, "%", most=1.0),
            Figure(f"{percent} % lost: sound concealed", phase.concealed_s, "s"),
            Figure(f"{percent} % lost: silence inserted", phase.silence_s, "s"),
        ]
        await asyncio.sleep(3.0)
    return figures + (await _narrow(measuring, options.narrow_seconds) if options.only != "loss" else [])


async def _narrow(measuring: Measuring, seconds: float) -> list[Figure]:
    line.narrow(NARROW_KBIT)
    narrow = await measuring.phase(f"{NARROW_KBIT} kbit/s", seconds)
    line.widen()
    free = await measuring.phase("free again", seconds)
    settled = narrow.estimates_bps[len(narrow.estimates_bps) // 2 :]
    return [
        Figure(
            "narrow line: estimate, median of its second half", median(settled) / 1000, "kbit/s", most=NARROW_KBIT * 1.1
        ),
        Figure("narrow line: drawn pictures shown", narrow.shown * 100, "%"),
        Figure("narrow line: sound missing", narrow.gaps * 100, "%", most=1.0),
        Figure("narrow line: sound concealed", narrow.concealed_s, "s"),
        Figure("narrow line: silence inserted", narrow.silence_s, "s"),
        Figure("free again: highest estimate", max(free.estimates_bps) / 1e6, "Mbit/s", least=1.5),
        Figure("free again: pictures a second", free.fps, "1/s"),
        Figure("free again: sound missing", free.gaps * 100, "%", most=1.0),
    ]


class Measuring:
    """Phase after phase on one tape."""

    def __init__(
        self, platform: Platform, page: Page, tape: Recording, event: str, show: Callable[[str], None]
    ) -> None:
        self.tape = tape
        self._platform = platform
        self._page = page
        self._event = event
        self._show = show

    async def sending(self) -> dict[str, Any]:
        return dict(await self._page.evaluate(script("sending.js")))

    async def phase(self, name: str, seconds: float) -> Phase:
        """Measure whole segments for so long."""
        first = await self._next_segment()
        before = await self._sound_counts()
        estimates = []
        for _ in range(round(seconds * 2)):
            await asyncio.sleep(0.5)
            estimates.append(float((await self.sending())["estimate_bps"]))
        after = await self._sound_counts()
        last = await self._next_segment() - 1
        drawn = list(await self._page.evaluate("globalThis.drawn"))
        shown, fps = await asyncio.to_thread(self._pictures, drawn, first, last)
        gaps = await asyncio.to_thread(self._gaps, first, last)
        phase = Phase(name, shown, fps, gaps, after[0] - before[0], after[1] - before[1], estimates)
        self._show(
            f"{name}: {shown:.1%} of the drawn pictures, {fps:.1f} a second; sound: {gaps:.2%} missing, "
            f"{phase.concealed_s:.2f} s concealed, {phase.silence_s:.2f} s silent; "
            f"estimate {min(estimates) / 1e6:.2f} to {max(estimates) / 1e6:.2f} Mbit/s"
        )
        return phase

    async def _sound_counts(self) -> tuple[float, float]:
        """Seconds of sound concealed and of silence inserted so far."""
        lines = await self._platform.metrics()
        concealed, silence = (f"plenum_encoder_{kind}_seconds_total" for kind in ("concealed", "silence"))
        return metric(lines, concealed, self._event), metric(lines, silence, self._event)

    async def _next_segment(self) -> int:
        """Wait for a whole segment; returns the number of the next."""
        named = [self.tape.rendition(name).id for name in (PICTURE, SOUND)]
        await self.tape.until(
            lambda: all(self.tape.parts[one] for one in named)
        )  # it is live before its first part is here
        newest = max(self.tape.parts[one][-1].msn for one in named)
        await self.tape.until(lambda: all(self.tape.parts[one][-1].msn > newest for one in named))
        return newest + 1

    def _film(self, name: str, first: int, last: int) -> bytes:
        return self.tape.film(name, first, last)

    def _pictures(self, drawn: list[int], first: int, last: int) -> tuple[float, float]:
        seen = {n for n in read_pictures(self._film(PICTURE, first, last)).numbers if n is not None}
        expected = {at for at in drawn if min(seen) <= at <= max(seen)}
        return len(seen & expected) / len(expected), len(seen) / ((max(seen) - min(seen)) / 1000)

    def _gaps(self, first: int, last: int) -> float:
        levels = read_level(self._film(SOUND, first, last), 0.02)
        return float(np.mean(levels < QUIET_SHARE * np.median(levels)))


def _size(sending: dict[str, Any]) -> tuple[int, int]:
    return int(sending["width"]), int(sending["height"])
