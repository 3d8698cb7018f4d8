"""Many LL-HLS players in one process, as cheap as can be: raw sockets, no parsing but of what a player must know.

Each player takes the picture and the sound, each on a connection of its own: a playlist with blocking reload, the part that
it names, the next playlist. Parts must begin with the monotonic clock of the moment they were sent to the front (8 bytes, big
endian), which is how `loadtests.bench.pull` makes them: so the delay of delivery is known to the very byte, on one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import struct
import sys
import time
from functools import partial
from statistics import median, quantiles
from typing import cast

import msgspec
import uvloop

PARTS = 10
"""In a segment."""
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_EDGE = re.compile(rb'URI="([0-9]+)\.([0-9]+)\.m4s"')
_STAMP = struct.Struct("!d")


class Delays(msgspec.Struct):
    """What the players saw after the warm-up."""

    from_s: float
    ms: list[float] = []
    refused: int = 0

    def report(self) -> dict[str, float]:
        cuts = quantiles(self.ms, n=100) if len(self.ms) > 1 else [0.0] * 99
        return {
            "parts": len(self.ms),
            "refused": self.refused,
            "p50_ms": round(median(self.ms or [0.0]), 1),
            "p99_ms": round(cuts[98], 1),
            "most_ms": round(max(self.ms, default=0.0), 1),
        }


class Track(asyncio.Protocol):
    """One rendition of one player."""

    def __init__(self, base: str, rendition: str, delays: Delays) -> None:
        self._base = f"{base}/{rendition}"
        self._delays = delays
        self._buffer = bytearray()
        self._wanted: tuple[int, int] | None = None
        self._takes_part = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask("media.m3u8")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end + 2)
        size = end + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) < size:
            return
        answer, self._buffer = self._buffer, bytearray()
        self._answered(answer, end + 4)

    def _answered(self, answer: bytearray, body: int) -> None:
        if answer[9:12] != b"200":
            self._delays.refused += 1
            self._wanted, self._takes_part = None, False
            asyncio.get_running_loop().call_later(0.5, self._ask, "media.m3u8")
        elif self._wanted is None:
            msn, part = max((int(m), int(p)) for m, p in _EDGE.findall(answer, body))
            self._wait_for(msn, part)  # the hint: it does not exist yet
        elif not self._takes_part:
            self._takes_part = True
            self._ask(f"{self._wanted[0]}.{self._wanted[1]}.m4s")
        else:
            now = time.monotonic()
            if now >= self._delays.from_s:
                self._delays.ms.append((now - _STAMP.unpack_from(answer, body)[0]) * 1000)
            msn, part = self._wanted
            self._wait_for(*((msn, part + 1) if part + 1 < PARTS else (msn + 1, 0)))

    def _wait_for(self, msn: int, part: int) -> None:
        self._wanted, self._takes_part = (msn, part), False
        self._ask(f"media.m3u8?_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES")

    def _ask(self, path: str) -> None:
        if not self._transport.is_closing():
            # What browsers send beside it would cost the server more than this does.
            self._transport.write(
                f"GET {self._base}/{path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: swarm\r\n"
                "Accept-Encoding: identity\r\nAccept: */*\r\n\r\n".encode()
            )


async def swarm(host: str, port: int, base: str, players: int, seconds: float, warm_up_s: float) -> dict[str, float]:
    """Watch for so long. The answer has also the share of a core that this took."""
    loop = asyncio.get_running_loop()
    delays = Delays(from_s=time.monotonic() + warm_up_s)
    transports = []
    for _ in range(players):
        for rendition in ("720p", "audio"):
            made = await loop.create_connection(partial(Track, base, rendition, delays), host, port)
            transports.append(made[0])
        await asyncio.sleep(1.0 / players)
    began, cpu = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds + warm_up_s - 1.0)
    share = (time.process_time() - cpu) / (time.monotonic() - began)
    for transport in transports:
        transport.abort()
    return delays.report() | {"swarm_core": round(share, 2)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="loadtests.pull_swarm")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("base", help="/live/EVENT/KEY")
    parser.add_argument("--players", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warm-up", type=float, default=3.0)
    given = parser.parse_args()
    work = swarm(given.host, given.port, given.base, given.players, given.seconds, given.warm_up)
    print(json.dumps(uvloop.run(work)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
