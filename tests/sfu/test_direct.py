"""Parts that go past the transport arrive whole, in order and unchanged, also at a reader who takes them in pieces."""

from __future__ import annotations

import asyncio
import os
from functools import partial

import pytest

from plenum.media import Part
from plenum.wire import HEADER_SIZE, Bye, Kind, pack_part
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


@pytest.mark.parametrize("word", ["ping", "pong", "close"])
async def test_a_word_of_the_protocol_waits_for_the_rest_of_a_part_that_is_half_written(
    front: Front, origin: Origin, film: Film, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    real = direct.send

    def send(link: int, data: bytes, source: int | None) -> int:
        taken.append(real(link, data, source))
        return taken[-1]

    monkeypatch.setattr(direct, "send", send)
    await origin.begin(film, 0)
    sloth = await Sloth.watch(front, "360p")
    await until(lambda: front.delivery.viewers(EVENT) == 1)
    room = front.delivery.find(EVENT)
    assert room is not None
    (client,) = room.clients
    parts = [picture(0, 0), picture(0, 1)]
    await origin.tell(parts[0])
    sloth.writer.transport.resume_reading()  # type: ignore[attr-defined]
    seen = b""
    while not seen.endswith(parts[0]):
        seen = (await read_frame(sloth.reader))[1]
    await until(lambda: client.unsent == 0)
    await origin.tell(parts[1])  # the reader takes no more than a few kilobytes of it
    await until(lambda: client.unsent > 0)
    assert [0 < size < SIZE for size in taken] == [True], "the part was not half written past the transport"
    before = client.unsent
    if word == "ping":
        await client._socket.ping(b"word")
    elif word == "pong":
        sloth.writer.write(bytes([0x89, 0x84, 0, 0, 0, 0]) + b"word")  # a ping, masked with zeros
    else:
        client.dismiss(Bye("restarting", 0))
    await until(lambda: client.unsent > before)
    assert await read_frame(sloth.reader) == (2, parts[1])
    code, body = await read_frame(sloth.reader)
    if word == "close":
        assert (code, body[1]) == (2, Kind.BYE)
        code, body = await read_frame(sloth.reader)
    assert (code, body[:4]) == {"ping": (9, b"word"), "pong": (10, b"word"), "close": (8, body[:4])}[word]
    if word == "close":
        assert int.from_bytes(body[:2], "big") == 1012
    sloth.writer.transport.abort()


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of one frame, not masked and whole."""
    async with asyncio.timeout(10):
        first, size = await reader.readexactly(2)
        assert first & 0x80
        length = size if size < 126 else int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        return first & 0x0F, await reader.readexactly(length)


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
