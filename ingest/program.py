"""One event's programme: it begins when somebody is on air for the first time and runs until the producer ends it.

Sources come and go (`session.py` says who is on air), transcoders die and are followed (`transcoding.py`), the numbers
go on (`record.py`). `ingest/programmes.py` owns the programmes of all events. What surprises: the programme belongs to the
event. With nobody on air it shows the slate, through the same encoder; after half an hour of that the encoder pauses, and
the event is still not over.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Protocol

import msgspec

from ingest import ledger, metrics, session
from ingest.channel import Channel
from ingest.control import Air, Attach, Configure, Detach, Ready, Refused, Showing, Shown, Stats
from ingest.record import Now, Plan, Record, begun, continued, exact, next_run, reserved
from ingest.recovery import Verdict
from ingest.session import Source, Stage
from ingest.transcoder_process import FORBIDDEN_CALL, Exit
from ingest.transcoding import Owner, Transcoding
from ingest.whip import Entered
from ingest.whip import Session as Resource
from plenum import media
from plenum.clock import Clock
from plenum.errors import Conflict, Forbidden, PlenumError, Unavailable
from plenum.identity import Principal, Role
from plenum.log import get_logger
from plenum.media import ProgrammeState
from plenum.metrics import rejected
from plenum.signalling import etag_of, no_such_session
from plenum.wire import Header

log = get_logger("program")

PAUSE_AFTER_S = 1800.0
BEGIN_WITHIN_S = 1.0
"""How long going live waits for the disk: nobody watches yet, and later nothing waits for it any more."""
SLATE_PAUSE_S = 1.0
"""A transcoder that is back sooner leaves the viewers with a still picture, not with a slate."""


class Peer(Protocol):
    """A presenter's connection, as `ingest.peers` keeps it."""

    answer: str
    ended: asyncio.Future[str]

    def plug(self) -> Any:
        """A socket whose other end the peer writes samples to from now on. Raises Unavailable."""
        ...

    async def close(self, reason: str) -> None: ...


class Connection(NamedTuple):
    """A presenter who is connected, and what the session's HTTP resource says of it."""

    peer: Peer
    resource: Resource


class Peers(Protocol):
    async def open(self, offer: str) -> Peer: ...


MakeTranscoding = Callable[[Owner], Transcoding]


