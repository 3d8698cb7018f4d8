"""Whole segments out of parts."""

from __future__ import annotations

from ingest.segments import Segments
from plenum.wire import Flag, Header, Kind


def header(msn: int, part: int, *, last: bool = False, init_id: int = 1) -> Header:
    flags = Flag.LAST if last else Flag(0)
    return Header(Kind.PART, 0, flags, init_id, 1, msn, part, 18_000, (msn * 10 + part) * 18_000)


def fed(*headers: Header) -> list[tuple[int, int]]:
    """Number and parts of what came out whole."""
    segments = Segments()
    whole = [one for each in headers for one in segments.add(each, memoryview(b"x"))]
    return [(one.first.msn, len(one.parts)) for one in whole]


def test_a_segment_is_whole_with_its_last_part() -> None:
    assert fed(header(1, 0), header(1, 1)) == []
    assert fed(header(1, 0), header(1, 1, last=True)) == [(1, 2)]


def test_a_segment_that_its_encoder_left_open_is_closed_by_the_next() -> None:
    assert fed(header(1, 0), header(1, 1), header(5, 0, init_id=2, last=True)) == [(1, 2), (5, 1)]


def test_a_segment_with_a_hole_is_not_kept() -> None:
    assert fed(header(1, 0), header(1, 2, last=True), header(2, 0, last=True)) == [(2, 1)]


def test_a_segment_whose_start_was_missed_is_not_kept() -> None:
    assert fed(header(1, 3), header(1, 4, last=True)) == []


def test_what_comes_twice_is_no_harm() -> None:
    assert fed(header(1, 0), header(1, 0), header(1, 1, last=True), header(1, 0)) == [(1, 2)]


def test_an_open_segment_can_be_closed_as_far_as_it_came() -> None:
    segments = Segments()
    segments.add(header(1, 0), memoryview(b"x"))
    assert [one.duration for one in segments.close()] == [18_000]
    assert segments.close() == []
