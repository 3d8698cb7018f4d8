"""The ingest process as a whole: a publisher by WHIP, a peer, a transcoder, the origin's feed, decoded by ffmpeg."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from plenum.media import RenditionKind
from plenum.recording import decode, unpack
from plenum.whip_client import WhipPublisher
from plenum.wire import Kind
from tests.ingest.running_ingest import EVENT, Running, running_ingest, ticket


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_ingest(tmp_path, ladder=("360p", "240p")) as running:
        yield running


@pytest.fixture
async def publisher(ingest: Running) -> AsyncIterator[WhipPublisher]:
    publisher = WhipPublisher(ingest.whip(), ticket())
    yield publisher
    await publisher.stop()


async def probe(path: Path) -> list[dict]:
    process = await asyncio.create_subprocess_exec(
        *("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert not errors, errors.decode()
    return json.loads(out)["streams"]


async def test_a_publisher_s_picture_and_sound_come_out_of_the_feed_in_every_rendition(
    ingest: Running, publisher: WhipPublisher, tmp_path: Path
) -> None:
    await ingest.describe("Town hall")
    feed = await ingest.feed()
    await feed.shows("waiting")
    await publisher.start()
    programme = await feed.shows("live", "Anna")
    assert [rendition.name for rendition in programme.renditions] == ["360p", "240p", "audio"]
    await feed.parts_after(90)

    for rendition in programme.renditions:
        path = tmp_path / f"{rendition.name}.mp4"
        path.write_bytes(feed.media(rendition.id, feed.parts()[0].init_id))
        (stream,) = await probe(path)
        assert stream["codec_type"] == rendition.kind
        if rendition.kind is RenditionKind.VIDEO:
            assert (stream["width"], stream["height"]) == (rendition.width, rendition.height)
            seconds = sum(part.duration for part in feed.parts(rendition.id)) / rendition.timescale
            frames = int(stream["nb_read_frames"])
            # A busy machine makes fewer, longer frames, at least one in each part.
            assert len(feed.parts(rendition.id)) <= frames <= seconds * rendition.fps + 1


async def test_parts_of_a_rendition_follow_each_other_without_a_hole(ingest: Running, publisher: WhipPublisher) -> None:
    feed = await ingest.feed()
    await publisher.start()
    programme = await feed.shows("live", "Anna")
    await feed.parts_after(60)
    for rendition in programme.renditions:
        parts = feed.parts(rendition.id)
        for before, after in pairwise(parts):
            assert after.start == before.start + before.duration
            assert (after.msn, after.part) in ((before.msn, before.part + 1), (before.msn + 1, 0))


async def test_the_first_message_is_the_programme_and_media_follows_its_init_segment(
    ingest: Running, publisher: WhipPublisher
) -> None:
    await publisher.start()
    await (await ingest.feed()).shows("live", "Anna")
    late = await ingest.feed()
    await late.parts_after(6)
    assert late.kinds[0] is Kind.RENDITIONS
    for rendition in {part.rendition for part in late.parts()}:
        kinds = [header.kind for header, _ in late.messages if header.rendition == rendition]
        assert kinds[0] is Kind.INIT
        assert late.parts(rendition)[0].part == 0


async def test_when_the_presenter_leaves_the_slate_goes_on_in_the_same_timeline(
    ingest: Running, publisher: WhipPublisher
) -> None:
    feed = await ingest.feed()
    await publisher.start()
    await feed.shows("live", "Anna")
    await publisher.stop()
    await feed.shows("slate")
    parts = await feed.parts_after(20)
    assert len({part.init_id for part in parts}) == 1
    assert (await ingest.status())["sources"] == 0


async def test_the_end_comes_after_the_last_parts_and_nobody_gets_in_any_more(
    ingest: Running, publisher: WhipPublisher
) -> None:
    feed = await ingest.feed()
    await publisher.start()
    await feed.shows("live", "Anna")
    await feed.parts_after(5)
    await ingest.end()
    assert await feed.closed() == 1000
    assert feed.kinds[-1] is Kind.END
    assert feed.programme and feed.programme.state == "ended"
    late = await ingest.feed()
    assert await late.closed() == 1000
    assert late.kinds[-1] is Kind.END
    await publisher.stop()
    with pytest.raises(Exception, match="has ended") as refused:
        await WhipPublisher(ingest.whip(), ticket()).start()
    assert refused.value.code == "event_ended"  # type: ignore[attr-defined]
    assert (await ingest.status(EVENT))["state"] == "ended"


async def test_all_that_was_on_air_is_recorded_and_ends_with_the_event(
    ingest: Running, publisher: WhipPublisher, tmp_path: Path
) -> None:
    feed = await ingest.feed()
    await publisher.start()
    programme = await feed.shows("live", "Anna")
    await feed.parts_after(90)
    await ingest.end()
    await feed.closed()
    assert ingest.service
    await ingest.service.close()

    folder = tmp_path / "dvr" / EVENT
    recording = decode((folder / "recording.json").read_bytes())
    assert recording is not None
    assert recording.has_ended
    for rendition in programme.renditions:
        entries = unpack((folder / rendition.name / "1.idx").read_bytes())
        assert [entry.msn for entry in entries] == sorted({part.msn for part in feed.parts(rendition.id)})
        assert sum(entry.duration for entry in entries) == sum(part.duration for part in feed.parts(rendition.id))
        assert (folder / rendition.name / "1.mp4").read_bytes() == feed.media(rendition.id, entries[0].init_id)
        await probe(folder / rendition.name / "1.mp4")
