"""The origin's WebSocket: who gets in, what may be said, how connections end."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from ingest import origin as origin_module
from ingest.channel import Channels
from ingest.origin import Origin
from ingest.outbox import STALLED_S
from plenum.clock import SystemClock
from plenum.identity import Role
from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.web import Gate, application
from plenum.wire import Kind, Progress, Subscribe, Unsubscribe, pack_init, pack_part, unpack
from tests.ingest.running_ingest import EVENT, NODE, SIGNER, TENANT, Running, ticket

AUDIO = Rendition(0, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
LIVE = Programme((AUDIO,), ProgrammeState.LIVE, epoch=1, on_air="Anna")


class Hands(SystemClock):
    """A clock that can be put forward."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


@dataclass
class Stage:
    running: Running
    channels: Channels
    origin: Origin
    clock: Hands

    def announce(self, programme: Programme = LIVE) -> None:
        self.channels.open(EVENT).announce(programme, self.clock.monotonic())

    async def wanted(self, *names: str) -> None:
        """Until the only subscriber's choice has been heard."""
        (subscriber,) = self.channels.open(EVENT)._subscribers
        async with asyncio.timeout(10):
            while subscriber._names != names:  # noqa: ASYNC110 - a choice has no event
                await asyncio.sleep(0.01)

    def add_part(self, msn: int, size: int = 1000) -> None:
        channel = self.channels.open(EVENT)
        part = Part(0, 1, 1, msn, 0, 0, 9600, 0, True, True, False, bytes(size))
        message = pack_part(part)
        header, _ = unpack(message)
        channel.add_init(header, pack_init(Init(0, 1, 1, b"init")))
        channel.add_part(header, message, self.clock.monotonic())


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    channels = Channels()
    clock = Hands()
    origin = Origin(channels, Gate(SIGNER, TENANT, clock), clock)
    app = application()
    app.add_routes(origin.routes())
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as http:
        yield Stage(Running(f"http://127.0.0.1:{runner.addresses[0][1]}", http), channels, origin, clock)
    await origin.close()
    await runner.cleanup()


async def refusal(stage: Stage, headers: dict[str, str], event: str = EVENT) -> tuple[int, str]:
    async with stage.running.http.get(f"{stage.running.base}/live/{event}/feed", headers=headers) as response:
        return response.status, (await response.json())["code"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 403, "foreign_origin"),
        ({"Origin": "https://elsewhere.example"}, 403, "foreign_origin"),
        ({"Authorization": "Bearer nonsense"}, 401, "bad_ticket"),
        ({"Authorization": f"Bearer {ticket(event='other', role=Role.VIEWER)}"}, 401, "bad_ticket"),
        (NODE, 400, "bad_subprotocol"),
        (NODE | {"Sec-WebSocket-Protocol": "plenum.feed.9, other"}, 400, "bad_subprotocol"),
    ],
)
async def test_who_may_not_subscribe_is_told_why(stage: Stage, headers: dict, status: int, code: str) -> None:
    assert await refusal(stage, headers) == (status, code)


async def test_a_viewer_s_ticket_for_the_event_is_enough(stage: Stage) -> None:
    headers = {"Authorization": f"Bearer {ticket(role=Role.VIEWER)}"}
    url = f"{stage.running.base}/live/{EVENT}/feed"
    async with stage.running.http.ws_connect(url, protocols=("plenum.feed.1",), headers=headers) as ws:
        assert unpack((await ws.receive()).data)[0].kind is Kind.RENDITIONS


async def test_the_state_is_told_before_anything_is_subscribed_to_and_again_when_it_changes(stage: Stage) -> None:
    feed = await stage.running.feed(first=None)
    await feed.shows("waiting")
    stage.announce()
    await feed.shows("live", "Anna")
    assert feed.kinds == [Kind.RENDITIONS, Kind.RENDITIONS]


