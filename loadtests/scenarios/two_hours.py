"""A two-hour event in ten minutes: memory and descriptors of the processes that serve it, with the slopes they grow by.

A leak for each part shows by hour of the event; one for each second, or for each request of viewers who do not ask more often
because media comes faster, by hour on the wall: both are bounded.

A minute of a film is encoded by the real platform and recorded. Then its feed comes twelve times faster than it plays out of
`python -m ingest.replay` into a real archive and a real front, whom a few viewers by push, by LL-HLS and back from the start
read everything from. The first 90 s are not judged: windows and caches fill. Only the first half minute of the event shows
the film's first half: a page that goes back to the first minute must show a picture of it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page, async_playwright

from loadtests.api_client import Api
from loadtests.bench.latency import script
from loadtests.chromium import launch
from loadtests.films import Film, make_film
from loadtests.presenting import presenting
from loadtests.reading import read_pictures
from loadtests.recording import Recording, recording
from loadtests.running_platform import ROOT, Platform
from loadtests.scenarios.figures import Figure
from loadtests.slopes import Slope, slope
from loadtests.soaking import Audience, Soaked, State, soaked
from plenum.identity import Role
from plenum.media import ProgrammeState
from plenum.wire import pack_init, pack_part, pack_programme

TITLE = "a two-hour event in a ten-minute soak: memory and descriptors stay flat, the first minute is still there"
SEGMENTS = 30
SAMPLE_EVERY_S = 5.0
FILL_S = 90.0
FILL_SHARE = 0.4
"""Of a shorter run: there is nothing to judge in it, only that it runs."""
MOST_MB_PER_HOUR = 5.0
MOST_DESCRIPTORS_PER_HOUR = 1.0
MOST_MB_PER_WALL_HOUR = 12.0
MOST_DESCRIPTORS_PER_WALL_HOUR = 3.0
"""By the clock on the wall: what an allocator still wanders in eight minutes is more, reckoned by the hour."""
SCRUB_S = 40.0
PICTURES = 30
"""Looked at after going back."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="of the soak; the event lasts `speed` times as long"
    )
    parser.add_argument("--speed", type=float, default=12.0)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = folder / "feed"
        first_half = await _record(folder, feed, show)
        samples: dict[str, list[State]] = {"ingest": [], "front": []}
        async with soaked(folder / "soak", feed, options.minutes, options.speed) as soak:
            audience = Audience(soak)
            async with audience.watching(push=2, pull=2, back=2):
                at_s = await _sample(soak, samples, options.minutes * 60, show)
            numbers = await _scrub(soak, first_half, show)
        for fault in audience.faults[:10]:
            show(fault)
        return [
            *_growth(samples, at_s, options),
            Figure("parts read by push", audience.parts, least=1),
            Figure("segments read by LL-HLS", audience.segments, least=1),
            Figure("pieces read from anywhere in the event", audience.pieces, least=1),
            Figure("what viewers found wrong", len(audience.faults), most=0),
            Figure(
                "pictures of the first half minute shown after going back",
                sum(n in first_half for n in numbers),
                least=PICTURES,
            ),
            Figure(
                "pictures of a later time shown after going back", sum(n not in first_half for n in numbers), most=0
            ),
        ]


async def _record(folder: Path, feed: Path, show: Callable[[str], None]) -> range:
    """A minute of the real encoder's output, and which picture numbers only its first half shows."""
    film = ROOT / ".cache" / "films" / "soak.mkv"
    if not film.exists():
        show("making the film …")
        film.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(make_film, film.with_name("fresh-soak.mkv"), Film(640, 360, 30, SEGMENTS * 2 + 15.0))
        film.with_name("fresh-soak.mkv").replace(film)
    show("recording a minute …")
    platform = await Platform(folder / "recorded").start()
    try:
        async with Api(platform.links["all"]) as api:
            event = await api.create("Recorded")
            ticket = platform.ticket(event, Role.VIEWER)
            async with presenting(platform, event, str(film)), recording(platform.url, event, ticket) as tape:
                await tape.until_state(ProgrammeState.LIVE)
                await tape.until_segments(SEGMENTS + 4, timeout_s=150)
                return _write(tape, feed)
    finally:
        await platform.stop()


