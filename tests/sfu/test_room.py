"""The fan-out: what a room does when it is crowded, late, or somebody leaves in the middle."""

from __future__ import annotations

import asyncio
import socket

import pytest

from plenum.wire import AUTO, Bye, Kind, Progress, Subscribe, as_bye, encode_client
from sfu import room
from sfu.client import Client
from sfu.frames import frame
from sfu.room import Room
from sfu.window import Heard
from tests.sfu.feed_front import EVENT, Front, StartFront, Watcher, sample, until
from tests.sfu.feed_media import LARGE, Film
from tests.sfu.feed_origin import Origin


@pytest.fixture
async def crowd(front: Front, origin: Origin, film: Film) -> tuple[Room, list[Watcher]]:
    """A room with twenty viewers of the large rendition who have the first segment."""
    await origin.begin(film, 1)
    watchers = [await front.watch("360p") for _ in range(20)]
    for watcher in watchers:
        for _ in range(10):
            await watcher.until(Kind.PART)
    found = front.delivery.find(EVENT)
    assert found is not None
    return found, watchers


def large(film: Film, msn: int) -> list[bytes]:
    return [message for message in film.parts(msn) if message[2] == LARGE.id]


def clients(of: Room) -> list[Client]:
    return list(of._clients)


async def test_every_viewer_is_written_the_very_same_bytes(
    crowd: tuple[Room, list[Watcher]], origin: Origin, film: Film
) -> None:
    _, watchers = crowd
    await origin.tell(large(film, 1)[0])
    received = [await watcher.next() for watcher in watchers]
    assert {bytes(payload) for _, payload in received} == {film.media[0].segments[1][0].data}


