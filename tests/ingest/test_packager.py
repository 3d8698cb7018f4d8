from __future__ import annotations

from itertools import pairwise

import pytest

from ingest.packager import AAC_FRAME, AudioPackager, Cutter, Timeline, VideoPackager
from plenum.media import PART_S, VIDEO_TIMESCALE, Part


class Wall:
    def wall_us(self, msn: int, media_us: int) -> int:
        return 1_000_000_000 + media_us


def video_parts(timeline: Timeline, ticks: int, spans: dict[int, int] | None = None) -> list[Part]:
    packager = VideoPackager(timeline, Cutter(0, 7, 3, VIDEO_TIMESCALE, Wall()))
    parts, tick, end = [], timeline.first_tick, timeline.first_tick + ticks
    while tick < end:
        span = (spans or {}).get(tick - timeline.first_tick, 1)
        part = packager.add(tick, span, b"picture", keyframe=timeline.starts_segment(tick))
        parts += [part] if part else []
        tick += span
    return parts


def audio_parts(timeline: Timeline, frames: int) -> list[Part]:
    packager = AudioPackager(timeline, Cutter(3, 7, 3, 48_000, Wall()))
    return [part for _ in range(frames) if (part := packager.add(b"sound")) is not None]


@pytest.mark.parametrize("fps", [25, 30])
def test_video_is_cut_into_ten_parts_of_200_ms_a_segment(fps: int) -> None:
    parts = video_parts(Timeline(fps, 1234, 5, discontinuity=False), fps * 6)
    assert [(part.msn, part.index) for part in parts] == [(msn, index) for msn in (5, 6, 7) for index in range(10)]
    assert {part.duration for part in parts} == {round(PART_S * VIDEO_TIMESCALE)}
    assert [part.last for part in parts] == [part.index == 9 for part in parts]
    assert [part.independent for part in parts] == [part.index == 0 for part in parts]


def test_each_part_starts_where_the_one_before_ended() -> None:
    timeline = Timeline(30, 1000, 0, discontinuity=False)
    for parts in (video_parts(timeline, 600), audio_parts(timeline, 900)):
        for before, after in pairwise(parts):
            assert after.start == before.start + before.duration


@pytest.mark.parametrize("fps", [25, 30])
def test_audio_segments_end_within_half_an_aac_frame_of_the_videos(fps: int) -> None:
    timeline = Timeline(fps, 4321, 9, discontinuity=False)
    starts = {part.msn: part.start / VIDEO_TIMESCALE for part in video_parts(timeline, fps * 40) if part.index == 0}
    for part in audio_parts(timeline, 1800):
        if part.index == 0:
            assert abs(part.start / 48_000 - starts[part.msn]) <= AAC_FRAME / 48_000 / 2 + 1e-6


def test_audio_parts_keep_to_the_part_target_and_only_the_last_is_short() -> None:
    parts = audio_parts(Timeline(30, 0, 0, discontinuity=False), 2000)
    assert all(part.duration <= PART_S * 48_000 for part in parts)
    assert all(part.duration >= 0.85 * PART_S * 48_000 for part in parts if not part.last)


def test_both_tracks_begin_at_the_same_instant() -> None:
    timeline = Timeline(25, 4321, 0, discontinuity=False)
    video, audio = video_parts(timeline, 25)[0], audio_parts(timeline, 20)[0]
    assert video.start / VIDEO_TIMESCALE == audio.start / 48_000
    assert video.wall_us == audio.wall_us


def test_a_picture_that_lasts_longer_leaves_parts_where_they_are() -> None:
    timeline = Timeline(30, 0, 0, discontinuity=False)
    parts = video_parts(timeline, 60, spans={2: 4, 12: 6, 59: 1})
    assert [part.start for part in parts] == [index * 18_000 for index in range(10)]
    assert {part.duration for part in parts} == {18_000}


def test_only_the_first_part_after_a_break_is_marked() -> None:
    parts = video_parts(Timeline(30, 0, 4, discontinuity=True), 120)
    assert [part.discontinuity for part in parts] == [True] + [False] * 19


def test_after_a_jump_the_next_segment_has_the_next_number_and_starts_now() -> None:
    timeline = Timeline(30, 0, 4, discontinuity=False)
    packager = VideoPackager(timeline, Cutter(0, 7, 3, VIDEO_TIMESCALE, Wall()))
    for tick in range(62):
        packager.add(tick, 1, b"picture", keyframe=timeline.starts_segment(tick))
    resumed = timeline.resumed(61, 400)
    cut_short = packager.begin(resumed)
    assert cut_short is not None
    assert (cut_short.msn, cut_short.last, cut_short.duration) == (5, True, 2 * 3000)
    parts = [packager.add(tick, 1, b"p", keyframe=resumed.starts_segment(tick)) for tick in range(400, 406)]
    part = parts[-1]
    assert part is not None
    assert (part.msn, part.index, part.start, part.discontinuity, part.independent) == (6, 0, 400 * 3000, True, True)


def test_chunks_are_numbered_upwards_also_across_a_restart() -> None:
    before = video_parts(Timeline(30, 0, 4, discontinuity=False), 120)[-1]
    after = video_parts(Timeline(30, 500, 6, discontinuity=True), 6)[0]
    assert before.data.index(b"mfhd") == after.data.index(b"mfhd")
    number = slice(before.data.index(b"mfhd") + 8, before.data.index(b"mfhd") + 12)
    assert before.data[number] < after.data[number]
