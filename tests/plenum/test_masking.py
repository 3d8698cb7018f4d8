"""Unmasked client frames close the connection, in whatever pieces they arrive; masked ones pass untouched."""

import asyncio
import os
from itertools import pairwise

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from plenum.masking import _WRONG, MaskGuard, insist_on_masks


class Behind:
    """What would reach aiohttp's reader."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        self.data += b"<end>"


def frame(payload: bytes, masked: bool = True, opcode: int = 1) -> bytes:
    size, flag = len(payload), 0x80 if masked else 0
    if size < 126:
        head = bytes([0x80 | opcode, flag | size])
    elif size < 1 << 16:
        head = bytes([0x80 | opcode, flag | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, flag | 127]) + size.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def fed(guard: MaskGuard, data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(places):
        guard.feed_data(data[start:end])


@given(
    st.lists(st.sampled_from([0, 1, 125, 126, 300, 65_536]), max_size=4), st.lists(st.integers(0, 10**6), max_size=8)
)
def test_masked_frames_pass_as_they_are_in_any_pieces(sizes: list[int], cuts: list[int]) -> None:
    data = b"".join(frame(b"x" * size) for size in sizes)
    behind = Behind()
    fed(MaskGuard(behind), data, cuts)
    assert behind.data == data


@given(
    st.lists(st.sampled_from([0, 5, 126]), max_size=3),
    st.sampled_from([0, 5, 126, 70_000]),
    st.lists(st.integers(0, 10**6), max_size=8),
)
def test_nothing_of_an_unmasked_frame_or_after_it_gets_through(before: list[int], size: int, cuts: list[int]) -> None:
    good = b"".join(frame(b"x" * one) for one in before)
    behind = Behind()
    fed(MaskGuard(behind), good + frame(b"secret" * size, masked=False) + frame(b"after"), cuts)
    assert behind.data == good + _WRONG


@pytest.mark.parametrize("pieces", [1, 2, 99])
async def test_a_real_server_closes_with_1002(pieces: int) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        insist_on_masks(request)
        async for message in answer:
            await answer.send_str(message.data)
        return answer

    app = web.Application()
    app.add_routes([web.get("/", echo)])
    async with TestClient(TestServer(app)) as client:
        socket = await client.ws_connect("/")
        await socket.send_str("masked, as clients do")
        assert await socket.receive_str() == "masked, as clients do"
        connection = socket._response.connection
        assert connection is not None and connection.transport is not None
        wrong = frame(b"hello", masked=False)
        for start in range(0, len(wrong), max(1, len(wrong) // pieces)):
            connection.transport.write(wrong[start : start + max(1, len(wrong) // pieces)])
        await socket.receive()
        assert socket.close_code == 1002


async def test_a_viewer_that_vanishes_disturbs_nobody() -> None:
    trouble: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
    ended = asyncio.Event()

    async def listen(request: web.Request) -> web.WebSocketResponse:
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        insist_on_masks(request)
        try:
            async for _ in answer:
                pass
        finally:
            ended.set()
        return answer

    app = web.Application()
    app.add_routes([web.get("/", listen)])
    async with TestClient(TestServer(app)) as client:
        socket = await client.ws_connect("/")
        await socket.send_str("hello")
        connection = socket._response.connection
        assert connection is not None and connection.transport is not None
        connection.transport.abort()
        async with asyncio.timeout(5):
            await ended.wait()
    assert trouble == []


@given(st.binary(max_size=125))
def test_a_short_text_that_arrives_alone_may_be_taken_before_the_reader(text: bytes) -> None:
    behind, taken = Behind(), []
    guard = MaskGuard(behind)
    guard.on_short_text = lambda one: not taken.append(one)  # type: ignore[func-returns-value]
    guard.feed_data(frame(text))
    assert (taken, behind.data) == ([text], b"")


@given(st.lists(st.sampled_from([0, 3, 125, 126, 300]), max_size=4), st.lists(st.integers(0, 10**6), max_size=8))
def test_what_is_declined_or_does_not_arrive_alone_passes_as_it_is(sizes: list[int], cuts: list[int]) -> None:
    data = b"".join(frame(b"x" * size) for size in sizes) + frame(b"ping", opcode=9)
    behind = Behind()
    guard = MaskGuard(behind)
    guard.on_short_text = lambda _: False
    fed(guard, data, cuts)
    assert behind.data == data


def test_two_texts_in_one_piece_or_one_without_a_mask_are_not_taken() -> None:
    for data in (frame(b"a") + frame(b"b"), frame(b"secret", masked=False), frame(b"a", opcode=2)):
        taken: list[bytes] = []
        guard = MaskGuard(Behind())
        guard.on_short_text = lambda one, taken=taken: not taken.append(one)
        guard.feed_data(data)
        assert taken == []
