"""The programmes of all events on this machine: found by name, continued after a restart, reviewed, ended.

The one place where WHIP, the internal routes and the feed meet. One event's trouble stays its own: every programme has its
own transcoder, its own record, its own tasks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from ingest import ledger
from ingest.archive import Archive
from ingest.channel import Channels
from ingest.control import Stats
from ingest.program import Peers, Programme
from ingest.record import Plan, Record, resumed
from ingest.spare_transcoder import COMMAND, Spares
from ingest.transcoder_process import TranscoderProcess
from ingest.transcoding import Owner, Transcoding
from ingest.whip import Entered, Session
from plenum.clock import Clock
from plenum.errors import Unavailable
from plenum.event import check_id
from plenum.identity import Principal
from plenum.log import get_logger
from plenum.media import Programme as ProgrammeNews
from plenum.media import ProgrammeState
from plenum.signalling import no_such_session

log = get_logger("programmes")

RUNNING_MAX = 16
"""Events encoded at a time on one machine; each takes most of a core."""
KNOWN_MAX = 1_024
REVIEW_EVERY_S = 15.0
ENDED_KEPT_S = 60.0
"""A relay that was away at the end still gets the last parts."""
DISK_THREADS = 2


class Status(msgspec.Struct, frozen=True):
    """What `GET /internal/events/{event}/status` tells."""

    event: str
    title: str
    state: ProgrammeState
    on_air: str
    degraded: bool
    epoch: int
    msn: int
    init_id: int
    started_at_ms: int
    ended_at_ms: int
    sources: int
    subscribers: int
    transcoder_pid: int | None
    crashes: int
    stats: Stats | None


class Programmes:
    """All of them."""

    def __init__(
        self,
        folder: Path,
        peers: Peers,
        channels: Channels,
        archive: Archive,
        plan: Plan,
        clock: Clock,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._folder = folder
        self._peers = peers
        self._channels = channels
        self._archive = archive
        self._plan = plan
        self._clock = clock
        self._spares = Spares(command)
        self._programmes: dict[str, Programme] = {}
        self._ended_at: dict[str, float] = {}
        self._disk = ThreadPoolExecutor(DISK_THREADS, thread_name_prefix="ledger")
        self._reviewing: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """Go on with every event that has begun and not ended."""
        for event in await asyncio.to_thread(ledger.known_events, self._folder):
            record = await asyncio.to_thread(ledger.load, self._folder, event, self._clock.wall())
            if record.ended_at_ms:
                self._channels.note_ended(event, _over(record.epoch))
                self._archive.note_ended(event)
            elif record.is_running:
                log.info("programme_resumed", event_id=event, msn=record.msn, epoch=record.epoch)
                self._add(resumed(record, self._clock.wall())).resume()
        self._spares.start()
        self._reviewing = asyncio.create_task(self._review(), name="programmes-review")

    async def close(self) -> None:
        """Stop all, write all; what has not ended goes on at the next start."""
        self._closing = True
        if self._reviewing is not None:
            self._reviewing.cancel()
            await asyncio.gather(self._reviewing, return_exceptions=True)
        await asyncio.gather(*(programme.close() for programme in self._programmes.values()))
        await self._spares.close()
        self._disk.shutdown(wait=False)

    # --- WHIP ---

    async def enter(self, principal: Principal, offer: str, ufrag: str, replaces: str = "") -> Entered:
        """Connect a presenter. Raises Conflict as `Programme.enter`, Unavailable `too_many_programmes` and others."""
        programme = await self._open(principal.event)
        running = sum(other.transcoding.is_running for other in self._programmes.values())
        if not programme.transcoding.is_running and running >= RUNNING_MAX:
            raise Unavailable(
                "As many events as this machine can encode are on air.", code="too_many_programmes", retry_s=30
            )
        return await programme.enter(principal, offer, ufrag, replaces)

    def find(self, event: str, session_id: str) -> Session | None:
        """A session that is connected."""
        programme = self._programmes.get(event)
        return programme.find(session_id) if programme else None

    async def leave(self, principal: Principal, event: str, session_id: str) -> None:
        """The presenter ends this session. Raises NotFound `no_such_session`."""
        programme = self._programmes.get(event)
        if programme is None:
            raise no_such_session()
        await programme.leave(principal, session_id)

    # --- internal ---

    async def describe(self, event: str, title: str, language: str) -> None:
        """What the slate says. Raises Conflict `event_ended`."""
        (await self._open(event)).describe(title, language)

    async def end(self, event: str) -> None:
        """The producer ends the event, for good; one that never began too."""
        programme = await self._open(event)
        await programme.end()
        self._ended_at.setdefault(event, self._clock.monotonic())
        self._channels.note_ended(event, _over(programme.record.epoch))

    async def status(self, event: str) -> Status:
        programme = await self._open(event)
        record, news = programme.record, programme.state()
        return Status(
            event=event,
            title=record.title,
            state=news.state,
            on_air=news.on_air,
            degraded=news.degraded,
            epoch=record.epoch,
            msn=record.msn,
            init_id=record.init_id,
            started_at_ms=record.started_at_ms,
            ended_at_ms=record.ended_at_ms,
            sources=len(programme.stage.sources),
            subscribers=len(self._channels.open(event)),
            transcoder_pid=programme.transcoding.pid,
            crashes=programme.transcoding.crashes,
            stats=programme.stats,
        )

    # --- parts of the above ---

    async def _open(self, event: str) -> Programme:
        check_id(event)
        if self._closing:
            raise Unavailable("The ingest is restarting.", code="restarting", retry_s=1)
        if event not in self._programmes:
            record = await asyncio.to_thread(ledger.load, self._folder, event, self._clock.wall())
            if event not in self._programmes:  # nobody else has opened it meanwhile
                return self._add(record)
        return self._programmes[event]

    def _add(self, record: Record) -> Programme:
        if len(self._programmes) >= KNOWN_MAX:
            self._forget_idle()
        if len(self._programmes) >= KNOWN_MAX:
            raise Unavailable("This ingest carries too many events.", code="too_many_events", retry_s=30)
        channel = self._channels.open(record.event)
        self._archive.follow(channel)
        programme = Programme(
            record,
            channel,
            ledger.Ledger(self._folder, self._disk),
            self._peers,
            self._plan,
            self._clock,
            self._make_transcoding,
        )
        self._programmes[record.event] = programme
        return programme

    def _make_transcoding(self, owner: Owner) -> Transcoding:
        return Transcoding(owner, self._clock, self._make_process)

    def _make_process(self, owner: Owner) -> TranscoderProcess:
        return TranscoderProcess(owner.event, owner, self._clock, self._spares.take)

    async def _review(self) -> None:
        while True:
            await asyncio.sleep(REVIEW_EVERY_S)
            for programme in list(self._programmes.values()):
                await programme.review()
            now = self._clock.monotonic()
            for event in [event for event, at in self._ended_at.items() if now - at > ENDED_KEPT_S]:
                del self._ended_at[event]
                self._forget(event)

    def _forget_idle(self) -> None:
        """Events that were only announced, or are over: what matters of them is on disk."""
        for event in [event for event, programme in self._programmes.items() if programme.is_idle]:
            self._forget(event)

    def _forget(self, event: str) -> None:
        programme = self._programmes.pop(event, None)
        if programme is not None:
            channel = self._channels.open(event)
            self._archive.leave(event)
            channel.is_on = False
            channel.clear()
            self._channels.release(channel)


def _over(epoch: int) -> ProgrammeNews:
    return ProgrammeNews((), ProgrammeState.ENDED, epoch)
