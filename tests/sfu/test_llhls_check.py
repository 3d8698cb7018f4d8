"""What other tests call: one playlist, two of them, a delta update."""

from __future__ import annotations

import pytest

from sfu.playlist import media
from tests.sfu.feed_parts import part, segment, window
from tests.sfu.llhls_check import apply_delta, check, check_update, read


def good(last: int = 9, skip: bool = False) -> str:
    track = window(*[segment(msn) for msn in range(last)], part(last, 0), part(last, 1)).track("720p")
    assert track is not None
    return media(track, [], 0.2, skip=skip)


def test_a_good_playlist_breaks_no_rule() -> None:
    assert check(good()) == []
    assert check_update(read(good(9)), read(good(10))) == []


def test_a_finding_says_the_rule_its_section_and_what_it_saw() -> None:
    (found,) = check(good().replace("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO"))
    assert str(found) == "reload_can_block (4.4.3.8): CAN-BLOCK-RELOAD is NO"


def test_a_segment_that_changes_after_it_was_listed_is_found() -> None:
    changed = read(good().replace("#EXTINF:2.00000,\n5.m4s", "#EXTINF:1.99000,\n5.m4s"))
    assert [found.rule for found in check_update(read(good()), changed)] == ["listed_segments_never_change"]


def test_a_delta_that_skips_unseen_segments_is_refused() -> None:
    with pytest.raises(ValueError, match=r"6\.2\.5\.1"):
        apply_delta(read(good(12)), read(good(40, skip=True)))
