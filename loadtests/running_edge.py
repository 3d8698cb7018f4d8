"""`plenum edge` as a child process, in a network of its own; ended or killed with everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from loadtests.processes import family
from loadtests.running_platform import ROOT
from loadtests.towns import Town
from plenum.store import die_with_parent

START_S = 60.0
PORT = 8080


class RunningEdge:
    """One edge in its town."""

    def __init__(self, town: Town, folder: Path, upstream: str, env: Mapping[str, str]) -> None:
        self.town = town
        self.url = f"http://{town.address}:{PORT}"
        self._folder = folder / town.name
        self._log = folder / f"{town.name}.log"
        self._upstream = upstream
        self._env = os.environ | {"PLENUM_LOG__FORMAT": "json", "PYTHONPATH": str(ROOT)} | dict(env)
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> RunningEdge:
        self._folder.mkdir(exist_ok=True)
        flags = ["--upstream", self._upstream, "--name", self.town.name, "--host", self.town.address]
        flags += ["--port", str(PORT), "--tls", "proxy", "--public-url", self.url, "--pages-url", self._upstream]
        serving = asyncio.Event()
        with self.town.inside():  # nobody is waited for until the process is there
            starting = asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "deploy.cli", "edge", *flags),
                cwd=self._folder,
                env=self._env,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
            self._process = await starting
        self._reading = asyncio.create_task(self._read(self._process, serving))
        await asyncio.wait_for(serving.wait(), START_S)
        return self

    async def kill(self) -> None:
        """kill -9 of all its processes at once."""
        process = self._running()
        for pid in family(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await process.wait()

    async def terminate(self, within_s: float) -> tuple[int, float]:
        """SIGTERM: the exit code and how long it took. Raises TimeoutError."""
        began = time.monotonic()
        self._running().terminate()
        code = await asyncio.wait_for(self._running().wait(), within_s)
        return code, time.monotonic() - began

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()
        if self._reading is not None:
            await self._reading

    async def _read(self, process: asyncio.subprocess.Process, serving: asyncio.Event) -> None:
        if process.stdout is None:
            raise RuntimeError("the edge's output is not a pipe")
        with self._log.open("ab", buffering=0) as log:
            while line := await process.stdout.readline():
                log.write(line)
                if b"serves at" in line:
                    serving.set()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the edge was not started")
        return self._process
