"""The transcoders of one programme, one after the other: a dead one is followed by the next (`ingest/recovery.py`).

The programme (`Owner`) says what the next one shall make and hears what it says. What surprises: a crash of one event's
transcoder is no error of ours; it is counted, logged once, and answered by a restart, while everything else goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from ingest.control import Configure, ToTranscoder
from ingest.recovery import QUARANTINE_S, Restarts, Verdict
from ingest.transcoder_process import Exit, Listener, TranscoderProcess
from plenum.clock import Clock
from plenum.log import get_logger

log = get_logger("transcoding")

REVIEW_EVERY_S = 1.0


class Owner(Listener, Protocol):
    """The programme."""

    event: str

    def next_run(self) -> Configure:
        """What the next transcoder shall make; called once for each start."""
        ...

    def on_started(self) -> None:
        """A transcoder runs: attach the sources and say who is on air."""
        ...

    def on_crashed(self, exit_: Exit, verdict: Verdict) -> None: ...

    def on_degraded(self, degraded: bool) -> None:
        """Whether it is in a crash loop; told when it changes."""
        ...

    def on_settled(self) -> None:
        """A run has lasted; what was held back may be tried again."""
        ...


class Transcoding:
    """Keeps a transcoder running from `start` to `stop`."""

    def __init__(self, owner: Owner, clock: Clock, make: Callable[[Owner], TranscoderProcess]) -> None:
        self._owner = owner
        self._clock = clock
        self._make = make
        self._restarts = Restarts()
        self._current: TranscoderProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._degraded = False
        self.crashes = 0

    @property
    def is_running(self) -> bool:
        return self._task is not None

    @property
    def pid(self) -> int | None:
        return self._current.pid if self._current else None

    def start(self) -> None:
        """From now on there is a transcoder."""
        if self._task is None:
            self._stopping = False
            self._task = asyncio.create_task(self._keep(), name=f"transcoding-{self._owner.event}")

    def send(self, message: ToTranscoder, descriptor: int | None = None) -> None:
        """To the one that runs; between two of them nothing is lost, `on_started` tells the next everything."""
        if self._current is not None:
            self._current.send(message, descriptor)

    async def stop(self) -> None:
        """Let the one that runs finish its parts, and start no other."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        if self._current is None:
            task.cancel()
        else:
            stopping = asyncio.create_task(self._current.stop())
            await asyncio.wait({task})
            stopping.cancel()
            await asyncio.gather(stopping, return_exceptions=True)
        await asyncio.gather(task, return_exceptions=True)

    async def _keep(self) -> None:
        reviewing = asyncio.create_task(self._review(), name=f"review-{self._owner.event}")
        try:
            while not self._stopping:
                exit_ = await self._run_once()
                if not self._stopping:
                    await self._after(exit_)
        except Exception:
            # The outermost frame of this programme's transcoding: a defect ends this event's picture, so say it loudly.
            log.exception("transcoding_failed", event_id=self._owner.event)
        finally:
            reviewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reviewing

    async def _run_once(self) -> Exit:
        process = self._make(self._owner)
        try:
            await process.start(self._owner.next_run())
        except OSError as error:
            return Exit(-1, f"not started: {error}", sound=False)
        except asyncio.CancelledError:
            process.kill("abandoned")
            raise
        self._current = process
        self._started_at = self._clock.monotonic()
        log.info("transcoder_started", event_id=self._owner.event, pid=process.pid)
        try:
            self._owner.on_started()
            return await process.run()
        finally:
            self._current = None

    async def _after(self, exit_: Exit) -> None:
        self.crashes += 1
        now = self._clock.monotonic()
        verdict = self._restarts.crashed(now, sound=exit_.sound)
        log.error(
            "transcoder_died",
            event_id=self._owner.event,
            code=exit_.code,
            signal=exit_.signal,
            reason=exit_.reason,
            pause_s=round(verdict.pause_s, 1),
            quarantine=verdict.quarantine,
        )
        self._tell_degraded(now)
        self._owner.on_crashed(exit_, verdict)
        await asyncio.sleep(verdict.pause_s)

    async def _review(self) -> None:
        while True:
            await asyncio.sleep(REVIEW_EVERY_S)
            now = self._clock.monotonic()
            self._tell_degraded(now)
            if self._current is not None and now - self._started_at > QUARANTINE_S:
                self._owner.on_settled()

    def _tell_degraded(self, now: float) -> None:
        degraded = self._restarts.degraded(now)
        if degraded != self._degraded:
            self._degraded = degraded
            self._owner.on_degraded(degraded)
