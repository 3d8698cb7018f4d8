"""One real front without the rest: `python -m deploy.process front`, its store, and whatever plays on the ingest's socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from loadtests.bench.source import playing
from loadtests.running_platform import ROOT
from plenum.identity import Signer
from plenum.settings import Settings, load
from plenum.store import Embedded, die_with_parent, short_socket_path

READY_S = 30.0
STOP_S = 5.0
EVENT = "bench"
TENANT = "main"


class LoneFront:
    """A front that serves, as its viewers see it."""

    def __init__(self, settings: Settings, process: asyncio.subprocess.Process) -> None:
        self.data_dir = settings.data_dir
        self.pid = process.pid
        self.process = process
        scheme = "https" if settings.server.tls in ("auto", "files") else "http"
        self.url = f"{scheme}://127.0.0.1:{settings.server.port}"
        self.ca_file = str(settings.server.tls_cert or "")

    @property
    def feed(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/live/{EVENT}/feed"

    def playlist(self, now: float) -> str:
        """The multivariant playlist, with the key of this hour."""
        signer = Signer((self.data_dir / "secret.key").read_bytes())
        return f"{self.url}/live/{EVENT}/{signer.delivery_key(TENANT, EVENT, now)}/index.m3u8"


@contextlib.asynccontextmanager
async def lone_front(
    folder: Path, tape_file: Path, settings: Mapping[str, object] | None = None, fronts: int = 1
) -> AsyncIterator[list[LoneFront]]:
    """So many fronts of one platform, each on a port of its own, that serve the tape."""
    async with contextlib.AsyncExitStack() as stack:
        data_dir = folder / "data"
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = await stack.enter_async_context(Embedded(data_dir))
        base = load({"data_dir": data_dir, "load_profile": True})
        base.runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
        await stack.enter_async_context(playing(short_socket_path(base.runtime, "ingest.sock"), tape_file))
        redis = base.redis.model_copy(update={"url": store.url})
        found = []
        for number in range(fronts):
            server = base.server.model_copy(update={"port": _free_port(), **(settings or {})})
            one = base.model_copy(update={"server": server, "redis": redis})
            found.append(LoneFront(one, await stack.enter_async_context(_front(one, f"front-{number}"))))
        yield found


@contextlib.asynccontextmanager
async def _front(settings: Settings, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
    path = settings.data_dir / f"{name}.json"
    path.write_text(settings.model_dump_json(), encoding="utf-8")
    reading, writing = os.pipe()
    with (settings.data_dir.parent / f"{name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "deploy.process", "front", "--settings", str(path), "--name", name),
            *("--ready-fd", str(writing)),
            cwd=ROOT,
            pass_fds=(writing,),
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    os.close(writing)
    try:
        said = await asyncio.wait_for(asyncio.to_thread(os.read, reading, 256), READY_S)
        if not said or said.startswith(b"failed"):
            raise RuntimeError(f"the front did not start: {said.decode(errors='replace')}")
        yield process
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
