"""nginx in front, measured: `python -m loadtests.bench.behind_nginx crowd|stalled` (see README.md).

`crowd`: what LL-HLS costs front and nginx, and how late parts come, for each way of caching. `stalled`: how long nginx hides from
the front that a reader of the feed has stopped. Both run one front on a tape (no encoder beside it) and nginx with the
configuration that `plenum nginx` prints, its TLS left out, changed as the way's name says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from loadtests.bench.lone_front import EVENT, LoneFront, lone_front
from loadtests.bench.tape import encoded, made
from loadtests.running_platform import ROOT
from loadtests.swarm.group import PullGroup
from loadtests.swarm.swarm import Swarm
from loadtests.swarm.tickets import tickets
from loadtests.swarm.websocket import TEXT, masked
from plenum.store import short_socket_path
from plenum.wire import SUBPROTOCOL, Subscribe, encode_client

TAPE = {"720p": 1_500_000, "audio": 96_000}
PROXIED = {"tls": "proxy", "public_url": "https://127.0.0.1"}
READ_S = 8.0
"""A reader takes everything for so long before it stops: buffers have grown by then."""
NOTICED = 64 * 1024
"""Bytes that the front holds for one reader, who without an obstacle has none."""
GIVEN_UP_S = 60.0

Change = tuple[str, str]
MADE: Sequence[Change] = ()
CROWD: Mapping[str, Sequence[Change]] = {
    "made": MADE,
    "no-cache": ((r"proxy_cache plenum;", "proxy_cache off;"),),
    "playlists-not-cached": (
        (r"(m3u8\$\" \{\s+proxy_pass http://plenum;\s+)proxy_cache plenum;", r"\1proxy_cache off;"),
    ),
    "no-lock": ((r"proxy_cache_lock on;", "proxy_cache_lock off;"),),
    "lock": ((r"(proxy_cache_lock_timeout) \S+;", r"\1 5s;"),),
    "playlists-wait-a-part": ((r"proxy_cache_lock_timeout 0s;", "proxy_cache_lock_timeout 210ms;"),),
    "parts-wait-5ms": ((r"proxy_cache_lock_timeout 20ms;", "proxy_cache_lock_timeout 5ms;"),),
    "parts-wait-50ms": ((r"proxy_cache_lock_timeout 20ms;", "proxy_cache_lock_timeout 50ms;"),),
    "small-pool": ((r"keepalive 2048;", "keepalive 32;"),),
}
STALLED: Mapping[str, Sequence[Change]] = {
    "made": MADE,
    "sndbuf left to the kernel": ((r" sndbuf=\S+", ""),),
    "sndbuf=64k": ((r"sndbuf=\S+", "sndbuf=64k"),),
    "sndbuf=1m": ((r"sndbuf=\S+", "sndbuf=1m"),),
}
DIRECT = "direct"


class Cost(msgspec.Struct, frozen=True):
    """One way's row."""

    way: str
    parts: int
    p50_ms: float
    p99_ms: float
    front_core: float
    nginx_core: float
    generator_core: float
    faults: dict[str, int]


async def crowd(way: str, viewers: int, seconds: float) -> Cost:
    """So many LL-HLS viewers, each with picture and sound."""
    async with _stage(way, CROWD) as (front, port, workers):
        path = urlsplit(front.playlist(time.time())).path
        with Swarm("pull") as swarm:
            swarm.add(PullGroup((f"http://127.0.0.1:{port}{path}",), viewers, connect_per_s=200))
            await asyncio.to_thread(swarm.until_playing, viewers, 40.0)
            await asyncio.sleep(2.0)
            swarm.phase("measured")
            began, before = time.monotonic(), (_cpu_s([front.pid]), _cpu_s(workers))
            await asyncio.sleep(seconds)
            lasted, after = time.monotonic() - began, (_cpu_s([front.pid]), _cpu_s(workers))
            seen = (await asyncio.to_thread(swarm.stop)).phase("measured")
    front_core, nginx_core = ((late - early) / lasted for early, late in zip(before, after, strict=True))
    delay = seen.delay_ms
    return Cost(way, seen.messages, delay.p50, delay.p99, front_core, nginx_core, seen.cpu_share, seen.faults)


async def stalled(way: str) -> tuple[float, float]:
    """Seconds from a reader's stop until the front holds something back, and megabytes that went on their way in them."""
    async with _stage(way, STALLED) as (front, port, _):
        (ticket,) = tickets(front.data_dir, EVENT, 1)
        reader = await asyncio.to_thread(_reader, port, ticket)
        with reader:
            ends = time.monotonic() + READ_S
            while time.monotonic() < ends:
                await asyncio.to_thread(reader.recv, 1 << 20)
            stopped = time.monotonic()
            async with asyncio.timeout(GIVEN_UP_S):
                while await _held_back(front) < NOTICED:  # noqa: ASYNC110 - another process: there is no event to wait for
                    await asyncio.sleep(0.05)
            hidden_s = time.monotonic() - stopped
    return hidden_s, hidden_s * sum(TAPE.values()) / 8e6


