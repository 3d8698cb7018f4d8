"""The playlist from the start of the event, compared as text."""

from __future__ import annotations

import re

import msgspec
import pytest

from plenum.recording import Entry
from sfu.dvr_playlist import GAPS_MAX, Listing
from tests.sfu.conformance.playlist import apply_delta, read, same_segments

WALL_US = 1_800_000_000_000_000


def entry(msn: int, **changes: int) -> Entry:
    made = Entry(
        msn=msn,
        epoch=1,
        init_id=1,
        discontinuities=0,
        init_offset=0,
        init_length=700,
        offset=700 + msn * 1000,
        length=1000,
        timescale=90_000,
        start=msn * 180_000,
        duration=180_000,
        wall_us=WALL_US + msn * 2_000_000,
    )
    return msgspec.structs.replace(made, **changes)


def listing(*entries: Entry, from_start: bool = True) -> Listing:
    made = Listing(2.0, from_start=from_start)
    for one in entries:
        made.add(1, one)
    return made


def whole(made: Listing, *, ended: bool = False) -> str:
    return made.whole(ended=ended).decode()


def test_a_recording_is_listed_by_ranges_of_its_file() -> None:
    assert (
        whole(listing(entry(1), entry(2)), ended=True)
        == """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000
#EXT-X-PLAYLIST-TYPE:EVENT
#EXT-X-MEDIA-SEQUENCE:1
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-MAP:URI="dvr-1.mp4",BYTERANGE="700@0"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:02.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:1000@1700
dvr-1.mp4
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:04.000Z
#EXTINF:2.00000,
#EXT-X-BYTERANGE:1000@2700
dvr-1.mp4
#EXT-X-ENDLIST
"""
    )


def test_a_new_encoder_is_a_discontinuity_with_its_own_map() -> None:
    text = whole(listing(entry(1), entry(2, init_id=2, discontinuities=1, init_offset=5000)))
    assert '#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="dvr-1.mp4",BYTERANGE="700@5000"\n' in text


def test_the_next_file_s_init_segment_is_no_discontinuity() -> None:
    made = listing(entry(1))
    made.add(2, entry(2))
    assert '#EXT-X-MAP:URI="dvr-2.mp4"' in whole(made)
    assert "#EXT-X-DISCONTINUITY\n" not in whole(made)


def test_missing_numbers_are_gaps_as_long_as_they_must_have_been() -> None:
    text = whole(listing(entry(1), entry(4, wall_us=WALL_US + 7_000_000)))
    assert re.findall(r"#EXT-X-GAP\n#EXTINF:([\d.]+),\n(\S+)", text) == [
        ("1.50000", "gap-2.mp4"),
        ("1.50000", "gap-3.mp4"),
    ]


def test_a_gap_is_never_longer_than_the_target_duration() -> None:
    text = whole(listing(entry(1), entry(3, wall_us=WALL_US + 900_000_000)))
    assert re.findall(r"#EXT-X-GAP\n#EXTINF:([\d.]+)", text) == ["2.00000"]


def test_after_too_many_missing_numbers_the_list_begins_anew() -> None:
    made = listing(entry(1), entry(GAPS_MAX + 3))
    assert (made.count, read(whole(made)).segments[0].msn) == (1, GAPS_MAX + 3)
    assert "EVENT" not in whole(made)
    assert '#EXT-X-MAP:URI="dvr-1.mp4"' in whole(made)
    assert listing(entry(1), entry(GAPS_MAX + 2)).count == GAPS_MAX + 2


def test_what_comes_twice_is_listed_once() -> None:
    assert listing(entry(1), entry(1), entry(2), entry(1)).count == 2


def test_once_the_head_has_gone_it_promises_no_event() -> None:
    text = whole(listing(entry(1801, discontinuities=3), from_start=False))
    assert "EVENT" not in text
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:3\n" in text


@pytest.mark.parametrize("count", [1, 6, 7, 8, 100])
def test_a_delta_update_and_what_was_held_make_the_whole(count: int) -> None:
    made = listing(*(entry(msn, init_id=1 + msn // 50, discontinuities=msn // 50) for msn in range(count)))
    all_of_it, delta = read(whole(made)), read(made.delta().decode())
    assert same_segments(apply_delta(all_of_it, delta), all_of_it)
    assert len(delta.segments) == min(count, 7)  # 6.2.5.1: six target durations behind the oldest that is told


def test_a_delta_update_in_a_gap_names_the_map() -> None:
    delta = listing(entry(1), entry(30)).delta().decode()
    assert delta.split("SKIPPED-SEGMENTS=")[1].split("\n")[1].startswith("#EXT-X-MAP")


def test_two_hours_are_less_than_half_a_megabyte() -> None:
    made = listing(*(entry(msn, offset=1_500_000_000 + msn, length=700_000) for msn in range(3600)))
    assert len(made.whole(ended=False)) < 480_000
    assert len(made.delta()) < 1_500


def test_the_largest_segment_says_the_peak_bitrate() -> None:
    assert listing(entry(1), entry(2, length=250_000), entry(3)).peak_bps == 1_000_000
