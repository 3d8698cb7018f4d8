"""The live window's rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plenum.media import ProgrammeState
from plenum.wire import pack_end
from sfu.frames import frame
from sfu.window import HELD_S, Heard, Segment, Track, Window
from tests.sfu.feed_parts import HIGH, LADDER, LOW, SOUND, end, init, part, programme, segment, window


def track_of(made: Window, name: str = "720p") -> Track:
    track = made.track(name)
    assert track is not None
    return track


def shape(made: Window, name: str = "720p") -> list[tuple[int, int, bool]]:
    """(msn, number of parts, closed) of each segment."""
    return [(s.msn, len(s.parts), s.closed) for s in track_of(made, name).segments]


def find(made: Window, msn: int, name: str = "720p") -> Segment:
    found = track_of(made, name).find(msn)
    assert found is not None
    return found


def test_parts_make_segments_and_the_last_one_closes_its_segment() -> None:
    made = window(segment(5), part(6, 0), part(6, 1))
    assert shape(made) == [(5, 10, True), (6, 2, False)]
    assert find(made, 5).duration_s == 2.0


def test_the_live_edge_is_the_last_part_and_the_hint_the_one_after() -> None:
    made = window(segment(5), part(6, 0))
    assert track_of(made).position == (6, 0)
    assert track_of(made).next_position == (6, 1)
    assert track_of(made).last_closed == 5


def test_after_a_whole_segment_the_next_one_is_hinted() -> None:
    made = window(segment(5))
    assert track_of(made).next_position == (6, 0)


def test_nothing_is_known_of_an_empty_track() -> None:
    track = track_of(window())
    assert (track.position, track.next_position, track.last_closed, track.listed()) == (None, None, None, [])


def test_a_segment_that_lost_its_end_is_closed_by_the_next_ones_first_part() -> None:
    made = window(segment(5, parts=4), part(6, 0))
    assert shape(made) == [(5, 4, True), (6, 1, False)]
    assert find(made, 5).duration_s == 0.8


def test_a_part_that_is_held_already_is_ignored() -> None:
    made = window(segment(5), part(6, 0))
    assert made.accept(part(5, 9)) is Heard.IGNORED
    assert made.accept(part(6, 0)) is Heard.IGNORED
    assert shape(made) == [(5, 10, True), (6, 1, False)]


def test_after_a_missing_part_the_rest_of_its_segment_is_ignored() -> None:
    made = window(part(5, 0), part(5, 2), part(5, 3), part(6, 0))
    assert shape(made) == [(5, 1, True), (6, 1, False)]


def test_a_window_starts_at_the_start_of_a_segment() -> None:
    made = window(part(5, 3), part(5, 4), part(6, 0))
    assert shape(made) == [(6, 1, False)]


def test_a_part_without_its_init_segment_is_ignored() -> None:
    made = window()
    assert made.accept(part(5, 0, init_id=2)) is Heard.IGNORED


def test_a_rendition_that_the_programme_does_not_name_is_ignored() -> None:
    made = window(ladder=(HIGH,))
    assert made.accept(init(LOW)) is Heard.IGNORED
    assert made.accept(part(5, 0, LOW)) is Heard.IGNORED


def test_a_sender_that_never_ends_a_segment_does_not_fill_the_memory() -> None:
    made = window([part(5, index, last=False) for index in range(200)])
    assert shape(made) == [(5, 64, False)]


def test_missing_segments_become_gaps_of_the_time_they_took() -> None:
    made = window(segment(5), segment(8))
    track = track_of(made)
    assert [(s.msn, s.gap, s.duration_s) for s in track.segments] == [
        (5, False, 2.0),
        (6, True, 2.0),
        (7, True, 2.0),
        (8, False, 2.0),
    ]
    assert find(made, 7).wall_us == find(made, 5).wall_us + 4_000_000
    assert not find(made, 8).discontinuity


def test_a_hole_too_long_to_be_told_as_gaps_starts_the_window_anew() -> None:
    made = window(segment(5), segment(60))
    assert shape(made) == [(60, 10, True)]


def test_a_hole_that_does_not_fit_its_numbers_starts_the_window_anew() -> None:
    made = window(segment(5), segment(7, start=1_000_000_000))
    assert shape(made) == [(7, 10, True)]


def test_a_new_encoder_makes_a_discontinuity_and_brings_its_init_segment() -> None:
    made = window(segment(5, parts=3), init(HIGH, 2), part(6, 0, init_id=2, discontinuity=True))
    assert [(s.msn, s.discontinuity, s.init_id) for s in track_of(made).segments] == [(5, False, 1), (6, True, 2)]


def test_discontinuity_numbers_start_at_the_init_id_so_that_edges_agree() -> None:
    early = window(segment(5), init(HIGH, 2), part(6, 0, init_id=2, discontinuity=True))
    late = window(init(HIGH, 2), part(6, 0, init_id=2, discontinuity=True))
    assert find(early, 6).discontinuity_number == find(late, 6).discontinuity_number == 2


def test_another_epoch_forgets_what_is_held_and_goes_on_numbering() -> None:
    made = window(segment(5), segment(6))
    made.accept(programme(epoch=2))
    made.accept(init(HIGH, 2, epoch=2))
    made.accept(part(7, 0, init_id=2, epoch=2, start=0, discontinuity=True))
    assert shape(made) == [(7, 1, False)]
    assert find(made, 7).discontinuity
    assert find(made, 7).discontinuity_number == 2


def test_parts_of_the_old_epoch_are_ignored_after_the_change() -> None:
    made = window(segment(5))
    made.accept(init(HIGH, 2, epoch=2))
    assert made.accept(part(6, 0)) is Heard.IGNORED


def test_an_origin_that_comes_back_without_renditions_does_not_empty_the_window() -> None:
    made = window(segment(5))
    made.accept(programme(ProgrammeState.WAITING, epoch=0, ladder=()))
    assert shape(made) == [(5, 10, True)]
    assert made.programme is not None
    assert made.programme.state is ProgrammeState.WAITING


def test_the_end_closes_the_open_segment() -> None:
    made = window(segment(5, parts=3))
    assert made.accept(end()) is Heard.END
    assert shape(made) == [(5, 3, True)]
    assert made.ended
    assert made.accept(end()) is Heard.IGNORED


def test_half_a_minute_is_held() -> None:
    made = window(*[segment(msn) for msn in range(100)])
    held = track_of(made).segments
    assert held[-1].msn == 99
    assert HELD_S - 2 <= sum(s.duration_s for s in held) <= HELD_S + 4


def test_a_playlist_lists_less_than_is_held_so_that_what_it_drops_can_still_be_fetched() -> None:
    made = window(*[segment(msn) for msn in range(100)], part(100, 0))
    listed = track_of(made).listed()
    assert (listed[0].msn, listed[-1].msn) == (86, 100)
    # RFC 8216bis 6.2.2: for its duration and that of the playlist after it appeared
    assert track_of(made).segments[0].msn <= 86 - 1


def test_bytes_are_bounded_and_the_oldest_go_first_in_all_renditions() -> None:
    made = window(limit_bytes=20_000)
    for msn in range(10):
        for rendition in LADDER:
            for one in segment(msn, rendition, size=200):
                made.accept(one)
    assert made.size <= 20_000 + 3 * 10 * 300
    assert {shape(made, rendition.name)[0][0] for rendition in LADDER} == {8}


def test_the_current_and_the_last_segment_stay_even_where_they_are_too_large() -> None:
    made = window(segment(5, size=1000), segment(6, size=1000), segment(7, size=1000), limit_bytes=100)
    assert [msn for msn, _, _ in shape(made)] == [6, 7]


def test_an_init_segment_is_kept_as_long_as_a_segment_needs_it() -> None:
    made = window(segment(1), init(HIGH, 2), part(2, 0, init_id=2))
    assert set(track_of(made).inits) == {1, 2}
    for msn in range(3, 40):
        for one in segment(msn, init_id=2):
            made.accept(one)
    assert set(track_of(made).inits) == {2}


def test_a_new_viewer_starts_at_the_same_segment_in_all_renditions() -> None:
    made = window(segment(5), segment(5, SOUND), part(6, 0))
    assert made.start_msn([HIGH.id, SOUND.id]) == 6
    assert made.start_msn([SOUND.id]) == 5
    assert made.start_msn([]) is None


def test_a_viewer_resumes_after_the_part_it_has() -> None:
    made = window(segment(5), part(6, 0), part(6, 1))
    after = track_of(made).after((5, 8))
    assert after is not None
    assert [one.position for one in after] == [(5, 9), (6, 0), (6, 1)]
    assert track_of(made).after((6, 1)) == []


def test_a_viewer_from_an_edge_that_is_ahead_gets_what_comes() -> None:
    made = window(segment(5))
    assert track_of(made).after((6, 3)) == []


def test_nobody_resumes_where_parts_are_missing_in_between() -> None:
    made = window(segment(5), segment(8))
    track = track_of(made)
    assert track.after((2, 3)) is None
    assert track.after((6, 3)) is None
    assert track.after((90, 0)) is None


def test_upstream_is_asked_to_go_on_from_the_rendition_that_is_furthest_behind() -> None:
    made = window(segment(5), segment(5, LOW), segment(5, SOUND, parts=7))
    assert made.resume_point() == (5, 6)
    assert window(segment(5)).resume_point() is None


def test_the_largest_segment_sets_the_peak_bitrate() -> None:
    made = window(segment(5, size=1000), segment(6, size=10))
    assert 40_000 <= track_of(made).peak_bps <= 43_000


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 11), st.booleans(), st.integers(1, 3)), max_size=60))
def test_whatever_comes_numbers_are_consecutive_and_parts_complete(story: list[tuple[int, int, bool, int]]) -> None:
    made = window(init(HIGH, 2), init(HIGH, 3))
    for msn, index, discontinuity, init_id in story:
        made.accept(part(msn, index, init_id=init_id, discontinuity=discontinuity))
    segments = list(track_of(made).segments)
    assert [s.msn for s in segments] == list(range(segments[0].msn, segments[-1].msn + 1)) if segments else True
    assert all(s.closed for s in segments[:-1])
    for s in segments:
        assert [one.header.part for one in s.parts] == list(range(len(s.parts)))
        assert {one.header.init_id for one in s.parts} <= {s.init_id}
    numbers = [s.discontinuity_number for s in segments]
    assert numbers == sorted(numbers)


def test_a_jump_over_all_numbers_takes_no_time_and_leaves_what_is_new() -> None:
    made = window(segment(5), segment(5, LOW), part(2**32 - 1, 0))
    assert shape(made) == [(2**32 - 1, 1, False)]
    assert shape(made, "360p") == []


def test_a_programme_of_an_epoch_before_this_one_changes_nothing() -> None:
    made = window(programme(epoch=2), init(epoch=2), part(5, 0, epoch=2))
    held = made.programme_frame
    assert made.accept(programme(epoch=1, ladder=(SOUND,))) is Heard.IGNORED
    assert (made.programme_frame, made.names) == (held, frozenset({"720p", "360p", "audio"}))
    # A restarted origin has nothing yet and does not know its epoch: that is news.
    assert made.accept(programme(ProgrammeState.WAITING, epoch=0, ladder=())) is Heard.PROGRAMME


def test_a_segment_whose_last_part_never_came_is_known_as_torn() -> None:
    made = window(segment(5), part(6, 0), part(6, 2), part(7, 0))
    track = made.tracks[HIGH.id]
    assert [(one.msn, one.closed, one.torn) for one in track.segments] == [
        (5, True, False),
        (6, True, True),
        (7, False, False),
    ]
    made.accept(end())
    assert [one.torn for one in track.segments] == [False, True, True]


def test_what_only_a_newer_version_knows_is_ignored() -> None:
    held = window(segment(1))
    strange = bytearray(pack_end(1))
    strange[1] = 11
    assert held.accept(frame(bytes(strange))) is Heard.IGNORED
