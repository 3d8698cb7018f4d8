"""The development ingest that plays a recorded feed over and over."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path

import pytest

from ingest.channel import Channel, Subscriber
from ingest.replay import Replay, read_tape
from plenum.clock import SystemClock
from plenum.errors import BadInput
from plenum.media import Part
from plenum.wire import EVERYTHING, Kind, Subscribe, as_part, pack_programme, unpack
from tests.sfu.feed_media import RENDITIONS, Film, make_film, programme

SPEED = 100.0


@pytest.fixture(scope="module")
def film() -> Film:
    return make_film()


def write(path: Path, messages: list[bytes]) -> Path:
    path.write_bytes(b"".join(len(message).to_bytes(4, "big") + message for message in messages))
    return path


@pytest.fixture
def feed(tmp_path: Path, film: Film) -> Path:
    """Four segments."""
    parts = [part for msn in range(4) for part in film.parts(msn)]
    return write(tmp_path / "feed", [pack_programme(programme()), *film.inits(), *parts])


async def played(feed: Path, *, seconds: float, minutes: float) -> list[Part]:
    """What a subscriber hears in so many seconds."""
    channel, heard = Channel("e"), []

    def take() -> None:
        while (message := subscriber.outbox.take(0.0)) is not None:
            header, payload = unpack(message)
            if header.kind is Kind.PART:
                heard.append(as_part(header, payload))

    subscriber = Subscriber(take)
    channel.join(subscriber, 0.0)
    channel.choose(subscriber, Subscribe((EVERYTHING,)), 0.0)
    replay = asyncio.create_task(Replay(read_tape(feed), channel, SystemClock(), SPEED, minutes).run())
    await asyncio.sleep(seconds)
    replay.cancel()
    await asyncio.gather(replay, return_exceptions=True)
    return heard


async def test_the_second_half_is_repeated_and_numbers_and_times_go_on(feed: Path, film: Film) -> None:
    parts = await played(feed, seconds=0.4, minutes=1)
    mine = [part for part in parts if part.rendition == RENDITIONS[0].id]
    firsts = [part for part in mine if part.index == 0]
    assert [part.msn for part in firsts] == list(range(1, len(firsts) + 1))
    assert len(firsts) > 8
    assert {after.start - before.start for before, after in pairwise(firsts)} == {180_000}
    assert {after.wall_us - before.wall_us for before, after in pairwise(firsts)} == {2_000_000}
    shown = [film.media[0].segments[msn][0].data for msn in (0, 1, 2, 3, 2, 3, 2)]
    for part, original in zip(firsts, shown, strict=False):
        at = part.data.index(b"tfdt") + 8
        assert int.from_bytes(part.data[at : at + 8], "big") == part.start
        assert part.data[:at] + part.data[at + 8 :] == original[:at] + original[at + 8 :]


async def test_when_the_fast_minutes_are_over_pictures_are_of_now_and_come_at_their_own_pace(feed: Path) -> None:
    parts = await played(feed, seconds=0.9, minutes=0.3 / 60)
    assert max(part.wall_us for part in parts) / 1e6 == pytest.approx(time.time(), abs=0.8)
    assert max(part.msn for part in parts) in (15, 16)  # 0.3 s a hundred times faster, 0.6 s at its own pace


@pytest.mark.parametrize("content", [b"", b"\x00\x00\x00", b"\x00\x00\x00\x01x"])
def test_what_is_no_feed_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "feed").write_bytes(content)
    with pytest.raises(BadInput):
        read_tape(tmp_path / "feed")


def test_a_feed_with_a_missing_segment_is_refused(tmp_path: Path, film: Film) -> None:
    parts = [part for msn in (0, 1, 3) for part in film.parts(msn)]
    with pytest.raises(BadInput) as refused:
        read_tape(write(tmp_path / "feed", [pack_programme(programme()), *film.inits(), *parts]))
    assert refused.value.code == "bad_feed"
