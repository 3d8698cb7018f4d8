"""Events and invitations in the real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plenum.clock import SystemClock
from plenum.errors import Conflict, NotFound, TooMany, Unavailable
from plenum.event import EventState, Language
from plenum.identity import Role
from plenum.registry import Registry
from plenum.store import Embedded, connect


class LaterClock(SystemClock):
    """A wall clock that can be put forward."""

    ahead_s = 0.0

    def wall(self) -> float:
        return super().wall() + self.ahead_s


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with Embedded(tmp_path) as running:
        yield running


@pytest.fixture
def clock() -> LaterClock:
    return LaterClock()


@pytest.fixture
async def registry(server: Embedded, clock: LaterClock) -> AsyncIterator[Registry]:
    redis = connect(server.url)
    yield Registry(redis, "main", clock, limit=3)
    await redis.aclose()


async def test_an_event_is_created_found_and_listed(registry: Registry) -> None:
    event = await registry.create("Grüße aus Köln!", language=Language.DE)
    assert event.id.startswith("gruesse-aus-koeln-")
    assert await registry.get(event.id) == event
    assert await registry.all() == [event]


async def test_the_same_key_creates_one_event(registry: Registry) -> None:
    first = await registry.create("Town hall", once="abc")
    assert await registry.create("Town hall", once="abc") == first
    assert len(await registry.all()) == 1


async def test_a_taken_id_is_refused(registry: Registry) -> None:
    await registry.create("One", event_id="demo")
    with pytest.raises(Conflict):
        await registry.create("Two", event_id="demo")


async def test_the_number_of_events_is_bounded_and_the_refusal_says_what_helps(registry: Registry) -> None:
    for number in range(3):
        await registry.create(f"Event {number}")
    with pytest.raises(TooMany) as caught:
        await registry.create("One more")
    assert caught.value.code == "too_many_events"
    assert "End some, or raise limits.events" in caught.value.message


async def test_an_event_that_has_ended_makes_room_for_another(registry: Registry) -> None:
    events = [await registry.create(f"Event {number}") for number in range(3)]
    await registry.ended(events[0].id)
    await registry.create("One more")
    with pytest.raises(TooMany):
        await registry.create("And another")


async def test_the_last_event_that_fits_may_be_asked_for_again(registry: Registry) -> None:
    last = [await registry.create(f"Event {number}", once=f"key-{number}") for number in range(3)][-1]
    assert await registry.create("Event 2", once="key-2") == last


async def test_going_live_and_ending_are_kept(registry: Registry) -> None:
    event = await registry.create("Town hall")
    assert (await registry.went_live(event.id)).state is EventState.LIVE
    assert (await registry.ended(event.id)).state is EventState.ENDED
    with pytest.raises(Conflict):
        await registry.went_live(event.id)


async def test_an_unknown_event_is_said_to_be_unknown(registry: Registry) -> None:
    with pytest.raises(NotFound) as caught:
        await registry.get("nothing")
    assert caught.value.code == "unknown_event"


async def test_a_link_stays_the_same_until_it_expires(registry: Registry, clock: LaterClock) -> None:
    code, link = await registry.link("demo", Role.VIEWER)
    assert (await registry.link("demo", Role.VIEWER))[0] == code
    assert await registry.redeem(code) == link
    clock.ahead_s = 31 * 86_400
    with pytest.raises(NotFound):
        await registry.redeem(code)
    assert (await registry.link("demo", Role.VIEWER))[0] != code


@pytest.mark.parametrize("code", ["", "x", "aaaaaaaaaaaaaaaa", "../../etc", "a" * 400, "ä" * 16])
async def test_a_wrong_code_opens_nothing(registry: Registry, code: str) -> None:
    with pytest.raises(NotFound) as caught:
        await registry.redeem(code)
    assert caught.value.code == "link_invalid"


async def test_a_store_that_is_away_is_said_to_be_away_within_a_second(registry: Registry, server: Embedded) -> None:
    await server.stop()
    with pytest.raises(Unavailable) as caught:
        await registry.all()
    assert caught.value.code == "store_unavailable"
    assert caught.value.retry_s
