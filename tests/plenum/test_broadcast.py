"""The thread that encodes: in time, late, hopelessly late, and when its source fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from av import VideoFrame

from plenum.broadcast import HOPELESS_S, Broadcast, Timeline
from plenum.encoding import Encoded
from plenum.errors import BadInput
from plenum.media_source import Timed, WallOf

GREY = np.full((90 * 3 // 2, 160), 128, dtype=np.uint8)
PATIENCE_S = 20


class Source:
    """Pictures at the given times; may hang for a while before one of them, or fail at the end."""

    width, height, fps, has_audio = 160, 90, Fraction(50), False

    def __init__(self, count: int, *, hang: dict[int, float] | None = None, error: Exception | None = None) -> None:
        self._count = count
        self._hang = hang or {}
        self._error = error
        self._closed = threading.Event()

    def frames(self, wall_of: WallOf) -> Iterator[Timed]:
        for number in range(self._count):
            if self._closed.wait(self._hang.get(number, 0)):
                return
            yield Timed(number / self.fps, VideoFrame.from_ndarray(GREY, format="yuv420p"))
        if self._error:
            raise self._error

    def close(self) -> None:
        self._closed.set()


async def pictures_of(broadcast: Broadcast) -> list[Encoded]:
    broadcast.start()
    pictures = []
    async with asyncio.timeout(PATIENCE_S):
        while (picture := await broadcast.pictures.get()) is not None:
            pictures.append(picture)
    await broadcast.stop()
    return pictures


@pytest.mark.alone
async def test_pictures_are_encoded_shortly_before_they_are_due():
    broadcast = Broadcast(Source(20), 1_000_000)
    broadcast.start()
    early = []
    while (picture := await broadcast.pictures.get()) is not None:
        early.append(picture.ticks / 90_000 - broadcast.timeline.media_s(time.monotonic()))
    await broadcast.stop()
    assert max(early) < 0.2


async def test_a_machine_that_cannot_keep_up_leaves_pictures_out():
    broadcast = Broadcast(Source(60, hang={10: 0.8}), 1_000_000)
    pictures = await pictures_of(broadcast)
    assert broadcast.left_out > 0
    assert len(pictures) + broadcast.left_out == 60
    assert pictures[-1].ticks > 40 * 1800  # and it has caught up again


async def test_after_a_long_sleep_the_timeline_is_moved_instead():
    broadcast = Broadcast(Source(20, hang={10: HOPELESS_S + 0.5}), 1_000_000)
    zero = broadcast.timeline.zero
    pictures = await pictures_of(broadcast)
    assert len(pictures) + broadcast.left_out == 20
    assert broadcast.timeline.zero - zero > HOPELESS_S


async def test_a_key_frame_comes_with_the_next_picture_when_asked_for():
    broadcast = Broadcast(Source(60), 1_000_000)
    broadcast.start()
    keys = []
    async with asyncio.timeout(PATIENCE_S):
        while (picture := await broadcast.pictures.get()) is not None:
            keys += [picture.ticks // 1800] if picture.keyframe else []
            if picture.ticks == 30 * 1800:
                broadcast.want_keyframe()
    await broadcast.stop()
    assert keys[0] == 0
    assert len(keys) == 2
    assert keys[1] >= 31


async def test_a_source_that_fails_ends_the_broadcast_with_its_error():
    error = BadInput("The disk is gone.", code="unreadable_file")
    broadcast = Broadcast(Source(3, error=error), 1_000_000)
    assert len(await pictures_of(broadcast)) == 3
    assert broadcast.failure is error


async def test_a_defect_in_the_thread_ends_the_broadcast_too_and_says_why():
    broadcast = Broadcast(Source(3, error=ZeroDivisionError("a picture without a height")), 1_000_000)
    assert len(await pictures_of(broadcast)) == 3
    assert await broadcast.sounds.get() is None
    assert broadcast.failure is not None
    assert (broadcast.failure.code, "without a height" in broadcast.failure.message) == ("unreadable_file", True)


async def test_stopping_does_not_wait_for_a_source_that_hangs():
    broadcast = Broadcast(Source(3, hang={1: 600.0}), 1_000_000)
    broadcast.start()
    assert await broadcast.pictures.get() is not None
    async with asyncio.timeout(PATIENCE_S):
        await broadcast.stop()


def test_sound_and_picture_share_one_wall_clock():
    timeline = Timeline(zero=100.0, wall_zero=5000.0)
    timeline.move(2.0)
    assert (timeline.media_s(105.0), timeline.wall_of(Fraction(3))) == (3.0, 5005.0)