async def test_a_large_audience_is_served_in_slices_with_turns_for_others_in_between(
    crowd: tuple[Room, list[Watcher]], origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SLICE_S", -1.0)
    here, _ = crowd
    served: list[int] = []

    def count() -> None:
        done = sum(client.viewer._streams[LARGE.id].position == (1, 0) for client in clients(here))
        if done < 20:
            served.append(done)
            asyncio.get_running_loop().call_soon(count)

    await origin.tell(large(film, 1)[0])
    count()
    await until(lambda: clients(here)[-1].viewer._streams[LARGE.id].position == (1, 0))
    assert {8, 16} <= set(served)


async def test_a_fan_out_that_falls_behind_drops_parts_but_never_news_of_the_programme(
    crowd: tuple[Room, list[Watcher]], origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "QUEUE_FRAMES", 4)
    here, watchers = crowd
    frames = [frame(message) for message in [*large(film, 1), *large(film, 2)]]
    news = here.relay.window.programme_frame
    assert news is not None
    for one in [frames[0], news, *frames[1:]]:  # all at once: the fan-out gets no turn in between
        meaning = here.relay.window.accept(one)
        here.publish(one, meaning)
    assert (await watchers[0].next())[0].kind is Kind.RENDITIONS
    monkeypatch.undo()
    for message in large(film, 3):
        await origin.tell(message)
    lost, first = (await watchers[0].next())[0], (await watchers[0].next())[0]
    assert [(h.kind, h.msn, h.part) for h in (lost, first)] == [(Kind.GAP, 3, 0), (Kind.PART, 3, 0)]


async def test_who_left_is_written_nothing_more(crowd: tuple[Room, list[Watcher]]) -> None:
    here, _ = crowd
    client = clients(here)[0]
    client._transport.close()
    assert client.write(b"something") == 0


async def test_who_was_dismissed_is_written_nothing_more_and_told_only_once(crowd: tuple[Room, list[Watcher]]) -> None:
    here, watchers = crowd
    client = clients(here)[0]
    client.dismiss(Bye("too_slow", 5_000))
    client.dismiss(Bye("restarting", 1))
    assert client.write(b"something") == 0
    header, _ = await watchers[0].next()
    assert header.kind is Kind.BYE
    assert await watchers[0].closed() == 4008


async def test_viewers_whose_connections_break_harm_nobody(
    crowd: tuple[Room, list[Watcher]], origin: Origin, film: Film
) -> None:
    here, watchers = crowd
    for client in clients(here)[::2]:
        client._transport.abort()
    await origin.tell(large(film, 1)[0])
    for watcher in watchers[1::2]:
        assert (await watcher.next())[0].kind is Kind.PART
    await until(lambda: len(here) == 10)
    assert here.viewers == 10


async def test_a_viewer_that_goes_in_the_middle_of_a_fan_out_is_counted_no_more(
    crowd: tuple[Room, list[Watcher]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SLICE_S", -1.0)
    here, watchers = crowd
    news, leaving = here.relay.window.programme_frame, clients(here)[-1]
    assert news is not None
    telling = asyncio.create_task(here._fan_out(news, Heard.PROGRAMME))
    await asyncio.sleep(0)  # the first slice
    assert not telling.done()
    here.leave(leaving)
    await telling
    assert [(await watcher.next())[0].kind for watcher in watchers[:-1]] == [Kind.RENDITIONS] * 19
    assert (here.viewers, sample("plenum_edge_viewers", event=EVENT)) == (19, 19)
    for watcher in watchers:
        await watcher.socket.close()
    await until(lambda: len(here) == 0)
    assert (here.viewers, here.demand()) == (0, set())


@pytest.mark.parametrize("where", ["pass_on", "offer"])
async def test_a_defect_that_one_viewers_state_meets_costs_nobody_else_a_part(
    crowd: tuple[Room, list[Watcher]], origin: Origin, film: Film, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, watchers = crowd
    unlucky = clients(here)[3]

    def fail(*_: object) -> None:
        raise OverflowError("int too large to convert to float")

    if where == "pass_on":
        monkeypatch.setattr(unlucky, "pass_on", fail)
    else:
        unlucky.viewer._streams[LARGE.id].passed = None
        monkeypatch.setattr(unlucky.viewer, "offer", fail)
    for message in large(film, 1):
        await origin.tell(message)
    header, payload = await watchers[3].next()
    assert (header.kind, as_bye(payload).code) == (Kind.BYE, "internal")
    assert await watchers[3].closed() == 1011
    for watcher in watchers[:3] + watchers[4:]:
        assert [(await watcher.until(Kind.PART)).part for _ in range(10)] == list(range(10))
    await until(lambda: here.viewers == 19)


async def test_a_defect_in_looking_after_one_who_waits_costs_only_that_one(
    front: Front, origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    await origin.begin(film, 1)
    watchers = [await front.watch(AUTO) for _ in range(2)]
    for watcher in watchers:
        for _ in range(10):
            await watcher.until(Kind.PART)
    here = front.delivery.find(EVENT)
    assert here is not None
    unlucky, lucky = clients(here)
    looks: list[float] = []

    def fail(*_: object) -> list[bytes]:
        raise ZeroDivisionError

    def look(_: int, now: float, __: int) -> list[bytes]:
        looks.append(now)
        return []

    monkeypatch.setattr(unlucky.viewer, "attend", fail)
    monkeypatch.setattr(lucky.viewer, "attend", look)
    here._attended = {unlucky: None, lucky: None}
    here._attend_wake.set()
    await until(lambda: bool(looks))
    assert (await watchers[0].until(Kind.BYE)).kind is Kind.BYE
    assert await watchers[0].closed() == 1011
    await watchers[1].socket.send_str(encode_client(Progress(0, 9, 0, (0, 9))))
    assert not lucky.is_gone


async def test_a_defect_in_the_fan_out_costs_one_frame_and_not_the_event(
    crowd: tuple[Room, list[Watcher]], origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, watchers = crowd
    fan_out, calls = Room._fan_out, iter([True])

    async def once_broken(self: Room, *args: object) -> None:
        if next(calls, False):
            raise ZeroDivisionError
        await fan_out(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Room, "_fan_out", once_broken)
    for message in large(film, 1):
        await origin.tell(message)
    for message in large(film, 2)[:1]:
        await origin.tell(message)
    assert (await watchers[0].until(Kind.PART)).msn == 2
    assert len(here) == 20


async def test_what_a_viewer_has_not_taken_stays_in_our_own_buffer_where_it_shows(
    crowd: tuple[Room, list[Watcher]],
) -> None:
    link = clients(crowd[0])[0]._transport.get_extra_info("socket")
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == 16 * 1024
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


async def test_a_room_knows_which_renditions_it_needs_and_tells_when_that_changes(front: Front, origin: Origin) -> None:
    first = await front.watch("360p", "no such")
    await first.next()
    here = front.delivery.find(EVENT)
    assert here is not None
    assert here.demand() == {"360p"}
    told: list[set[str]] = []
    here.on_demand.append(lambda: told.append(here.demand()))
    second = await front.watch("360p", "audio")
    await second.next()
    await second.socket.send_str(encode_client(Subscribe(("180p",))))
    await until(lambda: "180p" in here.demand())
    await second.socket.close()
    await until(lambda: len(here) == 1)
    assert told == [{"360p", "audio"}, {"360p", "180p"}, {"360p"}]
    await first.socket.close()
    await until(lambda: not here.demand())


async def test_a_viewer_is_told_the_programme_again_though_nothing_happens(
    front: Front, origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "REPEAT_S", 0.05)
    await origin.begin(film, 1)
    viewer = await front.watch()
    await viewer.until(Kind.RENDITIONS)
    first, again = await viewer.next(), await viewer.next()
    assert first[0].kind is Kind.RENDITIONS
    assert first == again


async def test_an_edge_that_knows_no_programme_yet_says_that_it_is_there(
    start_front: StartFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WORD_S", 0.02)
    monkeypatch.setattr(room, "REPEAT_S", 0.1)
    cut_off = await start_front("unix:/nowhere")
    viewer = await cut_off.watch("360p")
    words = [await viewer.next() for _ in range(3)]
    assert {(header.kind, len(payload)) for header, payload in words} == {(Kind.PADDING, 0)}
