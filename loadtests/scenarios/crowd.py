"""Five hundred people on the machine that encodes: a real presenter, the real ladder, and everybody's picture in time.

The presenter is a WebRTC connection of our own without a browser (`clock_source.py`), 720p30 with the wall clock in each
picture. The crowd is the swarm, two lines each as the page has them, picture by `auto`. One viewer more decodes
(`clock_watcher.py`); latency is what it reads plus what the page has in hand. Stalls are those of the page's buffer in numbers.
All have lines that carry everything: a server that helps itself by giving them less fails, too.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from loadtests.api_client import Api
from loadtests.bench.children import cpu_s
from loadtests.clock_source import presenting_clock
from loadtests.clock_watcher import ClockWatcher, watching_clock
from loadtests.recording import recording
from loadtests.running_platform import Platform
from loadtests.scenarios.figures import Figure, spread
from loadtests.swarm.group import PushGroup
from loadtests.swarm.swarm import Swarm
from loadtests.swarm.tally import PhaseResult
from loadtests.swarm.tickets import tickets
from plenum.identity import Role
from plenum.media import ProgrammeState, RenditionKind
from plenum.wire import AUTO

TITLE = "hundreds of push viewers beside the encoder: latency and stalls"
SETTLE_S = 10.0
TOLD_EVERY_S = 10.0
MOST_P95_S = 1.0
LEAST_TOP_SHARE = 99.0
"""Of all parts of a picture in per cent: those of the largest one that was asked for."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--renditions", default="auto", help="of the picture's line, by name")
    parser.add_argument("--connect-per-s", type=float, default=50.0)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    env = {"PLENUM_LOAD_PROFILE": "true"}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        platform = await Platform(folder / "data", env=env).start()
        stack.push_async_callback(platform.stop)
        api = await stack.enter_async_context(Api(platform.links["all"]))
        event = await api.create("Crowd")
        presenter = await stack.enter_async_context(presenting_clock(platform, event))
        ticket = platform.ticket(event, Role.VIEWER)
        async with recording(platform.url, event, ticket) as tape:
            await tape.until_state(ProgrammeState.LIVE)
            await tape.until_segments(1)
            pictures = [r for r in tape.programme.renditions if r.kind is RenditionKind.VIDEO]
        top = max(pictures, key=lambda rendition: rendition.bitrate_bps).name
        names = tuple(options.renditions.split(","))
        watcher = await stack.enter_async_context(watching_clock(platform.url, event, ticket, names))
        swarm = stack.enter_context(Swarm("push"))
        group = PushGroup(
            ((f"{platform.url.replace('http', 'ws', 1)}/live/{event}/feed",),),
            tickets(platform.data_dir, event, options.viewers),
            renditions=names,
            connect_per_s=options.connect_per_s,
        )
        return await _watch(platform, swarm, group, watcher, presenter, options.seconds, top, show)


async def _watch(
    platform: Platform,
    swarm: Swarm,
    group: PushGroup,
    watcher: ClockWatcher,
    presenter: int,
    seconds: float,
    top: str,
    show: Callable[[str], None],
) -> list[Figure]:
    viewers = len(group.tickets)
    await asyncio.to_thread(swarm.add, group)
    await asyncio.to_thread(swarm.until_playing, viewers, viewers / group.connect_per_s + 30)
    show(f"{viewers} viewers have a picture")
    await asyncio.sleep(SETTLE_S)
    await asyncio.to_thread(swarm.phase, "crowd")
    watcher.forget()
    families = {"platform": platform.family(), "presenter": [presenter], "swarm": swarm.pids}
    before = {name: cpu_s(pids) for name, pids in families.items()}
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        await asyncio.sleep(min(TOLD_EVERY_S, left))
        status = await asyncio.to_thread(swarm.status)
        show(f"{status.open} lines, {status.stalls} stalls, {status.faults} faults, {status.by_rendition}")
    took = time.monotonic() - began
    shares = {name: (cpu_s(pids) - before[name]) / took for name, pids in families.items()}
    latencies = watcher.latencies_s()
    found = (await asyncio.to_thread(swarm.stop)).phase("crowd")
    show(str(found))
    wanted = top if AUTO in group.renditions else group.renditions[0]
    return [*_figures(found, latencies, watcher, shares, viewers), *given(found, wanted)]


def _figures(
    found: PhaseResult, latencies: list[float], watcher: ClockWatcher, shares: dict[str, float], viewers: int
) -> list[Figure]:
    return [
        *spread("picture's age on screen", latencies, "s", most_p95=MOST_P95_S),
        Figure("pictures that could not be read", watcher.unread),
        Figure("stalls of all viewers", found.stalls, most=0),
        Figure("time stood still to time watched", 100 * found.stall_ratio, "%"),
        Figure("faults", found.fault_count, most=0),
        Figure("viewers", viewers),
        Figure("sent to them", found.mbit_s, "Mbit/s"),
        Figure("part delay, p50", found.delay_ms.p50, "ms"),
        Figure("part delay, p95", found.delay_ms.p95, "ms"),
        Figure("part delay, p99", found.delay_ms.p99, "ms"),
        Figure("last viewer after the first, p99", found.behind_first_ms.p99, "ms"),
        *(Figure(f"{name}, of a core", 100 * share, "%") for name, share in shares.items()),
        Figure("busiest process of the swarm", 100 * found.cpu_share, "%", most=90),
    ]


def given(found: PhaseResult, top: str) -> list[Figure]:
    """What the server gave to viewers who could have taken everything."""
    pictures = sum(count for name, count in found.by_rendition.items() if name != "audio")
    share = 100 * found.by_rendition.get(top, 0) / pictures if pictures else 0.0
    return [
        Figure("other pictures chosen", found.events.get("switch", 0), most=0),
        Figure(f"parts of the picture that were {top}", share, "%", least=LEAST_TOP_SHARE),
        Figure("time without a picture, of all viewers", found.no_picture_s, "s", most=0),
    ]
