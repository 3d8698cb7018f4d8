"""A running front for the tests of delivery, and viewers of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web
from prometheus_client import REGISTRY

from plenum.clock import SystemClock
from plenum.identity import Principal, Role, Signer
from plenum.wire import SUBPROTOCOL, ClientMessage, Header, Kind, Subscribe, encode_client, unpack
from sfu.delivery import Delivery

TENANT = "main"
EVENT = "town-hall"


StartFront = Callable[..., Awaitable["Front"]]


class Front:
    """A running server with delivery on it."""

    def __init__(self, delivery: Delivery, signer: Signer, runner: web.AppRunner) -> None:
        self.delivery = delivery
        self.stop = runner.cleanup
        self._runner = runner
        self.signer = signer
        self.port: int = runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.http = aiohttp.ClientSession(self.base)
        self.watchers: list[Watcher] = []

    @property
    def hls(self) -> str:
        key = self.signer.delivery_key(TENANT, EVENT, SystemClock().wall())
        return f"/live/{EVENT}/{key}"

    def ticket(self, role: Role = Role.VIEWER, subject: str = "somebody", event: str = EVENT) -> str:
        return self.signer.ticket(Principal(TENANT, event, role, subject), SystemClock().wall())

    async def vanish(self) -> None:
        """As if its process had been killed."""
        for site in list(self._runner.sites):
            await site.stop()
        for connection in list(self._runner.server.connections if self._runner.server else ()):
            if connection.transport is not None:
                connection.transport.abort()
        await self.delivery._relays.close()

    async def watch(self, *renditions: str, first: ClientMessage | None = None, subject: str = "") -> Watcher:
        """A viewer's socket, subscribed."""
        subject = subject or f"viewer-{len(self.watchers)}"
        socket = await self.http.ws_connect(
            f"/live/{EVENT}/feed",
            protocols=(SUBPROTOCOL,),
            headers={"Authorization": f"Bearer {self.ticket(subject=subject)}"},
            max_msg_size=0,
        )
        await socket.send_str(encode_client(first or Subscribe(renditions)))
        watcher = Watcher(socket)
        self.watchers.append(watcher)
        return watcher


class Watcher:
    """What a viewer's socket received, one message at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> tuple[Header, memoryview]:
        message = await asyncio.wait_for(self.socket.receive(), 10)
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return unpack(message.data)

    async def until(self, kind: Kind, rendition: int | None = None) -> Header:
        """The next message of this kind."""
        while True:
            header, _ = await self.next()
            if header.kind is kind and rendition in (None, header.rendition):
                return header

    async def closed(self) -> int | None:
        """Read to the end: the close code."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), 10)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
                return self.socket.close_code


def held_requests() -> float:
    """How many LL-HLS requests wait in this process, by its own metric."""
    return REGISTRY.get_sample_value("plenum_edge_held_requests") or 0.0


async def until(condition: Callable[[], bool]) -> None:
    """For what no event tells: look again until it holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in code that has no event for it
            await asyncio.sleep(0.002)
