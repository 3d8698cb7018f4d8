"""The real platform as a child process: `plenum run` on free ports with a data folder of its own.

For benchmarks and system tests. It is ended, or killed, by process id together with everything it started.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from loadtests.processes import family
from plenum.identity import Principal, Role, Signer, new_subject
from plenum.store import die_with_parent

ROOT = Path(__file__).resolve().parents[1]
START_S = 60.0
STOP_S = 20.0
TENANT = "main"
_LINK = re.compile(r"^\s*(\S.*?)\s+(https?://\S+/j/\S+)", re.MULTILINE)
_LABELS = {"Presenter": "presenter", "Employee": "viewer", "Producer": "producer", "All events": "all"}


class Platform:
    """`plenum run`, its address and its invitation links by role (`presenter viewer producer` with the demo, `all`)."""

    def __init__(self, data_dir: Path, *flags: str, env: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self._flags = flags
        self._env = os.environ | {"PLENUM_LOG__FORMAT": "json"} | dict(env or {})
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._output = ""
        self._spoke = asyncio.Event()
        self.links: dict[str, str] = {}
        self.url = ""
        self.admin_url = f"http://127.0.0.1:{free_port()}"
        self.started_s = 0.0

    @property
    def log(self) -> Path:
        return self.data_dir.parent / f"{self.data_dir.name}.log"

    async def start(self) -> Platform:
        began = time.monotonic()
        self._output, self.links = "", {}
        ports = ["--port", "0", "--admin-port", self.admin_url.rpartition(":")[2]]
        command = ["run", *ports, "--data-dir", str(self.data_dir), *self._flags]
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "deploy.cli",
                *command,
                cwd=ROOT,
                env=self._env,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._reading = asyncio.create_task(self._read())
        await asyncio.wait_for(self._until("Ctrl-C stops everything."), START_S)
        self.started_s = time.monotonic() - began
        self.links = {_LABELS[label]: link for label, link in _LINK.findall(self._output) if label in _LABELS}
        self.url = self.links["all"].partition("/j/")[0]
        return self

    async def stop(self) -> int:
        """Ctrl-C; returns the exit code. What does not end in time is killed, which the code then shows."""
        process = self._running()
        everybody = self.family()
        process.send_signal(signal.SIGINT)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), STOP_S)
        await self._reap(everybody)
        return process.returncode or 0

    async def kill(self) -> None:
        """kill -9 of every process of the platform at once."""
        await self._reap(self.family())

    @property
    def store_url(self) -> str:
        """Of the store that it runs with, as an edge on this machine may be given it."""
        settings = json.loads((self.data_dir / "run" / "settings.json").read_text())
        return str(settings["redis"]["url"])

    def family(self) -> list[int]:
        """Process ids of the platform, the supervisor first."""
        return family(self._running().pid)

    def find(self, words: str) -> list[int]:
        """Process ids whose command line has these words, for example `ingest.transcoder`."""
        found = []
        for pid in self.family():
            with suppress(OSError):
                if words in Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode():
                    found.append(pid)
        return found

    async def metrics(self) -> list[str]:
        """Lines of all processes' metrics, equal ones summed."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.admin_url}/metrics") as answer:
            return (await answer.text()).splitlines()

    def transcoder(self, event: str) -> int:
        """Process id of the transcoder that an event was given last, by the log: a spare one waits beside it."""
        started = [
            line["pid"]
            for line in map(json.loads, filter(_is_json, self.log.read_text(errors="replace").splitlines()))
            if line.get("event") == "transcoder_started" and line.get("event_id") == event
        ]
        return int(started[-1])

    def ticket(self, event: str, role: Role, name: str = "", lifetime_s: float = 3600) -> str:
        signer = Signer((self.data_dir / "secret.key").read_bytes())
        return signer.ticket(Principal(TENANT, event, role, new_subject(), name), time.time(), lifetime_s)

    async def _reap(self, everybody: list[int]) -> None:
        for pid in everybody:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._running().wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        stream = self._running().stdout
        if stream is None:
            raise RuntimeError("the platform's output is not a pipe")
        with self.log.open("ab", buffering=0) as log:
            while line := await stream.readline():
                log.write(line)
                self._output += line.decode(errors="replace")
                self._spoke.set()
        self._spoke.set()

    async def _until(self, words: str) -> None:
        while words not in self._output:
            await self._spoke.wait()
            self._spoke.clear()
            if self._reading is not None and self._reading.done() and words not in self._output:
                said = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"plenum run ended before it served; its log ends with:\n{said}")

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError("the platform was not started")
        return self._process


def _is_json(line: str) -> bool:
    return line.startswith("{")


def metric(lines: Iterable[str], name: str, event: str = "") -> float:
    """The sum over all samples of a metric, of one event where that is named. Raises LookupError when there is none."""
    samples = [
        line for line in lines if re.match(rf"{name}(\{{|\s)", line) and (not event or f'event="{event}"' in line)
    ]
    if not samples:
        raise LookupError(f"no metric {name} {event}".rstrip())
    return sum(float(line.split()[-1]) for line in samples)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
