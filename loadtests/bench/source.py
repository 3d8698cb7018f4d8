"""An ingest that only plays a tape: `python -m loadtests.bench.source --socket PATH --tape FILE`; with `--port` on TCP.

It speaks `plenum.feed.1` on the unix socket where a front looks for the ingest, one event after another name alike, and
costs next to nothing: so a benchmark of delivery has no transcoder beside it. On TCP, with viewers, it is itself what is
measured: aiohttp's `send_bytes` to each of them in turn. Says `ready` and the port on its output.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web

from loadtests.bench.children import started
from loadtests.bench.tape import Tape, decoded
from plenum.media import Part
from plenum.wire import (
    SUBPROTOCOL,
    Resume,
    Subscribe,
    Unsubscribe,
    decode_client,
    pack_end,
    pack_init,
    pack_part,
    pack_programme,
)

HELD_S = 20.0
LEAD_S = 0.5
"""The first part is complete so long after the start."""


class Source:
    """The tape, playing."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self._held: deque[tuple[Part, bytes]] = deque()
        self._sockets: dict[web.WebSocketResponse, None] = {}
        self.ended = False

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/live/{event}/feed", self.feed)]

    async def play(self, seconds: float = float("inf")) -> None:
        """Each part when it is complete; then the event ends."""
        began = time.time() + LEAD_S
        for due_s, part in self._tape.played():
            if due_s > seconds:
                break
            await asyncio.sleep(max(0.0, began + due_s - time.time()))
            stamped = msgspec.structs.replace(part, wall_us=part.wall_us + round(began * 1e6))
            message = pack_part(stamped)
            self._held.append((stamped, message))
            while self._held[0][0].wall_us < stamped.wall_us - HELD_S * 1e6:
                self._held.popleft()
            await self._send(message)
        self.ended = True
        await self._send(pack_end(self._tape.programme.epoch))

    async def feed(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), compress=False, heartbeat=10.0)
        await socket.prepare(request)
        async for message in socket:
            wish = decode_client(message.data)
            if isinstance(wish, Unsubscribe):
                self._sockets.pop(socket, None)
            elif isinstance(wish, Subscribe | Resume):
                await self._greet(socket, wish)
        self._sockets.pop(socket, None)
        return socket

    async def _greet(self, socket: web.WebSocketResponse, wish: Subscribe | Resume) -> None:
        tape = self._tape
        for message in (pack_programme(tape.programme), *map(pack_init, tape.inits)):
            await socket.send_bytes(message)
        if not wish.renditions:
            return
        current = self._held[-1][0].msn if self._held else 0
        after = (wish.msn, wish.part) if isinstance(wish, Resume) else (current, -1)
        for part, message in list(self._held):
            if (part.msn, part.index) > after:
                await socket.send_bytes(message)
        self._sockets[socket] = None
        if self.ended:
            await socket.send_bytes(pack_end(tape.programme.epoch))

    async def _send(self, message: bytes) -> None:
        for socket in list(self._sockets):
            with contextlib.suppress(ConnectionError):
                await socket.send_bytes(message)


async def serve(path: Path | None, tape: Tape, seconds: float) -> None:
    source = Source(tape)
    app = web.Application()
    app.add_routes(source.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    if path is not None:
        await web.UnixSite(runner, str(path)).start()
    else:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    print("ready", *(address[1] for address in runner.addresses if path is None), flush=True)
    await source.play(seconds)
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def playing(path: Path, tape_file: Path) -> AsyncIterator[int]:
    """The tape, playing on this unix socket in a process of its own for as long as the block lasts; its process id."""
    async with started("loadtests.bench.source", "--socket", str(path), "--tape", str(tape_file)) as (pid, _):
        yield pid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--socket", type=Path, help="without it a free TCP port")
    parser.add_argument("--tape", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(options.socket, decoded(options.tape.read_bytes()), options.seconds))


if __name__ == "__main__":
    main()
