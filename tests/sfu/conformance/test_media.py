"""Each rule of the bytes finds the fault that it is for, in what the product's own packager made; nothing else does."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from plenum.media import Part as MadePart
from plenum.media import RenditionKind
from tests.sfu.conformance import boxes
from tests.sfu.conformance.faults import names
from tests.sfu.conformance.media import (
    BYTES,
    INIT,
    PART,
    SEGMENT,
    STARTS,
    Before,
    HeldPart,
    HeldSegment,
    Opened,
    Reel,
    Start,
    Starts,
)
from tests.sfu.conformance.multivariant import Variant
from tests.sfu.conformance.playlist import Part, Segment
from tests.sfu.conformance.rules import Tally, judge
from tests.sfu.feed_media import Film, Media

VIDEO = Variant({"CODECS": "avc1.42c01e,mp4a.40.2", "RESOLUTION": "640x360"}, "360p/media.m3u8")


@pytest.fixture
def video(pictures: Film) -> Media:
    return pictures.media[0]


def swap(data: bytes, right: bytes, wrong: bytes) -> bytes:
    assert right in data
    return data.replace(right, wrong, 1)


def into(data: bytes, kind: bytes, at: int, value: bytes) -> bytes:
    """Write into the payload of the first box of this kind."""
    begin = data.index(kind) + 4 + at
    return data[:begin] + value + data[begin + len(value) :]


def u32(value: int) -> bytes:
    return struct.pack("!I", value)


INITS: dict[str, Callable[[bytes], bytes]] = {
    "init_is_ftyp_and_moov": lambda data: data + u32(8) + b"mdat",
    "init_names_the_cmaf_brand": lambda data: swap(data, b"cmfc", b"isom"),
    "init_holds_no_samples": lambda data: into(data, b"stts", 4, u32(3)),
    "init_has_one_track_that_fragments_extend": lambda data: swap(data, b"mvex", b"free"),
    "init_has_a_clock": lambda data: into(data, b"mdhd", 12, u32(0)),
    "init_is_what_its_variant_says": lambda data: into(data, b"avcC", 1, b"\x64\x00\x1f"),
}


def opened(data: bytes) -> Opened:
    return Opened("init-1.mp4", boxes.read_init(data), VIDEO)


def test_the_init_segments_of_the_product_break_no_rule(pictures: Film) -> None:
    for media in pictures.media:
        variant = VIDEO if media.rendition.width == 640 else None
        assert judge(INIT, Opened("init-1.mp4", boxes.read_init(media.init), variant)) == []


@pytest.mark.parametrize("rule", INITS)
def test_a_fault_in_an_init_segment_is_found_by_its_rule_alone(video: Media, rule: str) -> None:
    assert names(judge(INIT, opened(INITS[rule](video.init)))) == {rule}


def test_a_variant_of_another_size_is_found(video: Media) -> None:
    small = Variant(VIDEO.attributes | {"RESOLUTION": "426x240"}, "240p/media.m3u8")
    found = judge(INIT, Opened("init-1.mp4", boxes.read_init(video.init), small))
    assert names(found) == {"init_is_what_its_variant_says"}


def listed(part: MadePart, timescale: int) -> Part:
    return Part(f"{part.msn}.{part.index}.m4s", round(part.duration / timescale, 5), part.independent)


def held(media: Media, data: bytes, index: int = 0) -> HeldPart:
    """Part `index` of segment 1 with these bytes in its place."""
    init = boxes.read_init(media.init)
    part = media.segments[1][index]
    before = media.segments[1][index - 1] if index else media.segments[0][-1]
    chunk = boxes.read_media(before.data, init).chunks[-1]
    known = Before((chunk.decode_time or 0) + chunk.duration, chunk.sequence)
    return HeldPart(listed(part, media.rendition.timescale), boxes.read_media(data, init), init, known)


PARTS: dict[str, Callable[[bytes], bytes]] = {
    "part_is_moof_and_mdat": lambda data: data + u32(12) + b"mdat" + bytes(4),
    "chunk_is_of_the_track": lambda data: into(data, b"tfhd", 4, u32(7)),
    "chunk_counts_from_its_moof": lambda data: into(data, b"tfhd", 1, b"\x00"),
    "samples_fill_the_mdat": lambda data: into(data, b"trun", 12, u32(9)),
    "sequence_numbers_grow": lambda data: into(data, b"mfhd", 4, u32(1)),
    "decode_time_is_stated": lambda data: swap(data, b"tfdt", b"free"),
    "decode_time_continues": lambda data: into(data, b"tfdt", 8, u32(int.from_bytes(_tfdt(data), "big") + 1)),
    "durations_add_up_to_the_part": lambda data: into(data, b"tfhd", 8, u32(2990)),
    "independent_part_starts_with_a_sync_sample": lambda data: into(data, b"trun", 16, u32(0x01010000)),
    "sync_sample_is_an_idr": lambda data: into(data, b"trun", 24, u32(0x02000000)),
}
ALSO = {
    "independent_part_starts_with_a_sync_sample": {"sync_sample_is_an_idr"},  # the bytes are one still
}


def _tfdt(data: bytes) -> bytes:
    at = data.index(b"tfdt") + 12
    return data[at : at + 4]


@pytest.mark.parametrize("rule", PARTS)
def test_a_fault_in_a_part_is_found_by_its_rule_alone(video: Media, rule: str) -> None:
    data = PARTS[rule](video.segments[1][0].data)
    assert names(judge(PART, held(video, data))) == {rule} | ALSO.get(rule, set())


def segment(media: Media, msn: int) -> Segment:
    made = media.segments[msn]
    scale = media.rendition.timescale
    parts = tuple(listed(part, scale) for part in made)
    duration = round(sum(part.duration for part in made) / scale, 5)
    return Segment(msn, f"{msn}.m4s", duration, parts, "init-1.mp4", discontinuity=made[0].discontinuity)


def whole(media: Media, msn: int) -> bytes:
    return b"".join(part.data for part in media.segments[msn])


def test_every_part_and_segment_of_the_product_breaks_no_rule(pictures: Film) -> None:
    tally = Tally()
    for media in pictures.media:
        reel = Reel(tally)
        reel.take_init("init-1.mp4", media.init)
        for msn, parts in enumerate(media.segments):
            for index, part in enumerate(parts):
                reel.take_part(segment(media, msn), index, part.data)
            reel.take_segment(segment(media, msn), whole(media, msn))
    assert dict(tally.broken) == {}
    assert tally.asked["decode_time_continues"] == sum(len(p) for media in pictures.media for p in media.segments)


def test_a_part_that_is_left_out_of_the_programme_is_found(video: Media) -> None:
    """The playlist counts on, the time in the bytes does not."""
    reel = Reel(Tally())
    reel.take_init("init-1.mp4", video.init)
    first = segment(video, 1)
    reel.take_part(first, 0, video.segments[1][0].data)
    assert names(reel.take_part(first, 1, video.segments[1][2].data)) == {"decode_time_continues"}


def test_a_new_timeline_counts_from_its_own_start(video: Media) -> None:
    part = video.segments[6][0]
    assert part.discontinuity
    jumped = replace(held(video, part.data), continues=True)
    assert names(judge(PART, jumped)) == {"decode_time_continues"}
    assert judge(PART, replace(jumped, continues=False)) == []


SEGMENTS: dict[str, Callable[[HeldSegment], HeldSegment]] = {
    "segment_is_its_parts": lambda held: replace(held, data=held.data + b"."),
    "durations_add_up_to_the_segment": lambda held: replace(held, listed=replace(held.listed, duration=1.99)),
    "segment_starts_with_a_sync_sample": lambda held: replace(
        held, media=replace(held.media, chunks=(_starting_with_an_other(held.media.chunks[0]), *held.media.chunks[1:]))
    ),
}


def _starting_with_an_other(chunk: boxes.Chunk) -> boxes.Chunk:
    first = replace(chunk.samples[0], flags=boxes.NON_SYNC)
    return replace(chunk, samples=(first, *chunk.samples[1:]))


@pytest.mark.parametrize("rule", SEGMENTS)
def test_a_fault_in_a_segment_is_found_by_its_rule_alone(video: Media, rule: str) -> None:
    init = boxes.read_init(video.init)
    data = whole(video, 1)
    parts = tuple(part.data for part in video.segments[1])
    good = HeldSegment(segment(video, 1), data, boxes.read_media(data, init), init, parts)
    assert judge(SEGMENT, good) == []
    assert names(judge(SEGMENT, SEGMENTS[rule](good))) == {rule}


START = {"360p": Start(4.0, "vide"), "240p": Start(4.0, "vide"), "audio": Start(4.01, "soun")}
APART: dict[str, dict[str, Start]] = {
    "pictures_start_together": START | {"240p": Start(4.001, "vide")},
    "sound_starts_within_a_frame_of_the_picture": START | {"audio": Start(4.022, "soun")},
}


def test_renditions_of_the_product_start_their_segments_together(pictures: Film) -> None:
    for msn in range(pictures.length):
        starts = {
            media.rendition.name: Start(
                media.segments[msn][0].start / media.rendition.timescale,
                "vide" if media.rendition.kind is RenditionKind.VIDEO else "soun",
            )
            for media in pictures.media
        }
        assert judge(STARTS, Starts(msn, starts)) == []


@pytest.mark.parametrize("rule", APART)
def test_renditions_that_drift_apart_are_found_by_their_rule_alone(rule: str) -> None:
    assert names(judge(STARTS, Starts(2, APART[rule]))) == {rule}


@pytest.mark.parametrize(
    "data", [b"moof", u32(99) + b"moof" + bytes(8), u32(4) + b"moof"], ids=["short", "cut", "tiny"]
)
def test_bytes_that_are_no_boxes_are_found(video: Media, data: bytes) -> None:
    reel = Reel(Tally())
    reel.take_init("init-1.mp4", video.init)
    assert names(reel.take_part(segment(video, 1), 0, data)) == {"bytes_are_boxes"}
    assert names(reel.take_segment(segment(video, 1), data)) == {"bytes_are_boxes"}
    assert names(reel.take_init("init-2.mp4", data)) == {"bytes_are_boxes"}


def test_every_rule_has_its_fault() -> None:
    tables = ((INITS, INIT), (PARTS, PART), (SEGMENTS, SEGMENT), (APART, STARTS))
    for faults, rules in tables:
        assert set(faults) == {rule.name for rule in rules}
    assert [rule.name for rule in BYTES] == ["bytes_are_boxes"]
