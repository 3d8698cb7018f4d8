"""A presenter whose every picture shows the wall clock as a barcode over moving texture: `python -m loadtests.clock_source`.

720p30 and a quiet sound by a real WebRTC connection, without a browser: that would take half a core of a small machine. The
texture is there so that bitrates mean something.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import numpy.typing as npt
from av import VideoFrame

from loadtests import barcode
from loadtests.child import child
from loadtests.running_platform import Platform
from plenum.identity import Role
from plenum.testsrc import TestSource
from plenum.whip_client import WhipPublisher

BITRATE_BPS = 3_000_000
STEP = 2
"""Pixels that the texture moves in each picture."""


class ClockSource(TestSource):
    """The test picture's clockwork with another picture."""

    def __init__(self) -> None:
        super().__init__()
        self._texture = _texture(self.height, self.width)
        self._number = 0

    def _picture(self, wall_s: float) -> VideoFrame:
        room = self._texture.shape[1] - self.width
        at = abs((self._number * STEP) % (2 * room) - room)
        self._luma[:] = self._texture[:, at : at + self.width]
        barcode.draw(self._luma, int(wall_s * 1000))
        self._number += 1
        return self._frame


def _texture(height: int, width: int) -> npt.NDArray[np.uint8]:
    """Clouds, wider than the picture."""
    noise = np.random.default_rng(7)
    found = np.zeros((height, 2 * width))
    for scale, strength in ((48, 50.0), (16, 22.0), (4, 10.0)):
        rough = noise.standard_normal((height // scale + 1, 2 * width // scale + 1))
        found += strength * np.kron(rough, np.ones((scale, scale)))[:height, : 2 * width]
    return (128 + found).clip(24, 232).astype(np.uint8)


@asynccontextmanager
async def presenting_clock(platform: Platform, event: str) -> AsyncIterator[int]:
    """On air with the time for as long as the block lasts, in a process of its own; its process id."""
    token = platform.ticket(event, Role.PRESENTER, "Clock", 12 * 3600)
    log = platform.data_dir.parent / f"clock-{event}.log"
    arguments = ("--url", f"{platform.url}/whip/{event}", "--token", token)
    async with child("loadtests.clock_source", *arguments, log=log) as process:
        yield process.pid


async def publish(url: str, token: str) -> None:
    """Until SIGTERM."""
    publisher = WhipPublisher(url, token, ClockSource(), bitrate_bps=BITRATE_BPS)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await publisher.start()
    ends = [asyncio.ensure_future(publisher.wait()), asyncio.ensure_future(stop.wait())]
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in done:
            end.result()
    finally:
        for task in ends:
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
        await publisher.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    options = parser.parse_args()
    asyncio.run(publish(options.url, options.token))


if __name__ == "__main__":
    main()
