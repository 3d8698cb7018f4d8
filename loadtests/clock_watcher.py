"""One viewer who looks: decodes each part that comes by the feed and reads the wall clock out of its last picture.

The difference to the moment of arrival, and what the page has in hand on top, is how old a picture is on a viewer's screen.
On the page's side that leaves out only drawing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import av
import numpy as np

from loadtests import barcode
from loadtests.access_units import decoder_configuration, pictures
from loadtests.swarm.playout import HALF_PART_S, TARGET_S
from plenum.wire import SUBPROTOCOL, Kind, Progress, Subscribe, encode_client, unpack

IN_HAND_S = TARGET_S + HALF_PART_S
"""The page keeps TARGET_S ahead on average; just after an arrival it is half a part more."""


class ClockWatcher:
    """What the decoding viewer saw: milliseconds from drawing a picture to its part's arrival."""

    def __init__(self) -> None:
        self.delays_ms: list[float] = []
        self.unread = 0
        self.parts = 0
        self._inits: dict[tuple[int, int], bytes] = {}
        self._decoder: tuple[tuple[int, int], Any] | None = None

    def latencies_s(self) -> list[float]:
        """On a page's screen."""
        return [delay / 1000 + IN_HAND_S for delay in self.delays_ms]

    def forget(self) -> None:
        """Count from here."""
        self.delays_ms, self.unread, self.parts = [], 0, 0

    def hear(self, message: bytes, arrived_s: float) -> tuple[int, int] | None:
        """One message; (msn, part) where it was a part."""
        header, payload = unpack(message)
        key = header.rendition, header.init_id
        if header.kind is Kind.INIT:
            self._inits[key] = bytes(payload)
        if header.kind is not Kind.PART:
            return None
        self.parts += 1
        luma = self._last_picture(key, bytes(payload))
        shown = barcode.read(luma) if luma is not None else None
        if shown is None:
            self.unread += 1
        else:
            delay = (int(arrived_s * 1000) - shown) % barcode.LIMIT
            self.delays_ms.append(delay if delay < barcode.LIMIT // 2 else delay - barcode.LIMIT)
        return header.msn, header.part

    def _last_picture(self, key: tuple[int, int], part: bytes) -> Any:
        if self._decoder is None or self._decoder[0] != key:
            decoder = av.CodecContext.create("h264", "r")
            decoder.extradata = decoder_configuration(self._inits[key])
            decoder.thread_count = 1
            self._decoder = key, decoder
        luma = None
        for unit in pictures(part):
            for frame in self._decoder[1].decode(av.Packet(unit)):
                plane: Any = frame.planes[0]
                rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
                luma = rows[: frame.height, : frame.width].copy()
        return luma


@asynccontextmanager
async def watching_clock(
    url: str, event: str, ticket: str, renditions: tuple[str, ...] = ("auto",)
) -> AsyncIterator[ClockWatcher]:
    """Look for as long as the block lasts."""
    watcher = ClockWatcher()
    address = f"{url.replace('http', 'ws', 1)}/live/{event}/feed"
    headers = {"Authorization": f"Bearer {ticket}"}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(address, protocols=[SUBPROTOCOL], headers=headers, max_msg_size=0) as socket,
    ):
        listening = asyncio.create_task(_listen(socket, watcher, renditions))
        try:
            yield watcher
            if listening.done():
                listening.result()
                raise RuntimeError("the looking viewer's feed was closed")
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def _listen(socket: aiohttp.ClientWebSocketResponse, watcher: ClockWatcher, renditions: tuple[str, ...]) -> None:
    await socket.send_str(encode_client(Subscribe(renditions, beside=True)))
    told = time.monotonic()
    async for message in socket:
        arrived = time.time()
        place = await asyncio.to_thread(watcher.hear, message.data, arrived)
        if place is not None and time.monotonic() - told >= 1.0:
            told = time.monotonic()
            await socket.send_str(encode_client(Progress(*place, round(IN_HAND_S * 1000), place)))
