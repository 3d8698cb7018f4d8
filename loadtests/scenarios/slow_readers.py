"""Slow readers among many viewers: each is given less and less, and nobody else notices.

A crowd of push viewers watches the real platform, every one checking each part it gets. Then some come who read 1 kB a second
and report honestly what they got. Measured: how late parts come to the others, without and with them; what the front's memory
grows by for each of them; what each of them was told of its picture: when none of them has one left, they read for a moment
all that waits for them. Directly, and behind an nginx with TLS whose buffers hide from the front that somebody does not read.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from loadtests.api_client import Api
from loadtests.films import Film, make_film
from loadtests.presenting import presenting
from loadtests.recording import recording
from loadtests.running_platform import Platform, metric
from loadtests.scenarios.figures import Figure
from loadtests.swarm.group import PushGroup
from loadtests.swarm.swarm import Swarm
from loadtests.swarm.tally import PhaseResult
from loadtests.swarm.tickets import tickets
from loadtests.tls_proxy import tls_proxy
from plenum.identity import Role
from plenum.media import ProgrammeState

TITLE = "slow readers get less and less; nobody else notices"
LADDER = '["480p", "360p", "240p"]'
"""200 viewers of 720p would be 580 Mbit/s: more than generator, proxy and encoder leave of two cores."""
FILM = Film(854, 480, 30, 12.0)
"""Texture that costs the encoder the whole bitrate of a rendition."""
WAYS = ("direct", "nginx")
SAMPLE_S = 0.5
SETTLE_S = 4.0
DRAIN_S = 2.0
"""Shorter than it takes until a line that has recovered is given more again."""
MOST_LATER_MS = 20.0
MOST_BYTES = 2 * 1024 * 1024


class Seen(msgspec.Struct):
    """What the platform said of the slow ones while they were there."""

    down: float = 0.0
    off: float = 0.0
    sent_away: float = 0.0
    peak_bytes: int = 0
    """Resident memory of the front at most."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--viewers", type=int, default=200, help="all of them")
    parser.add_argument("--slow", type=int, default=20, help="who of them read slowly")
    parser.add_argument("--bytes-s", type=float, default=1000.0, help="what a slow one reads")
    parser.add_argument("--seconds", type=float, default=25.0, help="of each half: without, and with the slow ones")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}")


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="plenum-slow-") as base:
        film = await asyncio.to_thread(make_film, Path(base) / "busy.mkv", FILM)
        for way in options.ways.split(","):
            folder = Path(base) / way
            folder.mkdir()
            figures += await _measure(folder, film, way, options, show)
    return figures


async def _measure(
    folder: Path, film: Path, way: str, options: argparse.Namespace, show: Callable[[str], None]
) -> list[Figure]:
    platform = await Platform(folder / "data", "--load-profile", env={"PLENUM_MEDIA__LADDER": LADDER}).start()
    try:
        async with Api(platform.links["all"]) as api:
            event = await api.create("Slow readers")
        ticket = platform.ticket(event, Role.VIEWER)
        async with presenting(platform, event, str(film), "--loop"), recording(platform.url, event, ticket) as tape:
            await tape.until_state(ProgrammeState.LIVE)
            await tape.until_segments(1)
            host = platform.url.partition("://")[2]
            if way == "direct":
                return await _crowd(platform, event, f"ws://{host}", way, options, show)
            async with tls_proxy(folder / "nginx", host) as proxy:
                return await _crowd(platform, event, f"wss://{proxy}", way, options, show)
    finally:
        await platform.stop()


async def _crowd(
    platform: Platform, event: str, base: str, way: str, options: argparse.Namespace, show: Callable[[str], None]
) -> list[Figure]:
    address, quick = f"{base}/live/{event}/feed", options.viewers - options.slow
    with Swarm("push") as crowd, Swarm("push") as slow:
        crowd.add(PushGroup(((address,),), tickets(platform.data_dir, event, quick), connect_per_s=50))
        await asyncio.to_thread(crowd.until_playing, quick, quick / 50 + 30)
        await asyncio.sleep(SETTLE_S)
        crowd.phase("without")
        await asyncio.sleep(options.seconds)
        before, base_bytes = await _switches(platform), _resident(platform)
        crowd.phase("with")
        slow.add(
            PushGroup(
                ((address,),),
                tickets(platform.data_dir, event, options.slow),
                read_bytes_s=options.bytes_s,
                may_skip=True,
                is_steady=False,
            )
        )
        seen, choices = await _watch(platform, before, slow, options)
        result = await asyncio.to_thread(crowd.stop)
    without, with_slow = result.phase("without"), result.phase("with")
    show(f"{way}: {without}")
    show(f"{way}: {with_slow}")
    show(f"{way}: {seen}")
    for told in choices:
        show(f"{way}: a slow reader was told {' → '.join(name or 'none' for name in told)}")
    return [*_figures(way, options.slow, without, with_slow, seen, base_bytes), *judged(way, choices)]