def _reader(port: int, ticket: str) -> socket.socket:
    """A feed connection that has been greeted; nothing but the bytes matters."""
    made = socket.create_connection(("127.0.0.1", port), 5)
    made.sendall(
        f"GET /live/{EVENT}/feed HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
        f"Authorization: Bearer {ticket}\r\n\r\n".encode()
    )
    if b" 101 " not in made.recv(4096):
        raise RuntimeError("the feed refused this reader")
    made.sendall(masked(TEXT, encode_client(Subscribe(tuple(TAPE))).encode()))
    return made


async def _held_back(front: LoneFront) -> float:
    admin = short_socket_path(front.data_dir / "run", "front-0.admin.sock")
    connector = aiohttp.UnixConnector(str(admin))
    async with aiohttp.ClientSession(connector=connector) as http, http.get("http://front/metrics") as answer:
        found = re.search(r"^plenum_edge_queue_bytes\{.*\} (\S+)$", await answer.text(), re.MULTILINE)
    return float(found[1]) if found else 0.0


@contextlib.asynccontextmanager
async def _stage(way: str, ways: Mapping[str, Sequence[Change]]) -> AsyncIterator[tuple[LoneFront, int, list[int]]]:
    """A front, the port to ask, and nginx's worker, where there is one."""
    with tempfile.TemporaryDirectory(prefix="plenum-nginx-", dir="/dev/shm") as name:  # nginx's cache is in memory
        folder = Path(name)
        tape = folder / "tape"
        tape.write_bytes(encoded(made(TAPE)))
        async with lone_front(folder, tape, PROXIED) as (front,), contextlib.AsyncExitStack() as stack:
            port = urlsplit(front.url).port or 0
            workers: list[int] = []
            if way != DIRECT:
                port, workers = await stack.enter_async_context(_nginx(folder, port, ways[way]))
            yield front, port, workers


@contextlib.asynccontextmanager
async def _nginx(folder: Path, upstream: int, changes: Sequence[Change]) -> AsyncIterator[tuple[int, list[int]]]:
    """nginx without TLS; its port and its worker's process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = (
        sys.executable,
        "-m",
        "deploy.cli",
        "nginx",
        "--public-url",
        "https://127.0.0.1",
        "--cert",
        "/c",
        "--key",
        "/k",
    )
    text = subprocess.run(  # noqa: ASYNC221 - half a second, nothing else to do
        (*command, "--cache", f"{folder}/cache", "--upstream", f"127.0.0.1:{upstream}"),
        check=True,
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout
    plain = (
        (r"(?m)^    ssl_.*$", ""),
        (r"(?m)^    listen \[.*$", ""),
        (r"server \{\s+listen 80;(.*\s+)+?\}", ""),
        (r"listen 443 ssl http2", f"listen 127.0.0.1:{port}"),
    )
    for pattern, by in (*plain, *changes):
        text, found = re.subn(pattern, by, text)
        if not found:
            raise ValueError(f"nothing in nginx's configuration is like {pattern}")
    (folder / "plenum.conf").write_text(text)
    whole = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    scratch = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    whole.write_text(
        f"{user} daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/pid; error_log {folder}/error.log;"
        f"events {{ worker_connections 16384; }} http {{ access_log off; {scratch} include {folder}/plenum.conf; }}"
    )
    process = subprocess.Popen(["nginx", "-e", f"{folder}/error.log", "-c", str(whole)])  # noqa: ASYNC220
    try:
        await _answers(port)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield port, [int(child) for child in children]
    finally:
        process.terminate()
        process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


def _cpu_s(pids: Sequence[int]) -> float:
    """Processor time of these processes with their threads, by the kernel's accounts."""
    accounts = (path for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(path.read_text().split()[0]) for path in accounts) / 1e9


async def _crowds(ways: Sequence[str], viewers: int, seconds: float) -> None:
    print(
        "| way | p50 ms | p99 ms | front, of a core | nginx, of a core | generator | parts | faults |\n|" + "---|" * 8
    )
    for way in ways:
        c = await crowd(way, viewers, seconds)
        print(
            f"| {c.way} | {c.p50_ms:.0f} | {c.p99_ms:.0f} | {c.front_core:.3f} | {c.nginx_core:.3f} "
            f"| {c.generator_core:.2f} | {c.parts} | {c.faults or 0} |",
            flush=True,
        )


async def _stalls(ways: Sequence[str]) -> None:
    print("| way | hidden for s | MB |\n|---|---|---|")
    for way in ways:
        hidden_s, megabytes = await stalled(way)
        print(f"| {way} | {hidden_s:.1f} | {megabytes:.2f} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.behind_nginx")
    parser.add_argument("what", choices=("crowd", "stalled"))
    parser.add_argument(
        "--ways", default="", help=f"of crowd: {', '.join(CROWD)}; of stalled: {', '.join(STALLED)}; {DIRECT}"
    )
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    given = parser.parse_args()
    ways = given.ways.split(",") if given.ways else [DIRECT, *(CROWD if given.what == "crowd" else STALLED)]
    asyncio.run(_crowds(ways, given.viewers, given.seconds) if given.what == "crowd" else _stalls(ways))
    return 0


if __name__ == "__main__":
    sys.exit(main())
