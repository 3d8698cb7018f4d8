"""A relay and its upstream: coming back, going on, giving up in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from prometheus_client import REGISTRY

from plenum.clock import SystemClock
from plenum.identity import Role, Signer
from plenum.wire import EVERYTHING, Bye, Kind, Resume, Subscribe
from sfu import relay as relays
from sfu.relay import Relay, Relays, Upstream
from sfu.room import Room
from tests.sfu.feed_front import EVENT, Front, StartFront, until
from tests.sfu.feed_media import LARGE, Film
from tests.sfu.feed_origin import Origin


class HandClock:
    """Time that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


@pytest.fixture
async def carrier(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], tuple[Relays, HandClock]]]:
    made: list[Relays] = []
    monkeypatch.setattr(relays, "REAP_EVERY_S", 0.01)

    def make() -> tuple[Relays, HandClock]:
        clock = HandClock()
        made.append(Relays(Upstream(origin.address, lambda _: "ticket"), clock, held_requests=10))
        return made[-1], clock

    yield make
    for each in made:
        await each.close()


async def found(front: Front) -> Room:
    await until(lambda: front.delivery.find(EVENT) is not None)
    room = front.delivery.find(EVENT)
    assert room is not None
    return room


async def test_upstream_is_asked_for_everything_with_a_ticket_of_this_node(
    origin: Origin, front: Front, signer: Signer
) -> None:
    await front.watch()
    assert await origin.greetings.get() == Subscribe((EVERYTHING,))
    principal = signer.read_ticket(origin.tickets[0], SystemClock().wall(), EVENT)
    assert (principal.role, principal.event) == (Role.ADMIN, EVENT)


async def test_two_viewers_share_one_upstream(origin: Origin, front: Front, film: Film) -> None:
    await origin.begin(film, 1)
    for watcher in (await front.watch("360p"), await front.watch("180p")):
        await watcher.until(Kind.PART)
    assert len(origin.tickets) == 1


async def test_an_origin_that_restarts_closes_no_viewer_and_nothing_is_lost(
    origin: Origin, front: Front, film: Film
) -> None:
    await origin.begin(film, 2)
    watcher = await front.watch("360p")
    places = [await watcher.until(Kind.PART) for _ in range(10)]
    await origin.stop()
    for message in film.parts(2):  # made while the edge was away
        origin.parts.append(message)
    await origin.start()
    places += [await watcher.until(Kind.PART) for _ in range(10)]
    for message in film.parts(3):
        await origin.tell(message)
    places += [await watcher.until(Kind.PART) for _ in range(10)]
    assert [(h.msn, h.part) for h in places] == [(msn, part) for msn in (1, 2, 3) for part in range(10)]
    assert not watcher.socket.closed


async def test_after_a_break_upstream_is_asked_to_go_on_from_what_is_held(
    origin: Origin, front: Front, film: Film
) -> None:
    await origin.begin(film, 2)
    watcher = await front.watch("360p", "audio")
    while (await watcher.until(Kind.PART)).msn < 1:
        pass
    room = await found(front)
    await until(lambda: room.relay.window.resume_point() == (1, 9))
    await origin.stop()
    await origin.start()
    await origin.greetings.get()
    assert await origin.greetings.get() == Resume(epoch=1, msn=1, part=9, renditions=(EVERYTHING,))


