"""Transcoder processes before they have a programme: one is kept ready, with everything imported.

Starting one takes most of a second of processor time, on a busy machine several seconds of the clock; viewers would see
that after each crash. `Spares.take` hands out the one that waits; the next is started a little later, when the one that
was taken has found its feet. The kernel kills them all when ingest dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.child_environment import child_environment
from ingest.seqpacket import seqpacket_pair
from plenum.log import get_logger

log = get_logger("spare_transcoder")

COMMAND = (sys.executable, "-m", "ingest.transcoder")
NEXT_AFTER_S = 2.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process and our ends of its sockets."""

    process: asyncio.subprocess.Process
    control: socket.socket
    output: socket.socket

    def discard(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.control.close()
        self.output.close()


async def spawn(command: Sequence[str] = COMMAND) -> Spawned:
    """A new process. Raises OSError where none can be started."""
    control, their_control = seqpacket_pair()
    output, their_output = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    output.setblocking(False)
    try:
        with their_control, their_output:
            descriptors = (their_control.fileno(), their_output.fileno())
            process = await asyncio.create_subprocess_exec(
                *command,
                *("--control", str(descriptors[0]), "--output", str(descriptors[1])),
                pass_fds=descriptors,
                env=child_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                preexec_fn=die_with_parent,
            )
    except BaseException:
        control.close()
        output.close()
        raise
    return Spawned(process, control, output)


class Spares:
    """Keeps one ready from `start` to `close`."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._spare: Spawned | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        self._prepare(0)

    async def take(self) -> Spawned:
        """One for a programme. Raises OSError where none can be started."""
        spare, self._spare = self._spare, None
        self._prepare(NEXT_AFTER_S)
        if spare is not None and spare.process.returncode is None:
            return spare
        if spare is not None:
            spare.discard()
        return await spawn(self._command)

    async def close(self) -> None:
        self._closing = True
        if self._preparing is not None:
            self._preparing.cancel()
            await asyncio.gather(self._preparing, return_exceptions=True)
        if self._spare is not None:
            self._spare.discard()
            await self._spare.process.wait()

    def _prepare(self, after_s: float) -> None:
        if not self._closing and (self._preparing is None or self._preparing.done()):
            self._preparing = asyncio.create_task(self._make(after_s), name="spare-transcoder")

    async def _make(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if self._spare is None:
            try:
                self._spare = await spawn(self._command)
            except OSError as error:
                log.warning("no_spare_transcoder", error=str(error))


def die_with_parent() -> None:
    """For `preexec_fn`: no transcoder outlives its ingest. The library is loaded before the fork, where locks are free."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
