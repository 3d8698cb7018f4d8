"""The publisher against a real endpoint, and against servers that refuse, vanish or never were."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from ingest.samples import SampleKind, SampleStream
from plenum.errors import BadInput, PlenumError, TooMany, Unauthorized, Unavailable
from plenum.whip_client import WhipPublisher
from tests.plenum.test_film import write_film
from tests.whip_stage import Stage, ticket, whip_stage

PATIENCE_S = 30


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with whip_stage() as stage:
        yield stage


async def publish(stage: Stage, source: Path | str, **options) -> WhipPublisher:
    publisher = WhipPublisher(stage.url, ticket(), source, **options)
    await publisher.start()
    return publisher


def first_walls(samples) -> dict[SampleStream, float]:
    """The sender's wall clock at the first picture and the first sound, by its reports."""
    walls = {}
    for stream, kind, rate in (
        (SampleStream.VIDEO, SampleKind.VIDEO, 90_000),
        (SampleStream.AUDIO, SampleKind.AUDIO, 48_000),
    ):
        first = next(s for s in samples if s.kind is kind)
        clock = next(s for s in samples if s.kind is SampleKind.CLOCK and s.stream is stream)
        ahead = ((clock.rtp_timestamp - first.rtp_timestamp + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        walls[stream] = clock.ntp / 2**32 - ahead / rate
    return walls


async def test_a_film_is_published_to_its_end_with_each_picture_at_its_time(stage: Stage, tmp_path: Path):
    publisher = await publish(stage, write_film(tmp_path / "film.mp4", pictures=75))
    audience = stage.audience(await stage.peer())
    async with asyncio.timeout(PATIENCE_S):
        await publisher.wait()
    pictures = await audience.pictures(20)
    steps = {(b.rtp_timestamp - a.rtp_timestamp) & 0xFFFFFFFF for a, b in pairwise(pictures)}
    assert all(step % 3600 == 0 for step in steps)
    assert publisher.stats.pictures + publisher.stats.left_out == 75
    assert f"{publisher.stats.pictures} pictures" in str(publisher.stats)
    await publisher.stop()


async def test_the_offset_of_sound_and_picture_survives_to_the_sender_reports(stage: Stage, tmp_path: Path):
    publisher = await publish(stage, write_film(tmp_path / "late.mkv", pictures=75, sound_from_s=0.4))
    audience = stage.audience(await stage.peer())
    samples = await audience.until(
        lambda all_: (
            {s.stream for s in all_ if s.kind is SampleKind.CLOCK} == {1, 2}
            and any(s.kind is SampleKind.AUDIO for s in all_)
            and any(s.keyframe for s in all_)
        )
    )
    first_picture = next(s for s in samples if s.kind is SampleKind.VIDEO)
    walls = first_walls(samples)
    # The first picture that this audience saw is a whole number of pictures after the film's first.
    late = (walls[SampleStream.AUDIO] - walls[SampleStream.VIDEO]) % 0.04
    assert first_picture.keyframe
    assert min(late, 0.04 - late) < 0.012  # an Opus block's look-ahead is 6.5 ms
    await publisher.stop()


async def test_a_film_in_a_loop_goes_on(stage: Stage, tmp_path: Path):
    publisher = await publish(stage, write_film(tmp_path / "film.mkv", pictures=10), loop=True)
    audience = stage.audience(await stage.peer())
    pictures = await audience.pictures(40)
    gaps = {(b.rtp_timestamp - a.rtp_timestamp) & 0xFFFFFFFF for a, b in pairwise(pictures)}
    assert all(gap >= 3600 for gap in gaps)
    assert publisher.stats.pictures > 10
    await publisher.stop()


async def test_a_silent_film_is_published_without_sound(stage: Stage, tmp_path: Path):
    publisher = await publish(stage, write_film(tmp_path / "film.mkv", sound_from_s=None, pictures=50))
    audience = stage.audience(await stage.peer())
    await audience.pictures(10)
    assert not any(s.kind is SampleKind.AUDIO for s in audience.samples)
    await publisher.stop()


async def test_a_publisher_may_be_started_again(stage: Stage):
    publisher = await publish(stage, "testsrc")
    await stage.audience(await stage.peer()).pictures(3)
    await publisher.stop()
    await publisher.start()
    assert len(await stage.audience(await stage.peer()).pictures(3)) >= 3
    await publisher.stop()


async def test_a_session_that_the_server_ends_is_told_as_lost(stage: Stage):
    publisher = await publish(stage, "testsrc")
    peer = await stage.peer()
    await stage.audience(peer).pictures(3)
    await peer.close()
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(PATIENCE_S):
            await publisher.wait()
    assert caught.value.code == "connection_lost"
    await publisher.stop()


async def test_a_publisher_told_to_reconnect_comes_back(stage: Stage):
    publisher = await publish(stage, "testsrc", reconnect=True)
    waiting = asyncio.create_task(publisher.wait())
    first = await stage.peer()
    await stage.audience(first).pictures(3)
    await first.close()
    assert len(await stage.audience(await stage.peer()).pictures(3)) >= 3
    assert publisher.stats.reconnects == 1
    await publisher.stop()
    async with asyncio.timeout(PATIENCE_S):
        await waiting


async def test_stopping_ends_the_wait_quietly(stage: Stage):
    publisher = await publish(stage, "testsrc")
    waiting = asyncio.create_task(publisher.wait())
    await stage.audience(await stage.peer()).pictures(3)
    await publisher.stop()
    async with asyncio.timeout(PATIENCE_S):
        await waiting


async def test_a_bad_ticket_is_told_with_the_servers_words(stage: Stage):
    with pytest.raises(Unauthorized) as caught:
        await WhipPublisher(stage.url, "nonsense").start()
    assert caught.value.code == "bad_ticket"


async def test_a_file_that_is_no_film_is_told_before_anything_is_posted(stage: Stage, tmp_path: Path):
    with pytest.raises(BadInput) as caught:
        await WhipPublisher(stage.url, ticket(), tmp_path / "nothing.mp4").start()
    assert caught.value.code == "unreadable_file"
    assert not stage.programmes.sessions


async def test_a_server_that_is_not_there_is_told_with_its_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/whip/e"
        with pytest.raises(Unavailable) as caught:
            await WhipPublisher(url, "t").start()
    assert caught.value.code == "unreachable"
    assert url in caught.value.message


async def _answering(response: web.Response) -> tuple[web.AppRunner, str]:
    async def answer(_: web.Request) -> web.Response:
        return response

    app = web.Application()
    app.router.add_post("/whip/e", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/whip/e"


@pytest.mark.parametrize(
    ("response", "kind", "code"),
    [
        (web.Response(status=201, text="not sdp at all"), Unavailable, "bad_answer"),
        (web.Response(status=502, text="<html>"), Unavailable, "unavailable"),
        (web.Response(status=418, text="teapot"), PlenumError, "internal"),
        (
            web.json_response({"code": "rate_limited", "detail": "Slowly.", "retry_s": 7}, status=429),
            TooMany,
            "rate_limited",
        ),
    ],
)
async def test_odd_servers_are_told_as_what_they_are(response: web.Response, kind: type[PlenumError], code: str):
    runner, url = await _answering(response)
    try:
        with pytest.raises(kind) as caught:
            await WhipPublisher(url, "t").start()
        assert caught.value.code == code
    finally:
        await runner.cleanup()
