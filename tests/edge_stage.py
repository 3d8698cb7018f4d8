"""`plenum edge` as an operator runs it, as a child process; ended, or killed, at the end of a block."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import aiohttp

from loadtests.processes import family
from loadtests.running_platform import ROOT
from plenum.store import die_with_parent
from tests.ports import free_port

SECRET = "a secret of thirty-two bytes or so"
PAGES = "https://live.example.org"
START_S = 30.0
STOP_S = 15.0


class Edge:
    """The command, started with these settings."""

    def __init__(self, folder: Path, name: str, upstream: str, *flags: str, pages: str = PAGES, **env: str) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.port, self.admin = free_port(), free_port()
        self.url, self.admin_url = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.admin}"
        ports = ("--port", str(self.port), "--admin-port", str(self.admin))
        told = ("--public-url", self.url, "--pages-url", pages, "--name", name)
        self.said: list[str] = []
        self._command = [sys.executable, "-m", "deploy.cli", "edge", "--upstream", upstream, *ports, *told, *flags]
        self._env = os.environ | {"PLENUM_AUTH__SECRET": SECRET, "PLENUM_LOG__FORMAT": "json", "PYTHONPATH": str(ROOT)}
        self._env |= env

    async def __aenter__(self) -> Edge:
        self.process = await asyncio.create_subprocess_exec(
            *self._command,
            cwd=self.folder,
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(START_S):
            while line := await self.process.stdout.readline():
                self.said.append(line.decode())
                if b"serves at" in line:
                    return self
        raise AssertionError(await self.process.communicate())

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.process.returncode is None:
            self.process.terminate()
            self.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(self.process.communicate(), STOP_S)

    async def ready(self) -> int:
        async with aiohttp.ClientSession() as http, http.get(f"{self.admin_url}/readyz") as answer:
            return answer.status

    def kill(self) -> None:
        """kill -9 of all its processes at once."""
        for pid in family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
