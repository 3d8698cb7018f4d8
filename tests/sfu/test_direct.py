"""Parts that go past the transport arrive whole, in order and unchanged, also at a reader who takes them in pieces."""

from __future__ import annotations

import asyncio
import os
from functools import partial

import pytest

from plenum.media import Part
from plenum.wire import HEADER_SIZE, Kind, pack_part
from sfu import direct
from tests.sfu.feed_front import EVENT, Front, Sloth, Watcher, until
from tests.sfu.feed_media import Film
from tests.sfu.feed_origin import Origin

SIZE = 120_000


def picture(msn: int, index: int) -> bytes:
    start = (msn * 10 + index) * 18_000
    return pack_part(Part(0, 1, 1, msn, index, start, 18_000, 0, index == 0, index == 9, False, os.urandom(SIZE)))


async def test_every_viewer_gets_every_byte_also_who_takes_a_part_in_pieces(
    front: Front, origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[bool, bool]] = []
    real = direct.send

    def send(link: int, data: bytes, source: int | None) -> int:
        sent = real(link, data, source)
        taken.append((source is not None, sent == len(data)))
        return sent

    monkeypatch.setattr(direct, "send", send)
    await origin.begin(film, 0)
    quick = [await front.watch("360p") for _ in range(8)]
    sloth = await Sloth.watch(front, "360p")
    await until(lambda: front.delivery.viewers(EVENT) == 9)
    room = front.delivery.find(EVENT)
    assert room is not None
    parts = [picture(msn, index) for msn in range(2) for index in range(10)]

    def held(count: int) -> bool:
        return sum(len(track.since(0)) for track in room.relay.window.tracks.values()) == count

    reading = [
        asyncio.create_task(pieces(sloth, b"".join(parts))),
        *(asyncio.create_task(whole(w, parts)) for w in quick),
    ]
    for number, message in enumerate(parts):
        await origin.tell(message)
        await until(partial(held, number + 1))
        await until(lambda: not any(client.unsent for client in room.clients))
    assert all(await asyncio.wait_for(asyncio.gather(*reading), 20))
    assert (True, True) in taken, "no part went out of the kernel's own pages"
    assert (True, False) in taken, "nobody took a part in pieces: the test shows nothing"
    sloth.writer.transport.abort()


async def whole(watcher: Watcher, wanted: list[bytes]) -> bool:
    got: list[bytes] = []
    while len(got) < len(wanted):
        header, payload = await watcher.next()
        if header.kind is Kind.PART:
            got.append(bytes(payload))
    return got == [message[HEADER_SIZE:] for message in wanted]


async def pieces(sloth: Sloth, wanted: bytes) -> bool:
    """Whether all of it arrives, frame headers left out, as it was sent."""
    sloth.writer.transport.resume_reading()  # type: ignore[attr-defined]
    seen = b""
    while len(seen) < len(wanted):
        size = (await sloth.reader.readexactly(2))[1]
        length = size if size < 126 else int.from_bytes(await sloth.reader.readexactly(2 if size == 126 else 8), "big")
        message = await sloth.reader.readexactly(length)
        if message[1] == Kind.PART:
            seen += message
    return seen == wanted


def test_few_takers_or_few_bytes_are_not_worth_pages() -> None:
    for data, takers in ((bytes(direct.LEAST_BYTES), direct.LEAST_TAKERS - 1), (bytes(100), 1000)):
        with direct.in_pages(data, takers) as source:
            assert source is None


def test_a_machine_that_gives_no_pages_is_written_to_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> int:
        raise OSError("too many open files")

    monkeypatch.setattr(os, "memfd_create", none_left)
    with direct.in_pages(bytes(direct.LEAST_BYTES), direct.LEAST_TAKERS) as source:
        assert source is None


def test_a_socket_that_is_gone_takes_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    assert direct.send(writing, b"part", None) == 0
    os.close(writing)
