"""Starts the platform's processes, watches that each makes progress, and starts again what stops. No media code here.

A child is `python -m deploy.process NAME`. It gets a pipe: one line `ready` when it serves, then a dot a second; or a line
`failed CODE SENTENCE`. A child that exits, or is silent for `SILENCE_S`, is ended and started again with back-off, but not one
that never served: it would fail again, so `launch` says why. Exit code 0 means "done on purpose".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from plenum.errors import PlenumError, Unavailable
from plenum.log import get_logger
from plenum.store import die_with_parent

log = get_logger("supervisor")

READY = b"ready\n"
FAILED = b"failed "
LAST_WORDS_S = 1.0
SILENCE_S = 15.0
START_S = 60.0
"""A first start on a busy machine may take long: it must not become a crash loop."""
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
CALM_S = 60.0
"""Crashes older than this no longer count for the back-off."""
STOP_S = 27.0
"""A front or an edge serves its viewers up to 16 s while they go elsewhere (server.drain_s), then needs some seconds more;
all is over within 30 s."""
HURRIED_S = 5.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One process to keep running."""

    name: str
    argv: tuple[str, ...]
    role: str = ""
    """Those of one role, started after one another, are stopped together."""
    env: dict[str, str] = field(default_factory=dict)


class Child:
    """One process, kept running until `stop`."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.pid: int | None = None
        self.restarts = 0
        self.ready = asyncio.Event()
        self.finished = asyncio.Event()
        self.failed = asyncio.Event()
        """It ended before it ever served."""
        self._has_served = False
        self._last_words = b""
        self._code = 0
        self._stopping = asyncio.Event()
        self._crashes: deque[float] = deque(maxlen=len(BACK_OFF_S))
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running(), name=f"child-{self.spec.name}")

    async def stop(self) -> None:
        """SIGTERM, patience, SIGKILL."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), STOP_S)
            except TimeoutError:
                log.warning("killed", child=self.spec.name)
                self._process.kill()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def hurry(self) -> None:
        """SIGTERM again; soon after that SIGKILL."""
        process = self._process
        if process is not None and process.returncode is None and self._stopping.is_set():
            process.terminate()
            asyncio.get_running_loop().call_later(HURRIED_S, _kill, process)

    def why(self) -> PlenumError:
        """What to tell of a child that failed: what it said itself, else how it ended."""
        if self._last_words.startswith(FAILED):
            code, _, sentence = self._last_words.removeprefix(FAILED).decode(errors="replace").strip().partition(" ")
            return PlenumError(sentence, code=code)
        return Unavailable(
            f"The process '{self.spec.name}' ended before it served (exit code {self._code}); its log is above.",
            code="child_failed",
        )

    async def _keep_running(self) -> None:
        while not self._stopping.is_set():
            code = self._code = await self._run_once()
            self.ready.clear()
            if self._stopping.is_set():
                return
            if code == 0:
                log.info("child_finished", child=self.spec.name)
                self.finished.set()
                return
            if not self._has_served:
                log.error("child_failed", child=self.spec.name, code=code)
                self.failed.set()
                return
            self.restarts += 1
            pause = self._back_off()
            log.warning("child_died", child=self.spec.name, code=code, again_in_s=pause)
            await asyncio.sleep(pause)

    def _back_off(self) -> float:
        now = asyncio.get_running_loop().time()
        recent = sum(1 for at in self._crashes if now - at < CALM_S)
        self._crashes.append(now)
        return BACK_OFF_S[min(recent, len(BACK_OFF_S) - 1)]

    async def _run_once(self) -> int:
        reading, writing = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                "--ready-fd",
                str(writing),
                pass_fds=(writing,),
                env=os.environ | self.spec.env,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        finally:
            os.close(writing)
        self.pid = self._process.pid
        watch = asyncio.create_task(self._watch(reading, self._process))
        try:
            code = await self._process.wait()
            await asyncio.wait({watch}, timeout=LAST_WORDS_S)
            return code
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, reading: int, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        stream = asyncio.StreamReader(limit=4096)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", buffering=0)
        )
        patience = START_S
        try:
            while True:
                heard = await asyncio.wait_for(stream.read(4096), patience)
                if not heard:
                    return  # the pipe closed: the process is ending, wait() tells how
                self._last_words = heard
                if not self.ready.is_set() and READY in heard:
                    self._has_served = True
                    self.ready.set()
                    patience = SILENCE_S
        except TimeoutError:
            log.error("child_hangs", child=self.spec.name, silent_s=patience)
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        finally:
            transport.close()


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


class Supervisor:
    """All children of one `plenum run`."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self._is_stopping = False

    async def launch(self, spec: ChildSpec, patience_s: float = START_S) -> Child:
        """Start a child and wait until it is ready. Raises what the child says, or Unavailable `child_failed`."""
        child = Child(spec)
        self.children.append(child)
        child.start()
        waits = [asyncio.ensure_future(event.wait()) for event in (child.ready, child.finished, child.failed)]
        try:
            done, _ = await asyncio.wait(waits, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not done:
            raise Unavailable(f"The process '{spec.name}' did not start; its log is above.", code="child_failed")
        if child.failed.is_set():
            raise child.why()
        return child

    async def stop(self) -> None:
        """Last started first: the demo before the fronts, the ingest last; those of one role together."""
        self._is_stopping = True
        for _, together in groupby(reversed(self.children), key=lambda child: child.spec.role):
            await asyncio.gather(*(child.stop() for child in together))

    def hurry(self) -> None:
        """A second SIGTERM: no more patience with viewers."""
        for child in self.children:
            child.hurry()

    def healthy(self) -> dict[str, bool]:
        """Whether each serves; nobody does any more once the platform is being stopped."""
        return {
            child.spec.name: not self._is_stopping and (child.ready.is_set() or child.finished.is_set())
            for child in self.children
        }


def spec(name: str, role: str, settings_file: Path, *extra: str) -> ChildSpec:
    """A child that runs `deploy.process` in the given role."""
    argv = (sys.executable, "-m", "deploy.process", role, "--settings", str(settings_file), "--name", name, *extra)
    return ChildSpec(name, argv, role)
