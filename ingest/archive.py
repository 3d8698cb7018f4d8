"""Records programmes: one more subscriber of each event's channel, which writes whole segments to disk.

Fronts read the files themselves (`sfu/dvr.py`, layout in `plenum/recording.py`). All writing is done by one thread. What waits
for it is bounded for each event; what does not fit is left out and counted: no part waits for a disk. What surprises: the
subscriber takes from its outbox the moment something is put in, so it never falls behind as a connection can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from ingest import metrics
from ingest.archive_folder import EventFolder, FreePercent, Watermark, free_percent, prepare, sweep
from ingest.channel import Channel, Subscriber
from ingest.segments import Segment, Segments
from plenum.clock import Clock
from plenum.log import get_logger
from plenum.media import Programme, ProgrammeState, Rendition
from plenum.settings import DvrSettings
from plenum.wire import EVERYTHING, Header, Kind, Subscribe, as_programme, unpack

log = get_logger("archive")

WAITING_MAX = 64
WAITING_BYTES = 24 * 1024 * 1024
"""Of one event, for the disk: sixteen seconds of the default ladder."""
SWEEP_EVERY_S = 60.0
CLOSE_WITHIN_S = 5.0

T = TypeVar("T")
Submit = Callable[[Callable[[], None]], "asyncio.Future[None]"]


class Archive:
    """The recordings of all events on this machine."""

    def __init__(self, folder: Path, settings: DvrSettings, clock: Clock, free: FreePercent = free_percent) -> None:
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._watermark = Watermark(folder, settings.min_free_percent, free)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._recorders: dict[str, Recorder] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._is_on = False

    async def start(self) -> None:
        """Make the folder; where that is not possible nothing is recorded."""
        self._is_on = self._settings.enabled and await self._do(lambda: prepare(self._folder))
        if self._is_on:
            self._sweeping = asyncio.create_task(self._sweep(), name="archive-sweep")

    async def close(self) -> None:
        """Write what there is. Again is no change."""
        self._is_on = False
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        for event in list(self._recorders):
            self.leave(event)
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._do(lambda: None)
        except TimeoutError:
            log.error("recording_not_finished")
        except RuntimeError:
            return  # closed before
        self._pool.shutdown(wait=False)

    def follow(self, channel: Channel) -> None:
        """Record this event from now on."""
        if self._is_on and channel.event not in self._recorders:
            folder = EventFolder(self._folder / channel.event, self._watermark)
            self._recorders[channel.event] = Recorder(channel, folder, self._submit, self._clock)

    def leave(self, event: str) -> None:
        """Stop recording it; what is open is written as far as it came."""
        recorder = self._recorders.pop(event, None)
        if recorder is not None:
            recorder.stop()

    def note_ended(self, event: str) -> None:
        """It ended, perhaps while nobody recorded."""
        if self._is_on and event not in self._recorders:
            folder = EventFolder(self._folder / event, self._watermark)
            ended_at_ms = int(self._clock.wall() * 1000)
            self._submit(lambda: folder.finish(ended_at_ms))

    def _submit(self, work: Callable[[], None]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def _sweep(self) -> None:
        hours, keep_hours = self._settings.hours, self._settings.keep_hours
        while True:
            followed = frozenset(self._recorders)
            await self._do(lambda: sweep(self._folder, hours, keep_hours, self._clock.wall(), followed))  # noqa: B023
            await asyncio.sleep(SWEEP_EVERY_S)


class Recorder:
    """The subscriber of one event."""

    def __init__(self, channel: Channel, folder: EventFolder, submit: Submit, clock: Clock) -> None:
        self._channel = channel
        self._folder = folder
        self._submit = submit
        self._clock = clock
        self._renditions: dict[int, Rendition] = {}
        self._segments: dict[int, Segments] = {}
        self._inits: dict[int, dict[int, memoryview]] = {}
        self._recorded: Programme | None = None
        self._waiting = 0
        self._waiting_bytes = 0
        self._over = False
        self._subscriber = Subscriber(self._take)
        now = clock.monotonic()
        channel.join(self._subscriber, now)
        channel.choose(self._subscriber, Subscribe((EVERYTHING,)), now)
        self._take()

    def stop(self) -> None:
        self._channel.leave(self._subscriber)
        self._finish(ended=False)

    def _take(self) -> None:
        while (message := self._subscriber.outbox.take(self._clock.monotonic())) is not None:
            self._hear(*unpack(message))
        if self._subscriber.farewell is not None:
            self._finish(ended=self._channel.has_ended)

    def _hear(self, header: Header, payload: memoryview) -> None:
        if self._over:
            return
        if header.kind is Kind.RENDITIONS:
            self._hear_programme(as_programme(payload))
        elif header.kind is Kind.INIT:
            self._hear_init(header, payload)
        elif header.kind is Kind.PART and header.rendition in self._renditions:
            for segment in self._segments.setdefault(header.rendition, Segments()).add(header, payload):
                self._keep(header.rendition, segment)

    def _hear_programme(self, programme: Programme) -> None:
        if not programme.renditions:
            return  # a restarted ingest says `waiting` before its programme stands again
        self._renditions = {rendition.id: rendition for rendition in programme.renditions}
        # Neither who is on air nor what is shown right now belongs on disk.
        recorded = msgspec.structs.replace(programme, state=ProgrammeState.LIVE, on_air="", degraded=False)
        if recorded != self._recorded and programme.state is not ProgrammeState.ENDED:
            self._recorded = recorded
            self._submit(lambda: self._folder.save(recorded))

    def _hear_init(self, header: Header, payload: memoryview) -> None:
        """The one before stays: a segment that a dead encoder left open is closed by the first part of the next one."""
        inits = self._inits.setdefault(header.rendition, {})
        inits[header.init_id] = payload
        if len(inits) > 2:
            del inits[min(inits)]

    def _keep(self, rendition: int, segment: Segment) -> None:
        init = self._inits.get(rendition, {}).get(segment.first.init_id)
        too_much = self._waiting >= WAITING_MAX or self._waiting_bytes + segment.size > WAITING_BYTES
        if too_much or init is None:
            metrics.archive_gaps.labels(reason="queue_full" if too_much else "no_init").inc()
            return
        self._waiting += 1
        self._waiting_bytes += segment.size
        known = self._renditions[rendition]
        writing = self._submit(lambda: self._folder.append(known.name, segment, init, known.timescale))
        writing.add_done_callback(lambda done: self._written(segment.size, done))

    def _written(self, size: int, done: asyncio.Future[None]) -> None:
        self._waiting -= 1
        self._waiting_bytes -= size
        if not done.cancelled() and (error := done.exception()) is not None:
            metrics.archive_gaps.labels(reason="failed").inc()
            log.error("recording_failed", event_id=self._channel.event, error=repr(error))

    def _finish(self, *, ended: bool) -> None:
        if self._over:
            return
        self._over = True
        for rendition, segments in self._segments.items():
            for segment in segments.close():
                self._keep(rendition, segment)
        ended_at_ms = int(self._clock.wall() * 1000)
        self._submit(lambda: self._folder.finish(ended_at_ms) if ended else self._folder.close())
