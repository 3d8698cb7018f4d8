"""Framing for WebSockets: what a WebSocket client makes of our bytes."""

from __future__ import annotations

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer

from plenum.errors import BadInput
from plenum.wire import Header, Kind, pack, unpack
from sfu.frames import frame
from tests.sfu.feed_parts import part


async def test_a_websocket_client_reads_messages_of_any_length() -> None:
    messages = [pack(Header(Kind.PART), bytes(n)) for n in (0, 45, 85, 86, 126, 65_000, 65_495, 65_496, 300_000)]

    async def feed(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        for message in messages:
            request.transport.write(frame(message).wire)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/", feed)
    async with TestClient(TestServer(app)) as client, client.ws_connect("/", max_msg_size=0) as socket:
        assert [await socket.receive_bytes() for _ in messages] == messages
        assert (await socket.receive()).type is WSMsgType.CLOSE


@pytest.mark.parametrize("size", [0, 200, 70_000])
def test_the_payload_is_what_the_message_carries(size: int) -> None:
    message = pack(Header(Kind.PART), b"x" * size)
    assert bytes(frame(message).payload) == bytes(unpack(message)[1]) == b"x" * size


def test_a_position_grows_with_parts_and_segments() -> None:
    assert part(3, 9).position < part(4, 0).position < part(4, 1).position


def test_what_is_no_feed_message_is_refused() -> None:
    with pytest.raises(BadInput) as caught:
        frame(b"not a feed message")
    assert caught.value.code == "bad_frame"
