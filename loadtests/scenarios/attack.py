"""Strangers at the media ports: two events go on while every port of the platform is thrown at.

The whole attack list (`loadtests.attacks`) and a flood, from a port of the attacker's own and, by a raw socket, with the
presenter's own address as the sender. Also at sessions that were offered and never came. Measured: the share of pictures
that were new when they were shown, memory, the lines that the platform logs, answers to the attacker.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from loadtests.api_client import Api
from loadtests.attacks import ATTACKS, spoofed
from loadtests.presenting import presenting
from loadtests.recording import Recording, recording
from loadtests.running_platform import Platform, metric
from loadtests.scenarios.figures import Figure
from plenum.identity import Role
from plenum.media import ProgrammeState

TITLE = "strangers throw datagrams at every media port"
PORTS = (50_100, 50_119)
LISTS_S = 10.0
FLOOD_S = 8.0
PACKETS_S = 20_000
SETTLE_S = 8.0
EVENTS = 2


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--packets-per-second", type=int, default=PACKETS_S)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    ports = {
        "PLENUM_RTC__PORT_MIN": str(PORTS[0]),
        "PLENUM_RTC__PORT_MAX": str(PORTS[1]),
        "PLENUM_MEDIA__LADDER": '["360p"]',
    }
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        platform = await Platform(Path(folder) / "data", env=ports).start()
        stack.push_async_callback(platform.stop)
        api = await stack.enter_async_context(Api(platform.links["all"]))
        tapes, presenters = [], []
        for number in range(EVENTS):
            event = await api.create(f"Attacked {number}")
            presenters.append((await stack.enter_async_context(presenting(platform, event, "testsrc"))).pid)
            ticket = platform.ticket(event, Role.VIEWER)
            tapes.append(await stack.enter_async_context(recording(platform.url, event, ticket)))
        for tape in tapes:
            await tape.until_state(ProgrammeState.LIVE)
        await asyncio.sleep(SETTLE_S)
        return await _under_attack(platform, tapes, presenters, options.packets_per_second, show)


async def _under_attack(
    platform: Platform, tapes: list[Recording], presenters: list[int], pace: int, show: Callable[[str], None]
) -> list[Figure]:
    sources = [("127.0.0.1", port) for pid in presenters for port in _udp_ports(pid)]
    show(f"attacking ports {PORTS[0]} to {PORTS[1]}, pretending to be {sources} too")
    frames, lines, memory = await _frames(platform), _log_lines(platform), _memory_mb(platform)
    began = time.monotonic()
    with _attacker() as (own, raw):
        await _throw(list(ATTACKS.values()), LISTS_S, min(pace, 2000), own, raw, sources)
        show("the list is through; now the flood")
        await _throw([b"\x80" * 1200, b"\x16" * 600, b""], FLOOD_S, pace, own, raw, sources)
        answered = _answers(own)
    took = time.monotonic() - began
    after_frames, after_lines, after_memory = await _frames(platform), _log_lines(platform), _memory_mb(platform)
    made, repeated = after_frames[0] - frames[0], after_frames[1] - frames[1]
    for line in platform.log.read_text(errors="replace").splitlines()[lines:]:
        show(f"logged: {line[:160]}")
    return [
        Figure("sessions live after it", sum(_is_live(tape) for tape in tapes), least=EVENTS),
        Figure("sockets of viewers that closed", sum(tape.closed for tape in tapes), most=0),
        Figure("parts that did not follow from the one before", sum(len(tape.faults) for tape in tapes), most=0),
        Figure("pictures that were new", 100 * (1 - repeated / made), "%", least=95),
        Figure("memory of the platform more than before", after_memory - memory, "MB", most=10),
        Figure("lines logged in each second", (after_lines - lines) / took, "1/s", most=1),
        Figure("answers to the attacker", answered, most=0),
        Figure("length of the attack", took, "s"),
    ]


def _is_live(tape: Recording) -> bool:
    return tape.programme.state is ProgrammeState.LIVE


async def _frames(platform: Platform) -> tuple[float, float]:
    """Pictures encoded, and those of them that were the one before again."""
    lines = await platform.metrics()
    return metric(lines, "plenum_encoder_frames_total"), metric(lines, "plenum_encoder_repeated_frames_total")


def _log_lines(platform: Platform) -> int:
    return len(platform.log.read_text(errors="replace").splitlines())


def _memory_mb(platform: Platform) -> float:
    """Of the ingest and its peers: who touches datagrams."""
    pids = platform.find("deploy.process ingest") + platform.find("ingest.peer")
    fields = [Path(f"/proc/{pid}/statm").read_text().split() for pid in pids]
    return sum(int(each[1]) * 4096 for each in fields) / 1e6


def _udp_ports(pid: int) -> list[int]:
    """UDP ports that a process has open."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return [int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in inodes]


@contextlib.contextmanager
def _attacker() -> Iterator[tuple[socket.socket, socket.socket | None]]:
    """A socket of its own, and a raw one where this user may have that."""
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        own.bind(("127.0.0.1", 0))
        own.setblocking(False)
        raw = None
        with contextlib.suppress(PermissionError):
            raw = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))
            raw.setblocking(False)
        yield own, raw


async def _throw(
    payloads: list[bytes],
    seconds: float,
    pace: int,
    own: socket.socket,
    raw: socket.socket | None,
    sources: list[tuple[str, int]],
) -> None:
    """Send them in turn to every port, half of them with a presenter's address, `pace` a second, for so long."""
    chance = random.Random(7)
    began, sent = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while sent < passed * pace:
            target = ("127.0.0.1", chance.randint(*PORTS))
            payload = payloads[sent % len(payloads)]
            with contextlib.suppress(BlockingIOError, OSError):
                if raw is not None and sources and sent % 2:
                    raw.sendto(spoofed(chance.choice(sources), target, payload), target)
                else:
                    own.sendto(payload, target)
            sent += 1
        await asyncio.sleep(0.005)


def _answers(own: socket.socket) -> int:
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            own.recv(2048)
            count += 1
    return count
