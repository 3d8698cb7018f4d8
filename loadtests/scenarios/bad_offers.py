"""Offers that are no offers, through the front door: each is refused with 4xx and costs next to nothing.

Ten thousand candidates, four hundred media sections and two dozen malformed offers (ROBUSTNESS.md D6, D7), each from an
address of its own, so that the limit on failures does not answer in place of the check. CPU is that of all processes of the
platform, by the scheduler's own account; what they use at rest is taken off.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from loadtests.api_client import Api
from loadtests.attacks import MALFORMED_OFFERS
from loadtests.running_platform import Platform
from loadtests.scenarios.figures import Figure
from plenum.identity import Role

TITLE = "offers that are no offers are refused at once"
MOST_CPU_MS = 50.0
REST_S = 3.0
AFTERMATH_S = 0.3
"""What an offer sets going may use the processor after the answer too."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=3, help="each offer so often; the median counts")


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        platform = await Platform(Path(folder) / "data").start()
        try:
            async with Api(platform.links["all"]) as api:
                event = await api.create("Not an offer")
            token = platform.ticket(event, Role.PRESENTER)
            await asyncio.sleep(REST_S)
            idle = await _idle_share(platform)
            statuses, costs = [], {}
            for number, (name, offer) in enumerate(MALFORMED_OFFERS.items()):
                found = [
                    await _post(platform, event, token, offer, f"127.9.{turn}.{number + 1}")
                    for turn in range(options.turns)
                ]
                statuses += [status for status, _, _ in found]
                cpu_ms = sorted(1000 * (cpu - idle * took) for _, cpu, took in found)[len(found) // 2]
                costs[name] = cpu_ms
                show(f"{name}: {found[0][0]}, {cpu_ms:.1f} ms of CPU")
        finally:
            await platform.stop()
    worst = max(costs, key=lambda name: costs[name])
    return [
        Figure(
            "offers refused with 4xx other than 429",
            sum(400 <= s < 500 and s != 429 for s in statuses),
            least=len(statuses),
        ),
        Figure(f"CPU of the dearest ({worst})", costs[worst], "ms", most=MOST_CPU_MS),
        Figure("CPU of 10,000 candidates", costs["10,000 candidates"], "ms", most=MOST_CPU_MS),
        Figure("CPU of 400 media sections", costs["400 media sections"], "ms", most=MOST_CPU_MS),
    ]


async def _post(platform: Platform, event: str, token: str, offer: bytes, source: str) -> tuple[int, float, float]:
    """Status, CPU seconds of the platform, seconds."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    before, began = _cpu_s(platform), time.monotonic()
    address = f"{platform.url}/whip/{event}"
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(address, data=offer, headers=headers) as answer,
    ):
        await answer.read()
        status = answer.status
    await asyncio.sleep(AFTERMATH_S)
    return status, _cpu_s(platform) - before, time.monotonic() - began


async def _idle_share(platform: Platform) -> float:
    before, began = _cpu_s(platform), time.monotonic()
    await asyncio.sleep(REST_S)
    return (_cpu_s(platform) - before) / (time.monotonic() - began)


def _cpu_s(platform: Platform) -> float:
    """Time on a processor of all threads of all processes; without those that have ended meanwhile."""
    spent = 0
    for pid in platform.family():
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                spent += int(task.read_text().split()[0])
    return spent / 1e9
