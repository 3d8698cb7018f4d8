"""A real origin for the tests of delivery: an aiohttp server that speaks the feed, on any address, and can be restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import WSMsgType, web

from plenum.media import ProgrammeState
from plenum.wire import (
    SUBPROTOCOL,
    Bye,
    ClientMessage,
    Kind,
    Resume,
    decode_client,
    pack_bye,
    pack_end,
    pack_programme,
    unpack,
)
from tests.sfu.feed_media import Film, programme


class Origin:
    """Holds all messages of one event; each subscriber gets the current segment, or what it missed, then what comes."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.programme = programme()
        self.inits: list[bytes] = []
        self.parts: list[bytes] = []
        self.ended = False
        self.greetings: asyncio.Queue[ClientMessage] = asyncio.Queue()
        self.tickets: list[str] = []
        self._subscribers: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    @property
    def has_subscribers(self) -> bool:
        return bool(self._subscribers)

    @property
    def address(self) -> str:
        return f"unix:{self.socket}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/live/{event}/feed", self._feed)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        self.socket.unlink(missing_ok=True)
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def stop(self, bye: Bye | None = None) -> None:
        """Gone, with a word or (by default) without."""
        for subscriber in list(self._subscribers):
            if bye is not None:
                await subscriber.send_bytes(pack_bye(bye))
                await subscriber.close()
            elif subscriber._req is not None and subscriber._req.transport is not None:
                subscriber._req.transport.abort()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def tell(self, message: bytes) -> None:
        """One message to everybody, kept where it is media."""
        kind = unpack(message)[0].kind
        if kind is Kind.PART:
            self.parts.append(message)
        elif kind is Kind.INIT:
            self.inits.append(message)
        await self.tell_raw(message)

    async def tell_raw(self, message: bytes) -> None:
        """Any bytes, to everybody who is there now."""
        for subscriber in list(self._subscribers):
            if not subscriber.closed:
                await subscriber.send_bytes(message)

    async def turn(self, state: ProgrammeState) -> None:
        self.programme = msgspec.structs.replace(self.programme, state=state)
        await self.tell(pack_programme(self.programme))

    async def end(self) -> None:
        self.ended = True
        await self.turn(ProgrammeState.ENDED)
        await self.tell(pack_end(self.programme.epoch))

    async def begin(self, film: Film, segments: int) -> None:
        """Inits and whole segments from the film's beginning."""
        for message in film.inits():
            await self.tell(message)
        for msn in range(segments):
            for message in film.parts(msn):
                await self.tell(message)

    async def _feed(self, request: web.Request) -> web.WebSocketResponse:
        self.tickets.append(request.headers["Authorization"].removeprefix("Bearer "))
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False)
        await socket.prepare(request)
        greeting = decode_client((await socket.receive()).data)
        for message in [pack_programme(self.programme), *self.inits, *self._history(greeting)]:
            await socket.send_bytes(message)
        if self.ended:
            await socket.send_bytes(pack_end(self.programme.epoch))
        self._subscribers.add(socket)
        self.greetings.put_nowait(greeting)
        try:
            while (await socket.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                pass
        finally:
            self._subscribers.discard(socket)
        return socket

    def _history(self, greeting: ClientMessage) -> list[bytes]:
        if isinstance(greeting, Resume):
            after = (greeting.msn, greeting.part)
            return [part for part in self.parts if _position(part) > after]
        current = max((_position(part)[0] for part in self.parts), default=0)
        return [part for part in self.parts if _position(part)[0] >= current]


def _position(message: bytes) -> tuple[int, int]:
    header, _ = unpack(message)
    return header.msn, header.part


@asynccontextmanager
async def live(origin: Origin, film: Film, from_segment: int) -> AsyncIterator[None]:
    """The film in real time from a segment on, for as long as the block runs."""

    async def play() -> None:
        loop = asyncio.get_running_loop()
        zero: tuple[float, int] | None = None
        for msn in range(from_segment, film.length):
            for message in film.parts(msn):
                header, _ = unpack(message)
                zero = zero or (loop.time(), header.wall_us)
                due = zero[0] + (header.wall_us - zero[1]) / 1e6
                await asyncio.sleep(max(0.0, due - loop.time()))
                await origin.tell(message)

    task = asyncio.create_task(play())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
