"""What happens on one tier because of another: an event is created, goes live, ends. The only glue between tiers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Protocol

import msgspec

from deploy.figures import Figures
from deploy.forward import IngestClient
from plenum.clock import Clock
from plenum.errors import Conflict, NotFound, PlenumError, Unavailable
from plenum.event import Event, EventState, Moderation
from plenum.log import get_logger
from plenum.media import Programme, ProgrammeState
from plenum.registry import Registry

log = get_logger("stage")

RETRY_S = 1.0
RETRY_MOST_S = 30.0


class Board(Protocol):
    """What is asked of `qna.service.Qna`."""

    async def open_board(self, event: str, moderation: Moderation) -> None: ...

    async def event_state(self, event: str, state: EventState, at: float) -> None: ...


class Stage:
    """Carries an event's changes to the registry, the question board and the ingest, in an order that loses nothing."""

    def __init__(self, registry: Registry, figures: Figures, board: Board, ingest: IngestClient, clock: Clock) -> None:
        self._registry = registry
        self._figures = figures
        self._board = board
        self._ingest = ingest
        self._clock = clock
        self._noted: set[str] = set()
        self._ending: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def programme(self, event: Event) -> Programme | None:
        return await self._figures.programme(event)

    async def viewers(self, event: str) -> int:
        return await self._figures.viewers(event)

    async def created(self, event: Event) -> None:
        await self._board.open_board(event.id, event.moderation)

    async def introduce(self, event: Event) -> None:
        """Tell the ingest what the slate should say."""
        body = msgspec.json.encode({"title": event.title, "language": event.language})
        await self._ingest.tell(f"/internal/events/{event.id}", body)

    async def went_live(self, event_id: str) -> None:
        """Somebody is on air for the first time. With the store away the picture goes on; `on_programme` notes it later."""
        if event_id in self._noted:
            return
        try:
            event = await self._registry.went_live(event_id)
            await self._board.event_state(event_id, EventState.LIVE, event.live_at)
        except (Unavailable, NotFound, Conflict) as error:
            log.warning("live_not_noted", event_id=event_id, code=error.code)
            if error.code == "event_ended":  # the ingest was not told, or somebody came on air at the same moment
                self._end_later(event_id)
            return
        self._noted.add(event_id)

    async def ended(self, event: Event) -> None:
        """The registry has it already: tell the pages, then the ingest.

        Raises Unavailable when one of them is away; it is then told again until it has heard, whatever the caller does.
        """
        self._noted.discard(event.id)
        try:
            await self._tell_ended(event)
        except Unavailable:
            self._end_later(event.id)
            raise

    async def _tell_ended(self, event: Event) -> None:
        await self._board.event_state(event.id, EventState.ENDED, event.ended_at)
        await self._ingest.tell(f"/internal/events/{event.id}/end")

    def _end_later(self, event_id: str) -> None:
        if event_id not in self._ending:
            self._ending.add(event_id)
            self._begin(self._until_ended(event_id))

    async def _until_ended(self, event_id: str) -> None:
        """Both orders may be given twice. Without this the presenter would go on sending into an event that is over."""
        wait_s = RETRY_S
        try:
            while True:
                await asyncio.sleep(wait_s)
                wait_s = min(RETRY_MOST_S, wait_s * 2)
                try:
                    await self._tell_ended(await self._registry.get(event_id))
                except Unavailable as error:
                    log.warning("end_not_told", event_id=event_id, code=error.code, again_s=wait_s)
                else:
                    return
        except PlenumError as error:  # an event that is not there (any more)
            log.error("end_given_up", event_id=event_id, code=error.code)
        finally:
            self._ending.discard(event_id)

    def on_programme(self, event_id: str, programme: Programme) -> None:
        """A programme that runs means a live event, also when the store was away while it began."""
        if programme.state in (ProgrammeState.LIVE, ProgrammeState.SLATE) and event_id not in self._noted:
            self._begin(self.went_live(event_id))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
