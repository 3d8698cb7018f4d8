"""An event's figures are the same whichever front is asked, and with the store or the ingest away they are its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from deploy.figures import FRESH_S, KNOWN_S, Figures
from plenum.errors import Unavailable
from plenum.event import Event, EventState
from plenum.media import Programme, ProgrammeState
from plenum.store import Embedded, connect


@dataclass
class HandClock:
    now: float = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


@dataclass
class Seen:
    """What one front sees itself."""

    counts: dict[str, int] = field(default_factory=dict)
    shown: Programme | None = None

    def programme(self, event: str) -> Programme | None:
        return self.shown

    def viewers(self, event: str) -> int:
        return self.counts.get(event, 0)

    def audiences(self) -> dict[str, int]:
        return self.counts


@dataclass
class Ingest:
    """Says what is live, or is away."""

    on_air: str | None = "Ada"
    asked: int = 0

    async def ask(self, path: str) -> bytes:
        self.asked += 1
        assert path == "/internal/events/demo/status"
        if self.on_air is None:
            raise Unavailable("The ingest is away.")
        return msgspec.json.encode(
            {"event": "demo", "state": "live", "on_air": self.on_air, "degraded": False, "epoch": 3, "msn": 9}
        )


def event(state: EventState = EventState.LIVE) -> Event:
    return Event(id="demo", title="Demo", state=state)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with Embedded(tmp_path) as running:
        yield running


@pytest.fixture
async def redis(server: Embedded) -> AsyncIterator[Redis]:
    client = connect(server.url)
    yield client
    await client.aclose()


def fronts(redis: Redis, clock: HandClock, *seen: Seen, ingest: Ingest | None = None) -> list[Figures]:
    return [Figures(redis, "main", f"front-{n}", each, ingest or Ingest(), clock) for n, each in enumerate(seen)]


async def test_viewers_of_all_fronts_are_counted_and_the_own_ones_once(redis: Redis) -> None:
    one, two = fronts(redis, HandClock(), Seen({"demo": 3}), Seen({"demo": 4, "other": 9}))
    for front in (one, two, one):
        await front.say()
    assert (await one.viewers("demo"), await two.viewers("demo")) == (7, 7)
    assert (await one.viewers("other"), await two.viewers("other")) == (9, 9)


async def test_own_viewers_are_as_of_now_and_others_as_of_a_second_ago(redis: Redis) -> None:
    clock, here, there = HandClock(), Seen({"demo": 3}), Seen({"demo": 4})
    one, two = fronts(redis, clock, here, there)
    await two.say()
    assert await one.viewers("demo") == 7
    here.counts["demo"] = 5
    there.counts.clear()
    await two.say()
    assert await one.viewers("demo") == 9
    clock.now += KNOWN_S
    assert await one.viewers("demo") == 5


async def test_a_front_that_went_away_is_not_counted_for_long(redis: Redis) -> None:
    clock = HandClock()
    one, two = fronts(redis, clock, Seen({"demo": 3}), Seen({"demo": 4}))
    await two.say()
    clock.now += FRESH_S + 0.1
    assert await one.viewers("demo") == 3
    assert 0 < await redis.ttl("pl:main:watching:demo") <= 60


async def test_with_the_store_away_a_front_tells_what_it_sees_itself(redis: Redis, server: Embedded) -> None:
    (front,) = fronts(redis, HandClock(), Seen({"demo": 3}))
    await server.stop()
    assert await front.viewers("demo") == 3


async def test_the_programme_is_what_the_ingest_says_whoever_watches_here() -> None:
    ingest = Ingest()
    (front,) = fronts(connect("unix://nowhere"), HandClock(), Seen(), ingest=ingest)
    shown = await front.programme(event())
    assert shown == await front.programme(event())
    assert shown is not None
    assert (shown.state, shown.on_air, shown.degraded) == (ProgrammeState.LIVE, "Ada", False)
    assert ingest.asked == 1


async def test_the_ingest_is_asked_again_after_a_second() -> None:
    clock, ingest = HandClock(), Ingest()
    (front,) = fronts(connect("unix://nowhere"), clock, Seen(), ingest=ingest)
    await front.programme(event())
    ingest.on_air, clock.now = "Ben", clock.now + KNOWN_S
    shown = await front.programme(event())
    assert shown is not None
    assert shown.on_air == "Ben"


async def test_with_the_ingest_away_a_front_tells_what_it_sees_itself() -> None:
    seen = Seen(shown=Programme((), ProgrammeState.SLATE, 2))
    (front,) = fronts(connect("unix://nowhere"), HandClock(), seen, ingest=Ingest(on_air=None))
    assert await front.programme(event()) == seen.shown


@pytest.mark.parametrize("state", [EventState.SCHEDULED, EventState.ENDED])
async def test_the_ingest_is_not_asked_for_an_event_that_is_not_live(state: EventState) -> None:
    ingest = Ingest()
    (front,) = fronts(connect("unix://nowhere"), HandClock(), Seen(), ingest=ingest)
    assert await front.programme(event(state)) is None
    assert ingest.asked == 0