async def test_an_origin_that_says_when_to_come_back_is_asked_then(origin: Origin, front: Front, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch("360p")
    await watcher.until(Kind.PART)
    room = await found(front)
    await origin.stop(Bye("restarting", retry_ms=900))
    await until(lambda: room.relay._retry_s > 0.9)
    assert room.relay._retry_s == 1.8  # doubled for the time after the next
    await origin.start()
    await origin.turn(origin.programme.state)
    assert not watcher.socket.closed


async def test_a_viewer_of_an_origin_that_is_away_waits_and_then_sees(
    origin: Origin, start_front: StartFront, film: Film
) -> None:
    await origin.stop()
    front = await start_front()
    watcher = await front.watch("360p")
    room = await found(front)
    await until(lambda: room.relay._retry_s > relays.BACKOFF_MIN_S)
    origin.inits = film.inits()
    origin.parts = film.parts(0)
    await origin.start()
    assert (await watcher.next())[0].kind is Kind.RENDITIONS
    assert (await watcher.until(Kind.PART)).msn == 0


async def test_junk_from_upstream_breaks_only_that_connection(origin: Origin, front: Front, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch("360p")
    await watcher.until(Kind.PART)
    await origin.tell_raw(b"\x09junk")
    for message in film.parts(1):
        origin.parts.append(message)
    while (await watcher.until(Kind.PART, LARGE.id)).msn < 1:
        pass
    assert not watcher.socket.closed


async def test_an_upstream_that_says_only_what_is_known_already_is_left(
    origin: Origin, front: Front, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "SILENT_S", 0.3)
    await origin.begin(film, 1)
    await (await front.watch("360p")).until(Kind.PART)
    old = film.parts(0)[0]
    async with asyncio.timeout(5):
        while len(origin.tickets) == 1:
            await origin.tell_raw(old)
            await asyncio.sleep(0.05)


async def test_figures_of_an_event_that_was_opened_again_while_it_was_dropped_stay(front: Front) -> None:
    queue = partial(REGISTRY.get_sample_value, "plenum_edge_queue_bytes", {"event": EVENT})
    front.delivery.open(EVENT)
    dropping = asyncio.create_task(front.delivery._relays._drop(EVENT))
    await asyncio.sleep(0)
    front.delivery.open(EVENT)
    await dropping
    assert queue() is not None
    await front.delivery._relays._drop(EVENT)
    assert queue() is None


async def test_a_relay_is_kept_a_minute_after_its_last_use(
    origin: Origin, carrier: Callable[[], tuple[Relays, HandClock]]
) -> None:
    carried, clock = carrier()
    await carried.start()
    dropped: list[Relay] = []

    async def note(relay: Relay) -> None:
        dropped.append(relay)

    carried.on_drop.append(note)
    relay = carried.open(EVENT)
    await origin.greetings.get()
    with relay.used():
        clock.now = 1000.0
    clock.now = 1059.0
    assert not relay.is_idle(clock.now)
    assert carried.open(EVENT) is relay
    clock.now = 1061.0
    await until(lambda: dropped == [relay])
    assert carried.find(EVENT) is None
    await until(lambda: not origin.has_subscribers)


async def test_a_relay_in_use_is_never_dropped(carrier: Callable[[], tuple[Relays, HandClock]]) -> None:
    carried, clock = carrier()
    await carried.start()
    relay, other = carried.open(EVENT), carried.open("another")
    with relay.used():
        clock.now = 10_000.0
        assert not relay.is_idle(clock.now)
        await until(lambda: carried.find("another") is None)  # the reaper ran
        assert carried.find(EVENT) is relay
    assert other is not relay


async def test_a_relay_that_is_used_again_while_another_one_is_dropped_stays(
    carrier: Callable[[], tuple[Relays, HandClock]],
) -> None:
    carried, clock = carrier()
    await carried.start()
    first, second = carried.open(EVENT), carried.open("another")
    dropped: list[Relay] = []

    async def drop(relay: Relay) -> None:
        dropped.append(relay)
        if relay is first:
            with second.used():  # somebody came and went in the meantime
                await asyncio.sleep(0)

    carried.on_drop.append(drop)
    clock.now = 10_000.0
    await until(lambda: dropped == [first])
    await asyncio.sleep(0.05)  # the reaper looks again, several times
    assert carried.find("another") is second
    assert dropped == [first]


async def test_an_edge_carries_a_bounded_number_of_events(
    carrier: Callable[[], tuple[Relays, HandClock]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "MAX_EVENTS", 2)
    carried, _ = carrier()
    await carried.start()
    carried.open("one")
    carried.open("two")
    with pytest.raises(relays.Unavailable) as caught:
        carried.open("three")
    assert caught.value.code == "too_many_events"


async def test_an_ended_event_is_not_asked_for_again(origin: Origin, front: Front, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch("360p")
    await watcher.until(Kind.PART)
    await origin.end()
    assert await watcher.closed() == 1000
    late = await front.watch("360p")
    kinds = [(await late.next())[0].kind for _ in range(14)]
    assert kinds == [Kind.RENDITIONS, Kind.INIT, *[Kind.PART] * 10, Kind.END, Kind.BYE]
    assert await late.closed() == 1000
    assert len(origin.tickets) == 1