async def test_parts_are_sent_as_they_come_until_the_subscription_ends(stage: Stage) -> None:
    stage.announce()
    feed = await stage.running.feed(Subscribe(("audio",)))
    await feed.send(Progress(1, 0, 500))
    await feed.shows("live", "Anna")
    await stage.wanted("audio")
    stage.add_part(1)
    await feed.parts_after(1)
    await feed.send(Unsubscribe())
    await stage.wanted()
    stage.add_part(2)
    stage.announce(Programme((AUDIO,), ProgrammeState.SLATE, epoch=1))
    await feed.shows("slate")
    assert [part.msn for part in feed.parts()] == [1]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("hello", "bad_message"),
        ('{"t":"subscribe","renditions":5}', "bad_message"),
        ('{"t":"dance"}', "bad_message"),
        (b"\x00\x01", "bad_message"),
    ],
)
async def test_nonsense_is_answered_with_bye_and_never_come_back(stage: Stage, said: str | bytes, code: str) -> None:
    feed = await stage.running.feed(first=None)
    await (feed.socket.send_bytes(said) if isinstance(said, bytes) else feed.socket.send_str(said))
    assert await feed.closed() == 1008
    assert feed.bye and (feed.bye.code, feed.bye.retry_ms) == (code, -1)


async def test_a_message_that_is_too_large_ends_the_connection(stage: Stage) -> None:
    feed = await stage.running.feed(first=None)
    await feed.socket.send_str('{"t":"subscribe","renditions":["' + "x" * 20_000 + '"]}')
    assert await feed.closed() == 1009


async def test_somebody_who_talks_too_much_is_sent_away(stage: Stage) -> None:
    feed = await stage.running.feed(first=None)
    for _ in range(40):
        await feed.send(Progress(1, 0, 0))
    assert await feed.closed() == 1008
    assert feed.bye and feed.bye.code == "rate_limited"


async def test_the_end_closes_normally(stage: Stage) -> None:
    stage.announce()
    feed = await stage.running.feed()
    await feed.shows("live", "Anna")
    channel = stage.channels.open(EVENT)
    channel.end(Programme((AUDIO,), ProgrammeState.ENDED, epoch=1), stage.clock.monotonic())
    assert await feed.closed() == 1000
    assert feed.kinds[-1] is Kind.END


async def test_a_drain_says_when_to_come_back(stage: Stage) -> None:
    feed = await stage.running.feed()
    await feed.shows("waiting")
    await stage.origin.close()
    assert await feed.closed() == 1012
    assert feed.bye and feed.bye.retry_ms > 0
    status, code = await refusal(stage, NODE | {"Sec-WebSocket-Protocol": "plenum.feed.1"})
    assert (status, code) == (503, "restarting")


async def raw_subscriber(stage: Stage) -> socket.socket:
    """A connection that has subscribed and reads nothing; its buffers are small."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    port = int(stage.running.base.rpartition(":")[2])
    await loop.sock_connect(raw, ("127.0.0.1", port))
    request = (
        f"GET /live/{EVENT}/feed HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: plenum.feed.1\r\nAuthorization: {NODE['Authorization']}\r\n\r\n"
    )
    await loop.sock_sendall(raw, request.encode())
    assert b"101" in await loop.sock_recv(raw, 64)
    body = b'{"t":"subscribe","renditions":["*"]}'
    await loop.sock_sendall(raw, struct.pack("!BBI", 0x81, 0x80 | len(body), 0) + body)
    return raw


async def until_subscribed(stage: Stage, count: int) -> None:
    async with asyncio.timeout(10):
        while len(stage.channels.open(EVENT)) != count:  # noqa: ASYNC110 - the last subscriber's end has no event
            await asyncio.sleep(0.01)


async def test_a_connection_that_is_reset_leaves_no_traceback(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.announce()
    raw = await raw_subscriber(stage)
    await until_subscribed(stage, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()
    for msn in range(20):
        stage.add_part(msn, 100_000)
        await asyncio.sleep(0)
    await until_subscribed(stage, 0)
    assert caplog.records == []


async def test_a_reader_that_stands_still_is_cut_off_and_others_get_everything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(origin_module, "CLOSE_WITHIN_S", 0.3)
    stage.announce()
    feed = await stage.running.feed()
    await feed.shows("live", "Anna")
    raw = await raw_subscriber(stage)
    await until_subscribed(stage, 2)
    for msn in range(1, 41):
        stage.add_part(msn, 200_000)
        await feed.until(lambda feed, msn=msn: len(feed.parts()) == msn)
    stage.clock.ahead_s += STALLED_S + 1
    stage.add_part(41)
    await until_subscribed(stage, 1)
    stage.add_part(42)
    await feed.until(lambda feed: len(feed.parts()) == 42)
    assert [part.msn for part in feed.parts()] == list(range(1, 43))
    raw.close()
