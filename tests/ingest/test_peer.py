"""The peer process with a real presenter: samples, key frames on request, a transcoder that stops reading or dies."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ingest.samples import MAX_BACKLOG, SampleCodec, SampleKind, SampleStream
from plenum.whip_client import WhipPublisher
from tests.whip_stage import Stage, ticket, whip_stage


@pytest.fixture
async def stage():
    async with whip_stage() as stage:
        yield stage


@pytest.fixture
async def publisher(stage: Stage):
    publisher = WhipPublisher(stage.url, ticket())
    await publisher.start()
    yield publisher
    await publisher.stop()


async def test_pictures_sound_and_clocks_arrive_in_their_own_time(stage: Stage, publisher: WhipPublisher):
    audience = stage.audience(await stage.peer())
    pictures = await audience.pictures(60)
    samples = await audience.until(lambda all_: sum(s.kind is SampleKind.CLOCK for s in all_) >= 4)
    assert pictures[0].keyframe
    assert pictures[0].codec is SampleCodec.H264
    steps = {(b.rtp_timestamp - a.rtp_timestamp) & 0xFFFFFFFF for a, b in pairwise(pictures)}
    assert all(
        step % 3000 == 0 for step in steps
    )  # a busy machine leaves pictures out, the others stay where they were
    sounds = [s for s in samples if s.kind is SampleKind.AUDIO]
    assert {(b.rtp_timestamp - a.rtp_timestamp) & 0xFFFFFFFF for a, b in pairwise(sounds)} == {960}
    assert {s.stream for s in samples if s.kind is SampleKind.CLOCK} == {SampleStream.VIDEO, SampleStream.AUDIO}


async def test_sender_reports_put_sound_and_picture_on_one_clock(stage: Stage, publisher: WhipPublisher):
    audience = stage.audience(await stage.peer())
    samples = await audience.until(lambda all_: sum(s.kind is SampleKind.CLOCK for s in all_) >= 6)
    origins: dict[SampleStream, list[float]] = {SampleStream.VIDEO: [], SampleStream.AUDIO: []}
    first = {s.stream: s.rtp_timestamp for s in reversed(samples) if s.kind in (SampleKind.VIDEO, SampleKind.AUDIO)}
    for sample in samples:
        if sample.kind is SampleKind.CLOCK:
            rate = 90_000 if sample.stream is SampleStream.VIDEO else 48_000
            ahead = ((sample.rtp_timestamp - first[sample.stream] + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
            origins[sample.stream].append(sample.ntp / 2**32 - ahead / rate)
    for walls in origins.values():
        assert max(walls) - min(walls) < 0.001


async def test_a_new_transcoder_begins_with_a_key_frame_that_was_asked_for(stage: Stage, publisher: WhipPublisher):
    peer = await stage.peer()
    await stage.audience(peer).pictures(20)
    second = stage.audience(peer)
    pictures = await second.pictures(20)
    keys = [index for index, picture in enumerate(pictures) if picture.keyframe]
    assert keys
    assert keys[0] < 15  # half a second; by itself the publisher sends one every two seconds
    assert publisher.stats.keyframe_requests >= 1


async def test_the_transcoder_asks_for_a_key_frame_with_one_byte(stage: Stage, publisher: WhipPublisher):
    audience = stage.audience(await stage.peer())
    await audience.until(lambda all_: any(s.keyframe for s in all_) and len(all_) > 100)
    before = len([s for s in audience.samples if s.keyframe])
    asked_at = len(await audience.pictures(1))
    audience.ask_for_keyframe()
    await audience.until(lambda all_: len([s for s in all_ if s.keyframe]) > before)
    pictures = await audience.pictures(1)
    waited = next(i for i, picture in enumerate(pictures[asked_at:]) if picture.keyframe)
    assert waited < 20


async def test_a_transcoder_that_does_not_read_costs_pictures_but_never_the_connection(
    stage: Stage, publisher: WhipPublisher
):
    peer = await stage.peer()
    plug = peer.plug()  # nobody reads it
    with plug:
        await stage.audience(peer).pictures(30)  # the newest wins, and nothing was held up
    assert not peer.ended.done()
    assert peer.stats.backlog <= MAX_BACKLOG


async def test_the_connection_survives_the_death_of_its_transcoder(stage: Stage, publisher: WhipPublisher):
    peer = await stage.peer()
    first = stage.audience(peer)
    await first.pictures(10)
    await first.close()
    assert len(await stage.audience(peer).pictures(10)) >= 10
    assert not peer.ended.done()


async def test_a_publisher_who_stops_ends_the_peer_at_once(stage: Stage, publisher: WhipPublisher):
    peer = await stage.peer()
    await stage.audience(peer).pictures(5)
    await publisher.stop()
    assert await peer.ended == "closed"
