"""What LL-HLS costs, directly and behind nginx: `python -m loadtests.bench.pull --players 200` (see README.md).

One front process as `plenum run` starts it, fed by an origin here with made-up parts (nobody decodes them), and, but for
`direct`, nginx with the configuration that `plenum nginx` prints, its TLS left out and changed as each way says. Prints a table:
delay of delivery, and how much of a core front and nginx took for it, by the kernel's accounts.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import uvloop
from aiohttp import WSMsgType, web

from plenum.identity import Signer
from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.settings import Settings, load
from plenum.store import Embedded, short_socket_path
from plenum.wire import SUBPROTOCOL, pack_init, pack_part, pack_programme

EVENT = "bench"
SECRET = "a secret for one machine and one minute"  # noqa: S105 - of a platform that lives as long as this
PART_S = 0.2
PARTS = 10
VIDEO = Rendition(0, "720p", RenditionKind.VIDEO, 1_500_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
AUDIO = Rendition(1, "audio", RenditionKind.AUDIO, 96_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)

Change = tuple[str, str]
WAYS: Mapping[str, Sequence[Change]] = {
    "direct": (),
    "made": (),
    "no-cache": ((r"proxy_cache plenum;", "proxy_cache off;"),),
    "playlists-not-cached": (
        (r"(m3u8\$\" \{\s+proxy_pass http://plenum;\s+)proxy_cache plenum;", r"\1proxy_cache off;"),
    ),
    "no-lock": ((r"proxy_cache_lock on;", "proxy_cache_lock off;"),),
    "lock": ((r"(proxy_cache_lock_timeout) \S+;", r"\1 5s;"),),
    "lock-a-part": ((r"proxy_cache_lock_timeout 0s;", "proxy_cache_lock_timeout 210ms;"),),
    "wait-5ms": ((r"proxy_cache_lock_timeout 20ms;", "proxy_cache_lock_timeout 5ms;"),),
    "wait-50ms": ((r"proxy_cache_lock_timeout 20ms;", "proxy_cache_lock_timeout 50ms;"),),
    "small-pool": ((r"keepalive 2048;", "keepalive 32;"),),
}


class Origin:
    """Where the front's ingest would be: two renditions, a part of each every 200 ms, stamped when it is sent."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._readers: set[web.WebSocketResponse] = set()
        self._kept: list[bytes] = []
        self._filling = random.Random(1).randbytes(VIDEO.bitrate_bps // 8)

    async def run(self) -> None:
        app = web.Application()
        app.router.add_get("/live/{event}/feed", self._feed)
        runner = web.AppRunner(app)
        await runner.setup()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        await web.UnixSite(runner, str(self._path)).start()
        try:
            await self._send()
        finally:
            await runner.cleanup()

    async def _send(self) -> None:
        began = time.monotonic()
        for number in range(1_000_000):
            await asyncio.sleep(max(0.0, began + number * PART_S - time.monotonic()))
            if number % PARTS == 0:
                self._kept = []
            for rendition in (VIDEO, AUDIO):
                message = pack_part(self._part(rendition, number))
                self._kept.append(message)
                for reader in list(self._readers):
                    await reader.send_bytes(message)

    def _part(self, of: Rendition, number: int) -> Part:
        msn, index = divmod(number, PARTS)
        length = int(of.timescale * PART_S)
        size = int(of.bitrate_bps * PART_S / 8)
        data = struct.pack("!d", time.monotonic()) + self._filling[8:size]
        flags = (index == 0, index == PARTS - 1, False)
        return Part(of.id, 1, 1, msn, index, number * length, length, int(time.time() * 1e6), *flags, data)

    async def _feed(self, request: web.Request) -> web.WebSocketResponse:
        reader = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False)
        await reader.prepare(request)
        await reader.receive()
        await reader.send_bytes(pack_programme(Programme((VIDEO, AUDIO), ProgrammeState.LIVE, 1)))
        for message in [pack_init(Init(r.id, 1, 1, b"init")) for r in (VIDEO, AUDIO)] + self._kept:
            await reader.send_bytes(message)
        self._readers.add(reader)
        while (await reader.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            pass
        self._readers.discard(reader)
        return reader


@contextlib.asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[tuple[Settings, int]]:
    """A store, an origin and one front process; the front's settings and process id."""
    async with Embedded(folder / "store") as store:
        settings = load(
            {
                "data_dir": folder,
                "auth": {"secret": SECRET},
                "redis": {"url": store.url},
                "server": {"port": free_port(), "tls": "proxy", "public_url": "https://localhost"},
            }
        )
        written = folder / "settings.json"
        written.write_text(settings.model_dump_json())
        origin = asyncio.create_task(Origin(short_socket_path(settings.runtime, "ingest.sock")).run())
        command = [sys.executable, "-m", "deploy.process", "front", "--settings", str(written), "--name", "front-0"]
        front = subprocess.Popen(command)  # noqa: ASYNC220 - starting takes a millisecond
        try:
            await answers(settings.server.port, front)
            yield settings, front.pid
        finally:
            front.terminate()
            front.wait()
            origin.cancel()
            await asyncio.gather(origin, return_exceptions=True)


@contextlib.asynccontextmanager
async def nginx(folder: Path, settings: Settings, changes: Sequence[Change]) -> AsyncIterator[tuple[int, list[int]]]:
    """nginx without TLS; its port and its worker's process id."""
    port = free_port()
    command = (
        sys.executable,
        "-m",
        "deploy.cli",
        "nginx",
        "--public-url",
        "https://localhost",
        "--cert",
        "/c",
        "--key",
        "/k",
    )
    made = subprocess.run(  # noqa: ASYNC221 - half a second, nothing else to do
        (*command, "--cache", f"{folder}/cache", "--upstream", f"127.0.0.1:{settings.server.port}"),
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ).stdout
    plain = (
        (r"(?m)^    (ssl_|listen ).*$", ""),
        (r"server \{\s+server_name localhost;\s+client_header.*\s+return 308 .*\s+\}", ""),
        (r"server_name localhost;", f"listen 127.0.0.1:{port} backlog=4096; server_name localhost;"),
    )
    for pattern, by in (*plain, *changes):
        made, found = re.subn(pattern, by, made)
        if not found:
            raise ValueError(f"nothing in nginx's configuration is like {pattern}")
    (folder / "plenum.conf").write_text(made)
    whole = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    scratch = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(
        f"{user} daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {folder}/pid; error_log {folder}/error.log;"
        f"events {{ worker_connections 16384; }} http {{ access_log off; {scratch} include {folder}/plenum.conf; }}"
    )
    process = subprocess.Popen(["nginx", "-e", f"{folder}/error.log", "-c", str(whole)])  # noqa: ASYNC220
    try:
        await answers(port, process)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield port, [int(child) for child in children]
    finally:
        process.terminate()
        process.wait()


async def answers(port: int, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended")
            await asyncio.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_s(pids: Sequence[int]) -> float:
    """Processor time of these processes and their threads."""
    accounts: Iterator[Path] = (path for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(path.read_text().split()[0]) for path in accounts) / 1e9


async def measured(way: str, players: int, seconds: float) -> dict[str, float]:
    """One row of the table."""
    with tempfile.TemporaryDirectory(prefix="plenum-pull-", dir="/dev/shm") as made:  # nginx's cache in memory
        folder = Path(made)
        async with platform(folder) as (settings, front), contextlib.AsyncExitStack() as stack:
            port = settings.server.port
            workers: list[int] = []
            if way != "direct":
                port, workers = await stack.enter_async_context(nginx(folder, settings, WAYS[way]))
            base = f"/live/{EVENT}/{Signer(SECRET.encode()).delivery_key('main', EVENT, time.time())}"
            warm_up_s = 6.0  # two whole segments have to be there first
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "loadtests.pull_swarm", "127.0.0.1", str(port), base),
                *("--players", str(players), "--seconds", str(seconds), "--warm-up", str(warm_up_s)),
                stdout=asyncio.subprocess.PIPE,
            )
            await asyncio.sleep(warm_up_s + 0.5)
            began, before = time.monotonic(), (cpu_s([front]), cpu_s(workers))
            await asyncio.sleep(seconds - 1)
            for_s, after = time.monotonic() - began, (cpu_s([front]), cpu_s(workers))
            said, _ = await process.communicate()
    cores = [(late - early) / for_s for early, late in zip(before, after, strict=True)]
    row: dict[str, float] = json.loads(said)
    return row | {"front_core": round(cores[0], 3), "nginx_core": round(cores[1], 3)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="loadtests.bench.pull")
    parser.add_argument("--players", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--ways", default=",".join(WAYS), help=f"which of {', '.join(WAYS)}")
    given = parser.parse_args()
    print(
        "| way | parts | p50 ms | p99 ms | most ms | front, of a core | nginx, of a core | swarm | refused |\n|"
        + "---|" * 9
    )
    for way in given.ways.split(","):
        row = uvloop.run(measured(way, given.players, given.seconds))
        names = ("parts", "p50_ms", "p99_ms", "most_ms", "front_core", "nginx_core", "swarm_core", "refused")
        print(f"| {way} | " + " | ".join(str(row[name]) for name in names) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
