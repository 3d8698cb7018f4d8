"""A film of twenty minutes through WHIP: sound and picture stay together, and nothing is missing on the way.

Every ten seconds the film flashes and beeps. Once a minute what a subscriber recorded is decoded: how much later than its
flash each beep is. Meanwhile every part is held against the one before it. The LL-HLS address is printed at the start, so
that a conformance checker can follow it for as long.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from loadtests.api_client import Api
from loadtests.films import Film, make_film
from loadtests.presenting import presenting
from loadtests.reading import offsets, read_beeps, read_pictures
from loadtests.recording import Recording, recording
from loadtests.running_platform import ROOT, Platform
from loadtests.scenarios.figures import Figure
from plenum.identity import Role
from plenum.media import ProgrammeState

TITLE = "a film of twenty minutes: sound and picture stay together"
EVERY_S = 10.0
PICTURE, SOUND = "360p", "audio"
MOST_DRIFT_MS = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=int, default=20)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    film = await asyncio.to_thread(_film, options.minutes, show)
    with tempfile.TemporaryDirectory() as folder:
        platform = await Platform(Path(folder) / "data", env={"PLENUM_MEDIA__LADDER": f'["{PICTURE}"]'}).start()
        try:
            async with Api(platform.links["all"]) as api:
                event = await api.create("A long film")
                show(f"LL-HLS: {platform.url}{(await api.join(event))['hls']}")
                ticket = platform.ticket(event, Role.VIEWER)
                async with (
                    presenting(platform, event, str(film)),
                    recording(platform.url, event, ticket) as tape,
                ):
                    return await _watch(tape, options.minutes, show)
        finally:
            await platform.stop()


def _film(minutes: int, show: Callable[[str], None]) -> Path:
    """Made once, then kept."""
    path = ROOT / ".cache" / "films" / f"plain-{minutes}min.mkv"
    if not path.exists():
        show("making the film …")
        path.parent.mkdir(parents=True, exist_ok=True)
        film = Film(640, 360, 30, minutes * 60.0, signal_every_s=EVERY_S, texture=0)
        make_film(path.with_name(f"fresh-{path.name}"), film).replace(path)
    return path


async def _watch(tape: Recording, minutes: int, show: Callable[[str], None]) -> list[Figure]:
    await tape.until_state(ProgrammeState.LIVE)
    began = time.monotonic()
    means_ms: list[float] = []
    count = 0
    for minute in range(1, minutes + 1):
        await asyncio.sleep(max(0.0, began + minute * 60 - 2 - time.monotonic()))
        found = await asyncio.to_thread(_offsets_ms, tape)
        tape.forget()
        count += len(found)
        means_ms.append(fmean(found))
        show(f"minute {minute}: beeps after flashes by {', '.join(f'{one:.0f}' for one in found)} ms")
    for fault in tape.faults:
        show(fault)
    return [
        Figure("flashes with their beep", count, least=minutes * 60 / EVERY_S * 0.8),
        Figure("sound after picture in the first minute", means_ms[0], "ms"),
        Figure("sound after picture in the last minute", means_ms[-1], "ms"),
        Figure("last minute against the first", abs(means_ms[-1] - means_ms[0]), "ms", most=MOST_DRIFT_MS),
        Figure("any minute against the first, largest", max(abs(m - means_ms[0]) for m in means_ms), "ms"),
        Figure("parts that did not follow from the one before", len(tape.faults), most=0),
    ]


def _offsets_ms(tape: Recording) -> list[float]:
    whole = set(tape.segments(PICTURE)) & set(tape.segments(SOUND))
    first, last = min(whole), max(whole)
    flashes = read_pictures(tape.film(PICTURE, first, last)).flashes_s
    return [offset * 1000 for offset in offsets(flashes, read_beeps(tape.film(SOUND, first, last)))]
