"""The conformance checker finds what is wrong: each fault, put into a good playlist, is named by its rule."""

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


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO", "4.4.3.8 CAN-BLOCK"),
        ("PART-HOLD-BACK=0.60000", "PART-HOLD-BACK=0.50000", "4.4.3.8 PART-HOLD-BACK"),
        ("HOLD-BACK=6.00000", "HOLD-BACK=4.00000", "4.4.3.8 HOLD-BACK"),
        ("CAN-SKIP-UNTIL=12.00000", "CAN-SKIP-UNTIL=6.00000", "4.4.3.8 CAN-SKIP"),
        ("#EXT-X-VERSION:10", "#EXT-X-VERSION:6", "4.4.5.2"),
        ('#EXT-X-MAP:URI="init-1.mp4"\n', "", "4.4.4.5"),
        ("#EXTINF:2.00000,\n8.m4s", "#EXTINF:2.60000,\n8.m4s", "4.4.3.1"),
        ("#EXTINF:2.00000,\n8.m4s", "#EXTINF:1.90000,\n8.m4s", "4.4.4.9 parts of segment 8"),
        ('DURATION=0.20000,URI="8.3.m4s"', 'DURATION=0.21000,URI="8.3.m4s"', "4.4.3.7"),
        ('DURATION=0.20000,URI="8.3.m4s"', 'DURATION=0.16000,URI="8.3.m4s"', "4.4.4.9 part 8.3.m4s"),
        ('URI="8.0.m4s",INDEPENDENT=YES', 'URI="8.0.m4s"', "segment 8 does not start"),
        ('HINT:TYPE=PART,URI="9.2.m4s"', 'HINT:TYPE=PART,URI="9.3.m4s"', "4.4.5.3"),
        ("08:00:16.000Z", "08:00:16.400Z", "4.4.4.6"),
    ],
)
def test_a_fault_is_found_and_named(right: str, wrong: str, rule: str) -> None:
    assert right in good()
    assert any(broken.startswith(rule) for broken in check(good().replace(right, wrong)))


def test_a_playlist_that_goes_back_is_found() -> None:
    broken = check_update(read(good(20)), read(good(19)))
    assert "6.2.2 media sequence went back" in broken
    assert "the live edge went back" in broken


def test_a_segment_that_changes_after_it_was_listed_is_found() -> None:
    changed = read(good().replace("#EXTINF:2.00000,\n5.m4s", "#EXTINF:1.99000,\n5.m4s"))
    assert check_update(read(good()), changed) == ["6.2.1 segment 5 changed after it was listed"]


def test_a_delta_that_skips_unseen_segments_is_found() -> None:
    with pytest.raises(ValueError, match=r"6\.2\.5\.1"):
        apply_delta(read(good(12)), read(good(40, skip=True)))


def test_what_is_no_playlist_is_refused() -> None:
    with pytest.raises(ValueError, match="not a playlist"):
        read("<html>")