async def _read_all(slow: Swarm, options: argparse.Namespace) -> list[tuple[str, ...]]:
    """At full speed what was sent to them until now, then slowly again; what each was told while it was slow."""
    slow.read_slowly(options.slow, 0)
    await asyncio.sleep(DRAIN_S)
    found = await asyncio.to_thread(slow.choices)
    slow.read_slowly(options.slow, options.bytes_s)
    return found


async def _watch(
    platform: Platform, before: Seen, slow: Swarm, options: argparse.Namespace
) -> tuple[Seen, list[tuple[str, ...]]]:
    """Look again and again for so long; once, what they were told.

    That has to be read before they are sent away: what waits for somebody whose connection is cut off never arrives.
    """
    seen, choices = Seen(), list[tuple[str, ...]]()
    ends = time.monotonic() + options.seconds
    while time.monotonic() < ends:
        now = await _switches(platform)
        seen.down, seen.off = now.down - before.down, now.off - before.off
        seen.sent_away = now.sent_away - before.sent_away
        seen.peak_bytes = max(seen.peak_bytes, _resident(platform))
        if not choices and (seen.off >= options.slow or seen.sent_away):
            choices = await _read_all(slow, options)
        await asyncio.sleep(SAMPLE_S)
    return seen, choices or await _read_all(slow, options)


async def _switches(platform: Platform) -> Seen:
    lines = await platform.metrics()

    def count(name: str, label: str) -> float:
        try:
            return metric([line for line in lines if label in line], name)
        except LookupError:  # a counter that has counted nothing yet
            return 0.0

    return Seen(
        down=count("plenum_edge_switches_total", 'direction="down"'),
        off=count("plenum_edge_switches_total", 'direction="off"'),
        sent_away=count("plenum_edge_evicted_viewers_total", 'reason="too_slow"'),
    )


def _resident(platform: Platform) -> int:
    """Memory of the fronts."""
    total = 0
    for pid in platform.find("deploy.process front"):
        status = Path(f"/proc/{pid}/status").read_text()
        total += 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    return total


def _figures(
    way: str, slow: int, without: PhaseResult, with_slow: PhaseResult, seen: Seen, base_bytes: int
) -> list[Figure]:
    later_ms = with_slow.delay_ms.p99 - without.delay_ms.p99
    switched = sum(count for event, count in with_slow.events.items() if event.startswith("selected "))
    return [
        Figure(f"{way}: part delay without slow readers, p99", without.delay_ms.p99, "ms"),
        Figure(f"{way}: part delay with them, p99", with_slow.delay_ms.p99, "ms"),
        Figure(f"{way}: so much later", later_ms, "ms", most=MOST_LATER_MS),
        Figure(f"{way}: faults of the others", without.fault_count + with_slow.fault_count, most=0),
        Figure(f"{way}: other pictures chosen for the others", switched, most=0),
        Figure(f"{way}: times that a smaller picture was chosen", seen.down),
        Figure(f"{way}: times that none was", seen.off),
        Figure(f"{way}: lines sent away", seen.sent_away),
        Figure(
            f"{way}: front's memory for each", max(0, seen.peak_bytes - base_bytes) / slow, "bytes", most=MOST_BYTES
        ),
        Figure(f"{way}: sent to the others", with_slow.mbit_s, "Mbit/s"),
        Figure(f"{way}: generator, of a core", with_slow.cpu_share, most=0.9),
    ]


def judged(way: str, choices: Sequence[Sequence[str]]) -> list[Figure]:
    """Each slow reader by itself: first a smaller picture, then none."""
    firsts = [_first_change(told) for told in choices]
    lower = [one for one in firsts if one is not None and one[0] and one[1]]
    return [
        Figure(f"{way}: slow readers", len(choices)),
        Figure(f"{way}: … that were given a smaller picture first", len(lower), least=len(choices)),
        Figure(f"{way}: … and then none", sum(one is not None and one[2] for one in firsts), least=len(choices)),
        Figure(
            f"{way}: … that had none before a smaller one",
            sum(one is not None and not one[0] for one in firsts),
            most=0,
        ),
    ]


def _first_change(told: Sequence[str]) -> tuple[bool, bool, bool] | None:
    """Of the first picture that was not the one at the start: is there one, is it smaller, and came none after it."""
    for at, name in enumerate(told[1:], 1):
        if name != told[0]:
            return bool(name), bool(name) and _height(name) < _height(told[0]), "" in told[at + 1 :]
    return None


def _height(name: str) -> int:
    return int(name.rstrip("p"))