def _write(tape: Recording, feed: Path) -> range:
    """What `ingest.replay` reads; the whole segments that every rendition has."""
    whole = set.intersection(*(set(tape.segments(r.name)) for r in tape.programme.renditions))
    msns = sorted(whole)[2 : 2 + SEGMENTS]
    messages = [pack_programme(tape.programme)] + [pack_init(init) for init in tape.inits.values()]
    for parts in tape.parts.values():
        messages += [pack_part(part) for part in parts if part.msn in msns]
    feed.write_bytes(b"".join(len(message).to_bytes(4, "big") + message for message in messages))
    half = len(msns) // 2
    seen = [_numbers(tape, msns[0], msns[half - 1]), _numbers(tape, msns[half], msns[-1])]
    return range(min(seen[0]), min(seen[1]))


def _numbers(tape: Recording, first_msn: int, last_msn: int) -> list[int]:
    shown = read_pictures(tape.film("360p", first_msn, last_msn)).shown
    return [picture.number for picture in shown if picture.number is not None]


async def _sample(
    soak: Soaked, samples: dict[str, list[State]], seconds: float, show: Callable[[str], None]
) -> list[float]:
    """Look at both processes now and then; returns when."""
    began, at_s = time.monotonic(), []
    while (now := time.monotonic() - began) < seconds:
        at_s.append(now)
        for name, states in samples.items():
            states.append(soak.state(name))
        if len(at_s) % 6 == 1:
            told = ", ".join(
                f"{n} {s[-1].memory_mb:.1f} MB {s[-1].descriptors} descriptors" for n, s in samples.items()
            )
            show(told)
        await asyncio.sleep(max(0.0, len(at_s) * SAMPLE_EVERY_S - (time.monotonic() - began)))
    return at_s


def _growth(samples: dict[str, list[State]], at_s: list[float], options: argparse.Namespace) -> list[Figure]:
    """Slopes by hour of the event, and by hour on the wall."""
    fill_s = min(FILL_S, options.minutes * 60 * FILL_SHARE)
    judged = [at for at in at_s if at >= fill_s]
    hours = [at * options.speed / 3600 for at in judged]
    wall = [at / 3600 for at in judged]
    figures = [Figure("hours of the event that were judged", hours[-1] - hours[0], "h")]
    for name, states in samples.items():
        kept = states[-len(judged) :]
        held, opened = [state.memory_mb for state in kept], [float(state.descriptors) for state in kept]
        memory = slope(hours, held)
        figures += _told(f"{name}: memory by hour of the event", memory, "MB/h", MOST_MB_PER_HOUR)
        figures += _told(f"{name}: memory by hour on the wall", slope(wall, held), "MB/h", MOST_MB_PER_WALL_HOUR)
        figures += _told(
            f"{name}: descriptors by hour of the event", slope(hours, opened), "1/h", MOST_DESCRIPTORS_PER_HOUR
        )
        figures += _told(
            f"{name}: descriptors by hour on the wall", slope(wall, opened), "1/h", MOST_DESCRIPTORS_PER_WALL_HOUR
        )
        figures.append(Figure(f"{name}: memory at the end", kept[-1].memory_mb, "MB"))
        figures.append(Figure(f"{name}: growth over two hours at that rate", memory.value * 2, "MB"))
    return figures


def _told(name: str, found: Slope, unit: str, most: float) -> list[Figure]:
    return [
        Figure(f"{name}, slope", found.value, unit, most=most),
        Figure(f"{name}, slope with 95 % confidence, least", found.low, unit),
        Figure(f"{name}, slope with 95 % confidence, most", found.high, unit),
    ]


async def _scrub(soak: Soaked, wanted: range, show: Callable[[str], None]) -> list[int]:
    """Go back to the first minute in Chromium, as a person does; the numbers in the pictures shown from then on."""
    show("going back to the first minute …")
    async with async_playwright() as playwright:
        browser = await launch(playwright.chromium)
        try:
            page = await browser.new_page(viewport={"width": 1440, "height": 900})
            await page.goto(soak.link, wait_until="domcontentloaded")
            await _until_playing(page)
            await page.get_by_test_id("scrubber").wait_for(timeout=SCRUB_S * 1000)
            await page.evaluate(script("barcode.js"))
            await page.get_by_test_id("scrubber").focus()
            await page.keyboard.press("Home")
            asked = {"low": wanted.start, "high": wanted.stop, "count": PICTURES, "seconds": SCRUB_S}
            return list(await page.evaluate(script("numbers.js"), asked))
        except PlaywrightError as error:
            show(f"going back failed: {error.message}")
            return []
        finally:
            await browser.close()


async def _until_playing(page: Page) -> None:
    ready = "() => { const v = document.querySelector('video'); return v && v.readyState >= 2 && v.currentTime > 0; }"
    await page.wait_for_function(ready, timeout=SCRUB_S * 1000)
