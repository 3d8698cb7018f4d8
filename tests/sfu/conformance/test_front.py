"""The product itself under all rules: its packager's bytes, through a real origin and a real front, over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from plenum.media import Programme
from tests.sfu.conformance.follow import Follower
from tests.sfu.conformance.media import INIT, PART, SEGMENT, STARTS
from tests.sfu.conformance.media_playlist import MEDIA
from tests.sfu.conformance.multivariant import MULTIVARIANT, PRESENTATION
from tests.sfu.conformance.server import SERVER
from tests.sfu.conformance.succession import DELTA, SUCCESSION
from tests.sfu.feed_front import EVENT, Front, StartFront, until
from tests.sfu.feed_media import Film
from tests.sfu.feed_origin import Origin
from tests.sfu.llhls_check import fetcher, follow

PACE_S = 0.02
"""Between two messages of the feed: a film of 20 s takes about seven."""


@pytest.fixture
async def on_air(origin: Origin, start_front: StartFront, programme: Programme, pictures: Film) -> AsyncIterator[Front]:
    """The film from segment 3 on, told quickly, then the end of the event."""
    origin.programme = programme
    front = await start_front()
    watcher = await front.watch("*")
    await watcher.socket.receive()
    await origin.begin(pictures, 3)
    await until(lambda: len(_segments(front)) == 3)

    async def tell() -> None:
        for msn in range(3, pictures.length):
            for message in pictures.parts(msn):
                await asyncio.sleep(PACE_S)
                await origin.tell(message)
        await origin.end()

    telling = asyncio.create_task(tell())
    yield front
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


def _segments(front: Front) -> list[int]:
    room = front.delivery.find(EVENT)
    tracks = room.relay.window.tracks.values() if room else ()
    return [segment.msn for segment in next(iter(tracks)).segments if segment.closed] if tracks else []


async def test_a_front_with_the_products_own_media_breaks_no_rule(on_air: Front, pictures: Film) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        follower = Follower(fetcher(http), f"{on_air.base}{on_air.hls}/index.m3u8", time.monotonic)
        await follower.run(60)
    assert dict(follower.tally.kept) == {}
    assert follower.counts.segments == 3 * pictures.length
    assert follower.counts.discontinuities == 3
    every = (MEDIA, MULTIVARIANT, PRESENTATION, SUCCESSION, DELTA, INIT, PART, SEGMENT, STARTS, SERVER)
    assert {rule.name for rules in every for rule in rules} <= set(follower.tally.asked)


async def test_the_program_says_what_it_did_and_ends_with_zero(
    on_air: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await follow(f"{on_air.base}{on_air.hls}/index.m3u8", 2.0) == 0
    said = capsys.readouterr().out
    assert "segments, " in said
    assert "       0  decode_time_continues (8.8.12)" in said


async def test_the_program_ends_with_two_where_there_is_nothing(
    front: Front, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await follow(f"{front.base}/nothing/index.m3u8", 2.0) == 2
    assert "404" in capsys.readouterr().err