class Programme:
    """The programme of one event."""

    def __init__(
        self,
        record: Record,
        channel: Channel,
        book: ledger.Ledger,
        peers: Peers,
        plan: Plan,
        clock: Clock,
        make: MakeTranscoding,
    ) -> None:
        self.event = record.event
        self.stats: Stats | None = None
        self._record = record
        self._channel = channel
        self._ledger = book
        self._peers = peers
        self._plan = plan
        self._clock = clock
        self._transcoding = make(self)
        self._stage = Stage()
        self._connected: dict[str, Connection] = {}
        self._held_back: set[str] = set()
        self._shown: Showing | None = None
        self._degraded = False
        self._closed = False
        self._door = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        channel.is_on = True

    # --- what others may know ---

    @property
    def record(self) -> Record:
        return self._record

    @property
    def stage(self) -> Stage:
        return self._stage

    @property
    def transcoding(self) -> Transcoding:
        return self._transcoding

    @property
    def has_ended(self) -> bool:
        return bool(self._record.ended_at_ms)

    @property
    def is_idle(self) -> bool:
        """Nobody connected, nothing encoded."""
        return not self._stage.sources and not self._transcoding.is_running

    def state(self) -> media.Programme:
        """What relays and viewers are told."""
        on_air = self._source_shown()
        return media.Programme(
            renditions=self._record.renditions,
            state=self._state(on_air),
            epoch=self._record.epoch,
            on_air=on_air.name if on_air else "",
            started_at_ms=self._record.started_at_ms,
            degraded=self._degraded,
        )

    # --- presenters ---

    async def enter(self, principal: Principal, offer: str, ufrag: str, replaces: str = "") -> Entered:
        """Connect a presenter and put them on air as the rules say. Raises Conflict `on_air`, `replaced`, `event_ended`."""
        source = Source(secrets.token_urlsafe(16), principal.subject, principal.name, principal.stand_in, replaces)
        async with self._door:
            self._check_open()
            session.enter(self._stage, source)  # refused before a process is busy with the offer
            peer = await self._peers.open(offer)
            try:
                self._check_open()
                entrance = session.enter(self._stage, source)
            except PlenumError:
                self._own(peer.close("closed"))
                raise
            self._stage = entrance.stage
            etag = etag_of(peer.answer)
            self._connected[source.session] = Connection(peer, Resource(principal.subject, etag, ufrag))
            peer.ended.add_done_callback(lambda ended: self._drop(source.session, ended.result()))
            await self._take_in(source)
            if entrance.replaced:
                self._drop(entrance.replaced.session, "replaced")
        log.info("source_entered", event_id=self.event, stand_in=source.stand_in)
        return Entered(source.session, peer.answer, etag)

    def find(self, session_id: str) -> Resource | None:
        """A session that is connected."""
        connection = self._connected.get(session_id)
        return connection.resource if connection else None

    async def leave(self, principal: Principal, session_id: str) -> None:
        """DELETE. Raises NotFound `no_such_session`, Forbidden `not_your_session`."""
        source = self._stage.find(session_id)
        if source is None:
            raise no_such_session()
        if source.subject != principal.subject and not principal.may_act_as(Role.PRODUCER):
            raise Forbidden("This is somebody else's session.", code="not_your_session")
        peer = self._connected[session_id].peer
        self._drop(session_id, "closed")
        await peer.close("closed")

    # --- the producer ---

    def describe(self, title: str, language: str) -> None:
        """What the slate says, from the next transcoder on. Raises Conflict `event_ended`."""
        if self.has_ended:
            raise _ended()
        if (title, language) != (self._record.title, self._record.language):
            self._change(title=title, language=language)

    async def end(self) -> None:
        """For good. When it returns, a restart knows it too (as far as the disk allows). Again is no change."""
        if not self.has_ended:
            self._record = msgspec.structs.replace(self._record, ended_at_ms=read_clocks().wall_ms)
            if not await self._ledger.save(exact(self._record, self._clock.wall())):
                log.error("end_not_durable", event_id=self.event)
        async with self._door:
            if self._closed:
                return
            self._closed = True
            await self._go_dark("ended")
            self._channel.end(self.state(), self._clock.monotonic())
            metrics.forget(self.event)
            log.info("programme_ended", event_id=self.event, msn=self._record.msn)

    # --- the process ---

    def resume(self) -> None:
        """After a restart of ingest: go on where the record says, with the slate until somebody posts again."""
        if not self._record.is_running:
            return
        self._record = continued(self._record, read_clocks())
        self._change(vacant_at_ms=self._record.vacant_at_ms or read_clocks().wall_ms)
        self._announce()
        if not self._is_deserted():
            self._transcoding.start()

    async def review(self) -> None:
        """Pause the encoder where nobody has been on air for long."""
        if self._transcoding.is_running and self._is_deserted():
            async with self._door:
                if self._is_deserted() and not self._closed:
                    log.info("programme_paused", event_id=self.event)
                    await self._transcoding.stop()
                    self._shown = None
                    self._ledger.put(exact(self._record, self._clock.wall()))

    async def close(self) -> None:
        """The process ends, the event does not: presenters are told, the exact numbers are written."""
        async with self._door:
            if not self._closed:
                self._closed = True
                await self._go_dark("closed")
                if self._record.is_running:
                    await self._ledger.save(exact(self._record, self._clock.wall()))
            await self._ledger.close()

    # --- what the transcoder says (`transcoding.Owner`) ---

    def next_run(self) -> Configure:
        self._record = continued(self._record, read_clocks())
        self._record, configure = next_run(self._record, self._plan)
        self._change()
        self.stats = None
        return configure

    def on_started(self) -> None:
        for source in self._stage.sources:
            self._attach(source)
        self._put_on_air()

    def on_ready(self, ready: Ready) -> None:
        self._change(renditions=ready.renditions, fps=ready.fps)
        self._announce()

    def on_showing(self, showing: Showing) -> None:
        self._shown = showing
        self._announce()

    def on_stats(self, stats: Stats) -> None:
        metrics.count(self.event, self.stats, stats)
        self.stats = stats

    def on_refused(self, refused: Refused) -> None:
        """A source that cannot be decoded has to be connected anew."""
        rejected.labels(reason=refused.code).inc()
        log.warning("source_refused", event_id=self.event, code=refused.code, detail=refused.message)
        self._drop(refused.source, refused.code)

    def on_init(self, header: Header, message: bytes) -> None:
        self._channel.add_init(header, message)

    def on_part(self, header: Header, message: bytes) -> None:
        self._channel.add_part(header, message, self._clock.monotonic())
        if header.msn > self._record.msn:
            self._change(msn=header.msn)
        for rendition in self._record.renditions:
            if rendition.id == header.rendition:
                metrics.part_seconds.labels(rendition=rendition.name).observe(header.duration / rendition.timescale)

    def on_crashed(self, exit_: Exit, verdict: Verdict) -> None:
        metrics.restarts.labels(event=self.event).inc()
        if exit_.reason == FORBIDDEN_CALL:
            metrics.forbidden_calls.labels(event=self.event).inc()
        if verdict.quarantine:
            self._held_back = {source.session for source in self._stage.sources}
        if verdict.quarantine or verdict.pause_s > SLATE_PAUSE_S:
            self._shown = None
            self._announce()

    def on_degraded(self, degraded: bool) -> None:
        log.error("programme_degraded" if degraded else "programme_recovered", event_id=self.event)
        metrics.degraded.labels(event=self.event).set(degraded)
        self._degraded = degraded
        self._announce()

    def on_settled(self) -> None:
        if self._held_back:
            self._held_back.clear()
            self.on_started()

    # --- parts of the above ---

    def _check_open(self) -> None:
        if self.has_ended:
            raise _ended()
        if self._closed:
            raise Unavailable("The ingest is restarting.", code="restarting", retry_s=1)

    async def _take_in(self, source: Source) -> None:
        """The first source begins the programme, later ones join it."""
        metrics.sessions.labels(event=self.event).set(len(self._connected))
        if not self._record.epoch:
            self._record = begun(self._record, read_clocks())
            saving = asyncio.create_task(self._ledger.save(reserved(self._record, self._clock.wall())))
            await asyncio.wait({saving}, timeout=BEGIN_WITHIN_S)
        if self._record.vacant_at_ms:
            self._change(vacant_at_ms=0)
        if not self._transcoding.is_running:
            self._transcoding.start()
            return
        self._attach(source)
        self._put_on_air()

    def _drop(self, session_id: str, reason: str) -> None:
        """A source is gone, whoever says so first."""
        connection = self._connected.pop(session_id, None)
        if connection is None:
            return
        peer = connection.peer
        log.info("source_left", event_id=self.event, reason=reason)
        metrics.sessions.labels(event=self.event).set(len(self._connected))
        self._stage = session.leave(self._stage, session_id)
        self._held_back.discard(session_id)
        if not peer.ended.done():
            self._own(peer.close(reason))
        if not self._stage.sources and not self.has_ended:
            self._change(vacant_at_ms=read_clocks().wall_ms)
        self._put_on_air()
        self._transcoding.send(Detach(session_id))

    def _attach(self, source: Source) -> None:
        if source.session in self._held_back:
            return
        try:
            plug = self._connected[source.session].peer.plug()
        except Unavailable:
            return  # it is gone; its `ended` says so in a moment
        with plug:
            self._transcoding.send(Attach(source.session, source.name), plug.fileno())

    def _put_on_air(self) -> None:
        source = self._stage.on_air
        shows = source is not None and source.session not in self._held_back
        self._transcoding.send(Air(source.session if source and shows else None))

    async def _go_dark(self, reason: str) -> None:
        """Nothing more is made: the last parts come, presenters are told."""
        await self._transcoding.stop()
        for session_id in list(self._connected):
            self._drop(session_id, reason)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _change(self, **changes: Any) -> None:
        """A new record, on disk as soon as the disk likes."""
        self._record = msgspec.structs.replace(self._record, **changes)
        if self._record.epoch:
            self._ledger.put(reserved(self._record, self._clock.wall()))

    def _announce(self) -> None:
        if self._record.epoch and not self._closed:
            self._channel.announce(self.state(), self._clock.monotonic())

    def _source_shown(self) -> Source | None:
        live = self._shown is not None and self._shown.state is Shown.LIVE and not self.has_ended
        return self._stage.find(self._shown.source) if self._shown and live else None

    def _state(self, on_air: Source | None) -> ProgrammeState:
        if self.has_ended:
            return ProgrammeState.ENDED
        if not self._record.renditions:
            return ProgrammeState.WAITING
        return ProgrammeState.LIVE if on_air else ProgrammeState.SLATE

    def _is_deserted(self) -> bool:
        vacant_at_ms = self._record.vacant_at_ms
        return bool(vacant_at_ms) and read_clocks().wall_ms - vacant_at_ms > PAUSE_AFTER_S * 1000

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def read_clocks() -> Now:
    """CLOCK_MONOTONIC and the wall clock of this machine: the transcoder, another process, reads the same."""
    return Now(time.monotonic_ns() // 1000, time.time_ns() // 1000, ledger.boot_id())


def _ended() -> Conflict:
    return Conflict("This event has ended. Create a new one to go on air again.", code="event_ended")
