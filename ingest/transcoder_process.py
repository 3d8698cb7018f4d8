"""One transcoder process as ingest sees it: told what to make, listened to, watched, and gone.

`ingest/transcoding.py` runs one after the other. Its end is noticed at once, whatever ended it; a process that lives but
gives no parts is killed (`recovery.Watchdog`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from ingest.control import (
    MAX_MESSAGE,
    OUTPUT_LENGTH,
    Configure,
    Ready,
    Refused,
    Showing,
    Stats,
    Stop,
    ToTranscoder,
    decode_to_ingest,
    encode_control,
)
from ingest.output_check import OutputCheck
from ingest.recovery import Watchdog
from ingest.seqpacket import ControlConnection
from ingest.spare_transcoder import Spawned
from plenum.clock import Clock
from plenum.errors import BadInput
from plenum.log import get_logger
from plenum.wire import MAX_MESSAGE as FEED_MESSAGE_MAX
from plenum.wire import Header, Kind

log = get_logger("transcoder_process")

CHECK_EVERY_S = 0.25
STOP_WITHIN_S = 2.0
LAST_OUTPUT_WITHIN_S = 1.0
OUTPUT_BUFFER = 256 * 1024
FORBIDDEN_CALL = "forbidden_call"
_SIGNALS = frozenset(signal.Signals)


class Listener(Protocol):
    """Whom a transcoder speaks to."""

    def on_ready(self, ready: Ready) -> None: ...

    def on_showing(self, showing: Showing) -> None: ...

    def on_stats(self, stats: Stats) -> None: ...

    def on_refused(self, refused: Refused) -> None: ...

    def on_init(self, header: Header, message: bytes) -> None: ...

    def on_part(self, header: Header, message: bytes) -> None: ...


class Exit(msgspec.Struct, frozen=True):
    """How a run ended."""

    code: int
    reason: str
    """`stopped` (as asked), `exited`, why we killed it (`stuck`, `bad_output`, `control_full`), or that the kernel did
    (`forbidden_call`): what decodes made a system call that it has no use for (`ingest/system_calls.py`)."""
    sound: bool

    @property
    def signal(self) -> str:
        """The name of the signal that ended it; empty where none did."""
        return signal.Signals(-self.code).name if -self.code in _SIGNALS else ""


class TranscoderProcess:
    """One run. `start`, then `run` until it is over; `send` in between."""

    def __init__(self, event: str, listener: Listener, clock: Clock, take: Callable[[], Awaitable[Spawned]]) -> None:
        self._event = event
        self._listener = listener
        self._clock = clock
        self._take_process = take
        self._process: asyncio.subprocess.Process | None = None
        self._ready = asyncio.Event()
        self._reason = ""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, configure: Configure) -> None:
        """Take a process and tell it what to make. Raises OSError where none can be started."""
        spawned = await self._take_process()
        self._process = spawned.process
        self._check = OutputCheck(configure)
        self._watchdog = Watchdog(self._clock.monotonic())
        self._control = ControlConnection(spawned.control, self._on_packet)
        self._output, self._output_writer = await asyncio.open_unix_connection(sock=spawned.output, limit=OUTPUT_BUFFER)
        self.send(configure)

    def send(self, message: ToTranscoder, descriptor: int | None = None) -> None:
        """A process whose control socket is full has not read for long: it is killed like any other that hangs."""
        if not self._control.closed.done() and not self._control.send(encode_control(message), descriptor):
            self.kill("control_full")

    def kill(self, reason: str) -> None:
        self._reason = self._reason or reason
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def run(self) -> Exit:
        """Listen and watch until the process is gone."""
        assert self._process is not None  # noqa: S101 - started
        reading = asyncio.create_task(self._read(), name=f"transcoder-output-{self._event}")
        ending = asyncio.create_task(self._process.wait(), name=f"transcoder-{self._event}")
        try:
            while not (await asyncio.wait({ending}, timeout=CHECK_EVERY_S))[0]:
                if self._watchdog.is_stuck(self._clock.monotonic(), starved_s(self._process.pid)):
                    self.kill("stuck")
            # What it made last is still in the socket; nobody else holds the other end.
            await asyncio.wait({reading}, timeout=LAST_OUTPUT_WITHIN_S)
            code = ending.result()
            return Exit(code, self._reason or _why(code), self._watchdog.was_sound)
        finally:
            await self._clean_up(reading, ending)

    async def stop(self) -> None:
        """Ask it to finish what is open and to go; `run` returns then."""
        self._reason = "stopped"
        self.send(Stop())
        await asyncio.sleep(STOP_WITHIN_S)
        self.kill("stopped")

    async def _clean_up(self, *tasks: asyncio.Task[object]) -> None:
        self.kill("abandoned")
        for task in tasks:
            if not task.done():
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._control.close()
        self._output_writer.close()

    # --- what it says ---

    def _on_packet(self, packet: bytes, descriptor: int | None) -> None:
        if descriptor is not None:
            os.close(descriptor)
        try:
            if len(packet) > MAX_MESSAGE:
                raise BadInput("A control message is too large.", code="bad_control")
            self._take(packet)
        except BadInput as error:
            log.error("transcoder_not_understood", event_id=self._event, code=error.code, detail=error.message)
            self.kill(error.code)

    def _take(self, packet: bytes) -> None:
        match decode_to_ingest(packet):
            case Ready() as ready:
                self._check.allow(ready.renditions)
                self._listener.on_ready(ready)
                self._ready.set()
            case Showing() as showing:
                self._listener.on_showing(showing)
            case Stats() as stats:
                self._listener.on_stats(stats)
            case Refused() as refused:
                self._listener.on_refused(refused)

    async def _read(self) -> None:
        """Its feed messages, from `ready` on: subscribers hear of a rendition before they get its media."""
        await self._ready.wait()
        try:
            while True:
                self._pass_on(await self._next_message())
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # its end; `run` sees the exit
        except BadInput as error:
            log.error("transcoder_output_refused", event_id=self._event, code=error.code, detail=error.message)
            self.kill(error.code)

    async def _next_message(self) -> bytes:
        (length,) = OUTPUT_LENGTH.unpack(await self._output.readexactly(OUTPUT_LENGTH.size))
        if length > FEED_MESSAGE_MAX:
            raise BadInput(f"A feed message of {length} bytes.", code="bad_output")
        return await self._output.readexactly(length)

    def _pass_on(self, message: bytes) -> None:
        header = self._check.check(message)
        if header.kind is Kind.INIT:
            self._listener.on_init(header, message)
        else:
            self._watchdog.progress(self._clock.monotonic())
            self._listener.on_part(header, message)


def _why(code: int) -> str:
    return FORBIDDEN_CALL if code == -signal.SIGSYS else "exited"


def starved_s(pid: int) -> float:
    """How long the process's threads have waited for a processor in all; 0 where the kernel does not tell."""
    waited_ns = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for schedstat in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            waited_ns += int(schedstat.read_text(encoding="ascii").split()[1])
    return waited_ns / 1e9
