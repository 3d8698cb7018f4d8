"""A running front for the tests of delivery, and viewers of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
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
FEED = f"/live/{EVENT}/feed"


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


class Sloth:
    """A viewer that opens the feed and reads only when told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def watch(
        cls,
        front: Front,
        *renditions: str,
        first: ClientMessage | None = None,
        subject: str = "sloth",
        tls: ssl.SSLContext | None = None,
    ) -> Sloth:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", front.port))
        reader, writer = await asyncio.open_connection(
            sock=link, limit=4096, ssl=tls, server_hostname="localhost" if tls else None
        )
        writer.write(
            f"GET {FEED} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\nAuthorization: Bearer {front.ticket(subject=subject)}\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        text = encode_client(first or Subscribe(renditions)).encode()
        writer.write(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # masked with zeros
        transport = writer.transport
        if tls is not None:  # TLS itself would read on, hundreds of kilobytes
            transport = transport._ssl_protocol._transport  # type: ignore[attr-defined]
        transport.pause_reading()  # type: ignore[attr-defined]
        return cls(reader, writer)


def held_requests() -> float:
    """How many LL-HLS requests wait in this process, by its own metric."""
    return REGISTRY.get_sample_value("plenum_edge_held_requests") or 0.0


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def until(condition: Callable[[], bool]) -> None:
    """For what no event tells: look again until it holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in code that has no event for it
            await asyncio.sleep(0.002)
