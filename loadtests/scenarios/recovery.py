"""Transcoders killed and stopped at random moments: the presenter's picture comes back by itself, the neighbour's never goes.

Two events, each with a presenter who shows the time. One event's transcoder is killed (SIGKILL) or stopped (SIGSTOP: it
neither works nor dies) again and again; measured is the time until parts of a new encoder with the presenter on air arrive
at a subscriber, and whether the other event's feed has a hole.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from loadtests.api_client import Api
from loadtests.presenting import presenting
from loadtests.recording import Recording, recording
from loadtests.running_platform import Platform
from loadtests.scenarios.figures import Figure, p95, spread
from plenum.identity import Role
from plenum.media import ProgrammeState

TITLE = "transcoders killed and stopped at random moments"
PATIENCE_S = 20.0
CALM_S = (1.0, 4.0)
"""Between two faults, at random: within a segment, at its edge, right after a recovery."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--stops", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    chance = random.Random(options.seed)
    faults = [signal.SIGKILL] * options.kills + [signal.SIGSTOP] * options.stops
    chance.shuffle(faults)
    with tempfile.TemporaryDirectory() as folder:
        platform = await Platform(Path(folder) / "data", env={"PLENUM_MEDIA__LADDER": '["480p", "360p"]'}).start()
        try:
            async with Api(platform.links["all"]) as api:
                return await _strike(platform, api, faults, chance, show)
        finally:
            await platform.stop()


async def _strike(
    platform: Platform,
    api: Api,
    faults: list[signal.Signals],
    chance: random.Random,
    show: Callable[[str], None],
) -> list[Figure]:
    struck, calm = await api.create("Struck"), await api.create("Calm")
    tickets = {event: platform.ticket(event, Role.VIEWER) for event in (struck, calm)}
    back_s: dict[signal.Signals, list[float]] = {signal.SIGKILL: [], signal.SIGSTOP: []}
    async with (
        presenting(platform, struck, "testsrc"),
        presenting(platform, calm, "testsrc"),
        recording(platform.url, struck, tickets[struck]) as tape,
        recording(platform.url, calm, tickets[calm]) as other,
    ):
        for one in (tape, other):
            await one.until_state(ProgrammeState.LIVE)
            await one.until_segments(1)
        for turn, fault in enumerate(faults, 1):
            await asyncio.sleep(chance.uniform(*CALM_S))
            took = await _once(platform, struck, tape, fault)
            back_s[fault].append(took)
            show(f"{turn}/{len(faults)} {fault.name}: the presenter was back after {took:.2f} s")
        sockets_closed = int(tape.closed) + int(other.closed)
        faults_seen = other.faults
    for seen in faults_seen:
        show(f"the other event: {seen}")
    return [
        *(figure for fault, took in back_s.items() if took for figure in spread(f"back after {fault.name}", took, "s")),
        Figure("back after either, p95", p95([took for each in back_s.values() for took in each]), "s", most=3.0),
        Figure("faults in the other event's feed", len(faults_seen), most=0),
        Figure("viewers' sockets that closed", sockets_closed, most=0),
    ]


async def _once(platform: Platform, event: str, tape: Recording, fault: signal.Signals) -> float:
    before = {rendition: parts[-1].init_id for rendition, parts in tape.parts.items()}
    tape.forget()
    began = time.monotonic()
    os.kill(platform.transcoder(event), fault)

    def is_back() -> bool:
        fresh = all(any(part.init_id > old for part in tape.parts[r]) for r, old in before.items())
        return fresh and tape.programme.state is ProgrammeState.LIVE

    await tape.until(is_back, PATIENCE_S)
    return time.monotonic() - began
