"""Presenters who come and go two hundred times: descriptors, tasks and memory of the ingest are back where they were.

Each one connects for real (ICE, DTLS, SRTP), sends for a moment and leaves by DELETE. The first few fill caches and spares
and are not judged.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadtests.api_client import Api
from loadtests.running_platform import Platform, metric
from loadtests.scenarios.figures import Figure
from plenum.identity import Role
from plenum.whip_client import WhipPublisher

TITLE = "presenters who come and go two hundred times"
WARM_UP = 20
SEND_S = 0.2
CALM_S = 6.0
"""Until peers are reaped and the next spare stands."""
INGEST = "deploy.process ingest"
MOST_MB = 10.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cycles", type=int, default=200)


@dataclass(frozen=True)
class State:
    """Of the ingest process and what it started."""

    descriptors: int
    processes: int
    memory_mb: float
    tasks: float


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        platform = await Platform(Path(folder) / "data").start()
        try:
            async with Api(platform.links["all"]) as api:
                event = await api.create("Coming and going")
                await _cycle(platform, event, WARM_UP, show)
                before = await _state(platform)
                await _cycle(platform, event, options.cycles, show)
                after = await _state(platform)
        finally:
            await platform.stop()
    show(f"before {before}")
    show(f"after  {after}")
    return [
        Figure("descriptors more than before", after.descriptors - before.descriptors, most=0),
        Figure("tasks of all processes more than before", after.tasks - before.tasks, most=0),
        Figure("processes more than before", after.processes - before.processes, most=0),
        Figure("memory of the ingest more than before", after.memory_mb - before.memory_mb, "MB", most=MOST_MB),
    ]


async def _cycle(platform: Platform, event: str, times: int, show: Callable[[str], None]) -> None:
    token = platform.ticket(event, Role.PRESENTER, "Comes and goes")
    for turn in range(1, times + 1):
        publisher = WhipPublisher(f"{platform.url}/whip/{event}", token)
        await publisher.start()
        await asyncio.sleep(SEND_S)
        await publisher.stop()
        if turn % 20 == 0:
            show(f"{turn}/{times}")


async def _state(platform: Platform) -> State:
    await asyncio.sleep(CALM_S)
    [pid] = platform.find(INGEST)
    status = Path(f"/proc/{pid}/status").read_text()
    resident_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    tasks = metric(await platform.metrics(), "plenum_asyncio_tasks")
    return State(
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        processes=len(platform.family()),
        memory_mb=resident_kb / 1024,
        tasks=tasks,
    )
