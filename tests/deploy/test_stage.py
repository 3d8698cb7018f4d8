"""The end of an event reaches every tier, also one that was away when the producer pressed the button."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest

from deploy import stage as stage_file
from deploy.forward import IngestClient
from deploy.stage import Stage
from plenum.clock import SystemClock
from plenum.errors import Conflict, Unavailable
from plenum.event import Event, EventState, Moderation
from plenum.media import Programme, ProgrammeState
from plenum.registry import Registry

EVENT = "town-hall"
OVER = Event(id=EVENT, title="Town hall", created_at=1.0, state=EventState.ENDED, ended_at=9.0)


@dataclass
class Neighbours:
    """Registry, board and ingest at once; `away` names those that do not answer."""

    away: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    async def get(self, event_id: str) -> Event:
        return OVER

    async def went_live(self, event_id: str) -> Event:
        raise Conflict("This event has ended.", code="event_ended")

    async def open_board(self, event: str, moderation: Moderation) -> None: ...

    async def event_state(self, event: str, state: EventState, at: float) -> None:
        self._answer("board")

    async def tell(self, path: str, body: bytes = b"{}") -> None:
        self._answer(path)

    def programme(self, event: str) -> Programme | None:
        return None

    def viewers(self, event: str) -> int:
        return 0

    def _answer(self, what: str) -> None:
        if self.away & {what, "all"} or ("ingest" in self.away and what != "board"):
            raise Unavailable("Away.", code="ingest_unavailable")
        self.told.append(what)


END = f"/internal/events/{EVENT}/end"


@pytest.fixture
def neighbours() -> Neighbours:
    return Neighbours()


@pytest.fixture
async def stage(neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(stage_file, "RETRY_S", 0.01)
    stage = Stage(cast(Registry, neighbours), neighbours, neighbours, cast(IngestClient, neighbours), SystemClock())
    yield stage
    await stage.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for are plain lists
            await asyncio.sleep(0.005)


async def test_an_ingest_that_was_away_at_the_end_is_told_when_it_is_back(stage: Stage, neighbours: Neighbours) -> None:
    neighbours.away.add("ingest")
    with pytest.raises(Unavailable):
        await stage.ended(OVER)
    await until(lambda: neighbours.told.count("board") > 2)
    assert END not in neighbours.told
    neighbours.away.clear()
    await until(lambda: END in neighbours.told)
    told = len(neighbours.told)
    await asyncio.sleep(0.1)
    assert len(neighbours.told) == told  # once is enough


async def test_a_board_that_was_away_at_the_end_is_told_when_it_is_back(stage: Stage, neighbours: Neighbours) -> None:
    neighbours.away.add("board")
    with pytest.raises(Unavailable):
        await stage.ended(OVER)
    neighbours.away.clear()
    await until(lambda: neighbours.told == ["board", END])


async def test_a_picture_in_an_event_that_is_over_is_ended(stage: Stage, neighbours: Neighbours) -> None:
    live = Programme(renditions=(), state=ProgrammeState.LIVE, epoch=1)
    stage.on_programme(EVENT, live)
    stage.on_programme(EVENT, live)
    await until(lambda: END in neighbours.told)
    await asyncio.sleep(0.05)
    assert neighbours.told == ["board", END]
