"""Delivery directives: which playlist requests are answered, wait, or ask for too much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plenum.errors import BadInput
from sfu.directives import Directives, check_ahead, parse, satisfied
from sfu.frames import Frame
from sfu.window import Track
from tests.sfu.feed_parts import end, part, segment, window

PART_S = 0.2


def track(*frames: Frame | list[Frame]) -> Track:
    found = window(*frames).track("720p")
    assert found is not None
    return found


def test_directives_are_read_from_the_query() -> None:
    query = {"_HLS_msn": "41", "_HLS_part": "3", "_HLS_skip": "YES", "session": "7"}
    assert parse(query) == Directives(41, 3, True)
    assert parse({"_HLS_skip": "v2"}) == Directives(skip=True)
    assert parse({}) == Directives()


@pytest.mark.parametrize(
    "query",
    [
        {"_HLS_msn": "-1"},
        {"_HLS_msn": "1.5"},
        {"_HLS_msn": ""},
        {"_HLS_msn": "０"},
        {"_HLS_msn": "99999999999"},
        {"_HLS_msn": "4", "_HLS_part": "x"},
        {"_HLS_part": "3"},
        {"_HLS_skip": "no"},
    ],
)
def test_junk_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        parse(query)
    assert caught.value.code == "bad_directive"


@given(st.dictionaries(st.sampled_from(["_HLS_msn", "_HLS_part", "_HLS_skip"]), st.text(max_size=12)))
def test_whatever_is_asked_for_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        asked = parse(query)
    except BadInput:
        return
    assert asked.msn is None or asked.msn >= 0
    assert asked.part is None or asked.part >= 0


@pytest.mark.parametrize(
    ("msn", "index", "answered"),
    [
        (41, None, True),  # a whole segment that is there
        (42, None, False),  # the open one is not whole yet
        (42, 1, True),
        (42, 2, False),
        (43, 0, False),
        (41, 9, True),
        (41, 10, True),  # past the last part of 41: part 0 of 42, which is there
        (3, 0, True),  # long gone: the whole playlist, at once
    ],
)
def test_what_the_playlist_holds_is_answered_at_once(msn: int, index: int | None, answered: bool) -> None:
    held = track(segment(41), part(42, 0), part(42, 1))
    assert satisfied(Directives(msn, index), held) is answered


def test_a_part_index_past_the_end_of_a_whole_segment_waits_for_the_next_segment() -> None:
    assert not satisfied(Directives(41, 10), track(segment(41)))
    assert satisfied(Directives(41, 10), track(segment(41), part(42, 0)))


def test_a_plain_request_waits_for_two_whole_segments() -> None:
    assert not satisfied(Directives(), track(segment(41), part(42, 0)))
    assert satisfied(Directives(), track(segment(41), segment(42)))


@pytest.mark.parametrize(
    ("msn", "index", "refused"),
    [
        (43, None, False),
        (44, None, True),  # more than two beyond the last whole segment, 41
        (42, 16, False),  # advance part limit: 15 beyond part 1
        (42, 17, True),
        (43, 14, False),
        (43, 15, True),
        (1_000_000_000, 0, True),
        (0, 99_999, False),
    ],
)
def test_asking_too_far_ahead_is_refused(msn: int, index: int | None, refused: bool) -> None:
    held = track(segment(41), part(42, 0), part(42, 1))
    asked = Directives(msn, index)
    if not refused:
        check_ahead(asked, held, PART_S)
        return
    with pytest.raises(BadInput) as caught:
        check_ahead(asked, held, PART_S)
    assert caught.value.code == "too_far_ahead"


def test_before_anything_is_held_nothing_is_too_far_ahead() -> None:
    check_ahead(Directives(10_000, 3), track(), PART_S)


def test_before_the_first_whole_segment_the_open_one_counts() -> None:
    held = track(part(41, 0))
    check_ahead(Directives(42), held, PART_S)
    with pytest.raises(BadInput):
        check_ahead(Directives(43), held, PART_S)


def test_an_end_makes_the_open_segment_whole() -> None:
    assert satisfied(Directives(42), track(segment(41), part(42, 0), end()))
