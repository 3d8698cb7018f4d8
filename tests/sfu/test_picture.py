"""A picture that the server chooses, on real sockets: what is said, what is sent, what is counted."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from plenum.identity import Role
from plenum.media import Rendition
from plenum.wire import AUTO, Kind, Progress, Resume, Selected, Subscribe, as_selected, encode_client, unpack
from sfu.client import Client
from sfu.room import Room
from tests.sfu.feed_front import EVENT, FEED, Front, Sloth, Watcher, sample, until
from tests.sfu.feed_media import LARGE, SMALL, Film
from tests.sfu.feed_origin import Origin, live


def room_of(front: Front) -> Room:
    room = front.delivery.find(EVENT)
    assert room is not None
    return room


def clients(front: Front) -> list[Client]:
    return list(room_of(front)._clients)


async def selected(watcher: Watcher) -> Selected:
    """The next choice that is told."""
    while True:
        header, payload = await watcher.next()
        if header.kind is Kind.SELECTED:
            return as_selected(payload)


async def messages(sloth: Sloth) -> AsyncIterator[bytes]:
    """What a slow reader reads once it reads, until it is closed."""
    sloth.reader._limit = 1 << 20  # type: ignore[attr-defined]
    sloth.writer.transport.resume_reading()  # type: ignore[attr-defined]
    while True:
        first, length = await sloth.reader.readexactly(2)
        if length == 126:
            length = struct.unpack("!H", await sloth.reader.readexactly(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", await sloth.reader.readexactly(8))[0]
        body = await sloth.reader.readexactly(length)
        if first == 0x82:
            yield body


async def test_who_leaves_the_choice_is_told_it_and_gets_it(front: Front, origin: Origin, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch(AUTO)
    heard = [await watcher.next() for _ in range(4)]
    assert [header.kind for header, _ in heard] == [Kind.RENDITIONS, Kind.SELECTED, Kind.INIT, Kind.PART]
    assert as_selected(heard[1][1]) == Selected("360p", abandoned=False, why="start")
    assert heard[3][0].rendition == LARGE.id
    assert room_of(front).demand() == {"360p"}


async def test_no_larger_picture_than_was_wanted_is_chosen(front: Front, origin: Origin, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch(first=Subscribe((AUTO, "audio"), most="180p"))
    assert (await selected(watcher)).rendition == "180p"
    assert (await watcher.until(Kind.PART)).rendition != LARGE.id
    assert room_of(front).demand() == {"180p", "audio"}


async def test_a_programme_that_begins_later_is_chosen_from_when_it_is_there(
    front: Front, origin: Origin, film: Film
) -> None:
    before, origin.programme = origin.programme, type(origin.programme)((), origin.programme.state, 1)
    watcher = await front.watch(AUTO)
    await watcher.until(Kind.RENDITIONS)
    origin.programme = before
    await origin.turn(before.state)
    assert (await selected(watcher)).rendition == "360p"
    await origin.begin(film, 1)
    assert (await watcher.until(Kind.PART)).rendition == LARGE.id


async def test_a_smaller_wish_is_told_and_followed_at_the_next_independent_part(
    front: Front, origin: Origin, film: Film
) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch(AUTO)
    for _ in range(10):
        await watcher.until(Kind.PART)
    await watcher.socket.send_str(encode_client(Subscribe((AUTO,), most="180p")))
    assert await selected(watcher) == Selected("180p", abandoned=False, why="asked")
    assert room_of(front).demand() == {"360p", "180p"}
    for message in film.parts(1):
        await origin.tell(message)
    part = await watcher.until(Kind.PART, SMALL.id)
    assert (part.msn, part.part) == (1, 0)
    await until(lambda: room_of(front).demand() == {"180p"})


async def test_who_comes_back_goes_on_where_the_line_broke(front: Front, origin: Origin, film: Film) -> None:
    await origin.begin(film, 3)
    await (await front.watch("*")).next()
    await until(lambda: room_of(front).relay.window.resume_point() == (2, 9))
    watcher = await front.watch(first=Resume(epoch=1, msn=2, part=6, renditions=(AUTO,)))
    heard = [(await watcher.next())[0] for _ in range(6)]
    assert [(h.kind, h.msn, h.part) for h in heard[2:]] == [
        (Kind.INIT, 0, 0),
        (Kind.PART, 2, 7),
        (Kind.PART, 2, 8),
        (Kind.PART, 2, 9),
    ]


@pytest.mark.parametrize(("begin", "chosen"), [("180p", SMALL), ("9999p", LARGE), ("", LARGE)])
async def test_who_comes_back_begins_with_the_picture_that_it_had(
    front: Front, origin: Origin, film: Film, begin: str, chosen: Rendition
) -> None:
    await origin.begin(film, 3)
    await (await front.watch("*")).next()
    await until(lambda: room_of(front).relay.window.resume_point() == (2, 9))
    watcher = await front.watch(first=Resume(epoch=1, msn=2, part=6, renditions=(AUTO,), begin=begin))
    assert await selected(watcher) == Selected(chosen.name, abandoned=False, why="start")
    part = await watcher.until(Kind.PART)
    assert (part.rendition, part.msn, part.part) == (chosen.id, 2, 7)


async def test_an_edge_has_no_picture_chosen(front: Front, origin: Origin, film: Film) -> None:
    await origin.begin(film, 1)
    ticket = front.ticket(Role.ADMIN, event="*")
    socket = await front.http.ws_connect(
        FEED, protocols=("plenum.feed.1",), headers={"Authorization": f"Bearer {ticket}"}
    )
    edge = Watcher(socket)
    front.watchers.append(edge)
    await socket.send_str(encode_client(Subscribe((AUTO, "audio"))))
    kinds = {(await edge.next())[0].kind for _ in range(8)}
    assert Kind.SELECTED not in kinds
    assert room_of(front).demand() == {"audio"}


async def test_a_slow_line_is_given_a_smaller_picture_while_its_sound_and_the_others_go_on(
    front: Front, origin: Origin, film: Film
) -> None:
    await origin.begin(film, 0)
    fast = await front.watch(AUTO)
    sound = await front.watch(first=Subscribe(("audio",), beside=True), subject="sloth")
    await until(lambda: front.delivery.viewers(EVENT) == 1)
    down = sample("plenum_edge_switches_total", direction="down")
    sloth = await Sloth.watch(front, AUTO)
    await until(lambda: front.delivery.viewers(EVENT) == 2)
    slow = clients(front)[-1]
    heard: list[tuple[int, int]] = []

    async def read(watcher: Watcher) -> None:
        while True:
            header = await watcher.until(Kind.PART)
            heard.append((id(watcher), header.rendition))

    readers = [asyncio.create_task(read(watcher)) for watcher in (fast, sound)]
    async with live(origin, film, 0):
        await until(lambda: slow.viewer.shown == "180p")
        assert sample("plenum_edge_switches_total", direction="down") == down + 1
        shown = {name: count for name, count in room_of(front)._census._shown.items() if count}
        assert shown == {"360p": 1, "180p": 1}
        assert slow.unsent < 64 * 1024
        parts: list[int] = []
        said: list[Selected] = []
        async for message in messages(sloth):
            header, payload = unpack(message)
            if header.kind is Kind.SELECTED:
                said.append(as_selected(payload))
            elif header.kind is Kind.PART:
                parts.append(header.rendition)
            if parts[-3:] == [SMALL.id] * 3:
                break
        assert [(one.rendition, one.why) for one in said] == [("360p", "start"), ("180p", "slow")]
        assert said[1].abandoned
        assert parts == sorted(parts), "nothing of the large picture after the small one"
        assert slow.viewer.farewell is None
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    assert {rendition for watcher, rendition in heard if watcher == id(fast)} == {LARGE.id}
    assert len([1 for watcher, _ in heard if watcher == id(sound)]) >= 8
    sloth.writer.transport.abort()


async def test_at_the_end_of_the_event_a_slow_viewer_gets_what_was_held_back_for_it_and_then_the_last_word(
    front: Front, origin: Origin, film: Film
) -> None:
    await origin.begin(film, 0)
    sloth = await Sloth.watch(front, AUTO)
    await until(lambda: front.delivery.viewers(EVENT) == 1)
    picture = clients(front)[0].viewer.picture
    assert picture is not None
    msn = 0
    while not picture.holds:
        for message in film.parts(msn):
            await origin.tell(message)
        msn += 1
        await until(lambda last=msn - 1: room_of(front).relay.window.resume_point() == (last, 9))
        await asyncio.sleep(0.01)
    held = [one.position for one in picture._held]
    await origin.end()
    heard = [unpack(message)[0] async for message in _until_bye(sloth)]
    assert [(h.msn, h.part) for h in heard if h.kind is Kind.PART][-len(held) :] == held
    assert [h.kind for h in heard][-3:] == [Kind.PART, Kind.END, Kind.BYE]
    sloth.writer.transport.abort()


async def _until_bye(sloth: Sloth) -> AsyncIterator[bytes]:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        async for message in messages(sloth):
            yield message


async def test_behind_a_proxy_the_reports_alone_tell(front: Front, origin: Origin, film: Film) -> None:
    """The socket takes everything, as a proxy's does; the page says that it got nothing after the first part."""
    await origin.begin(film, 0)
    watcher = await front.watch(AUTO)
    choices: list[Selected] = []
    first: list[tuple[int, int]] = []

    async def read() -> None:
        while True:
            header, payload = await watcher.next()
            if header.kind is Kind.SELECTED:
                choices.append(as_selected(payload))
            elif header.kind is Kind.PART and not first:
                first.append((header.msn, header.part))

    async def report() -> None:
        while True:
            await asyncio.sleep(0.5)
            if first:
                await watcher.socket.send_str(encode_client(Progress(0, 0, 0, first[0])))

    tasks = [asyncio.create_task(read()), asyncio.create_task(report())]
    async with live(origin, film, 0):
        await until(lambda: len(choices) == 2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert choices[1] == Selected("180p", abandoned=True, why="slow")


@pytest.mark.parametrize("named", ["360p", AUTO])
async def test_a_picture_named_after_one_that_was_chosen_goes_on(
    front: Front, origin: Origin, film: Film, named: str
) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch(AUTO)
    for _ in range(10):
        await watcher.until(Kind.PART)
    await watcher.socket.send_str(encode_client(Subscribe((named,))))
    await asyncio.sleep(0.05)
    for message in film.parts(1):
        await origin.tell(message)
    part = await watcher.until(Kind.PART)
    assert (part.rendition, part.msn, part.part) == (LARGE.id, 1, 0)
