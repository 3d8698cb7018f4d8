"""Each rule of a media playlist finds the fault that it is for, and nothing else does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from sfu.playlist import media
from tests.sfu.conformance.faults import names, swapped
from tests.sfu.conformance.media_playlist import MEDIA
from tests.sfu.conformance.playlist import read
from tests.sfu.conformance.rules import judge
from tests.sfu.feed_parts import HIGH, end, init, part, segment, window


def playlist(*, skip: bool = False, ended: bool = False) -> str:
    """Segments 6 to 19, a new encoder from 15 on, two parts of 20."""
    old = [segment(msn) for msn in range(15)]
    first = [part(15, 0, init_id=2, discontinuity=True), *segment(15, init_id=2)[1:]]
    new = [segment(msn, init_id=2) for msn in range(16, 20)]
    made = window(*old, init(HIGH, 2), first, *new, part(20, 0, init_id=2), part(20, 1, init_id=2))
    if ended:
        made.accept(end())
    track = made.track("720p")
    assert track is not None
    return media(track, [("360p", (20, 1)), ("audio", (20, 0))], 0.2, skip=skip, ended=ended)


@dataclass(frozen=True)
class Fault:
    """Replace `right` by `wrong` in a good playlist, or do what `change` does."""

    right: str = ""
    wrong: str = ""
    change: Callable[[str], str] | None = None
    good: str = field(default_factory=playlist)
    also: frozenset[str] = frozenset()
    """Rules that no playlist with this fault can keep."""

    @property
    def text(self) -> str:
        return self.change(self.good) if self.change else swapped(self.good, self.right, self.wrong)


def without_tag(tag: str) -> Callable[[str], str]:
    return lambda text: re.sub(f"^{tag}:.*\n", "", text, flags=re.MULTILINE)


def reordered_parts(text: str) -> str:
    """Segment 18 has lost its parts, 17 still lists them."""
    return re.sub(r"#EXT-X-PART:.*18\.\d+\.m4s.*\n", "", text)


def parts_of_segment_12(text: str) -> str:
    parts = "".join(
        f'#EXT-X-PART:DURATION=0.20000,URI="12.{index}.m4s"{",INDEPENDENT=YES" if index == 0 else ""}\n'
        for index in range(10)
    )
    everything = parts + "#EXTINF:2.00000,\n12.m4s"
    text = swapped(text, "#EXTINF:2.00000,\n12.m4s", everything)
    for msn in (13, 14, 15, 16):  # what is between lists its parts too, so that only the age is wrong
        if f'"{msn}.0.m4s"' not in text:
            text = text.replace(f"#EXTINF:2.00000,\n{msn}.m4s", everything.replace("12.", f"{msn}."))
    return text


def part_84_percent(text: str) -> str:
    """A shorter part in the middle of a segment, which is as much shorter."""
    text = swapped(text, 'DURATION=0.20000,URI="18.3.m4s"', 'DURATION=0.16800,URI="18.3.m4s"')
    return swapped(text, "#EXTINF:2.00000,\n18.m4s", "#EXTINF:1.96800,\n18.m4s")


def long_part(text: str) -> str:
    text = swapped(text, 'DURATION=0.20000,URI="18.3.m4s"', 'DURATION=0.21000,URI="18.3.m4s"')
    return swapped(text, "#EXTINF:2.00000,\n18.m4s", "#EXTINF:2.01000,\n18.m4s")


def long_segment(text: str) -> str:
    """Segment 8 lasts 2.6 s, and what follows is dated as much later: only the next one's date is held against it."""
    text = swapped(text, "#EXTINF:2.00000,\n8.m4s", "#EXTINF:2.60000,\n8.m4s")
    return re.sub(r"08:00:(18|2\d)\.000Z", lambda seconds: f"08:00:{seconds[1]}.600Z", text)


FAULTS: dict[str, Fault] = {
    "text_has_no_control_characters": Fault("\n#EXT-X-VERSION", "\n#a \x07 bell\n#EXT-X-VERSION"),
    "tags_of_the_playlist_stand_once": Fault("#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n" * 2),
    "version_covers_the_tags_used": Fault("VERSION:9", "VERSION:5"),
    "version_is_no_higher_than_needed": Fault("VERSION:9", "VERSION:10"),
    "live_playlist_has_no_type": Fault("#EXT-X-PART-INF", "#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-PART-INF"),
    "media_sequence_is_stated": Fault(
        # Without it segments count from 0, so that names and the hint tell other numbers.
        change=without_tag("#EXT-X-MEDIA-SEQUENCE"),
        also=frozenset({"names_say_the_place", "hint_names_the_next_part", "report_is_up_to_date"}),
    ),
    "discontinuity_sequence_is_stated": Fault(change=without_tag("#EXT-X-DISCONTINUITY-SEQUENCE")),
    "target_duration_covers_every_segment": Fault(change=long_segment),
    "part_target_is_stated": Fault(
        change=without_tag("#EXT-X-PART-INF"), also=frozenset({"part_is_no_longer_than_its_target"})
    ),
    "reload_can_block": Fault("CAN-BLOCK-RELOAD=YES", "CAN-BLOCK-RELOAD=NO"),
    "part_hold_back_is_two_part_targets": Fault(
        "PART-HOLD-BACK=0.60000", "PART-HOLD-BACK=0.39000", also=frozenset({"part_hold_back_is_three_part_targets"})
    ),
    "part_hold_back_is_three_part_targets": Fault("PART-HOLD-BACK=0.60000", "PART-HOLD-BACK=0.59000"),
    "hold_back_is_three_target_durations": Fault(",HOLD-BACK=6.00000", ",HOLD-BACK=5.00000"),
    "skip_boundary_is_six_target_durations": Fault("CAN-SKIP-UNTIL=12.00000", "CAN-SKIP-UNTIL=11.00000"),
    "delta_updates_are_offered": Fault(
        "CAN-SKIP-UNTIL=12.00000,", "", also=frozenset({"version_is_no_higher_than_needed"})
    ),
    "segment_has_a_duration": Fault(
        # The date of what follows is wrong then too; it goes along.
        "#EXTINF:2.00000,\n19.m4s\n#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:40.000Z\n",
        "19.m4s\n",
        also=frozenset({"parts_add_up_to_their_segment"}),
    ),
    "segment_has_a_map": Fault('#EXT-X-MAP:URI="init-1.mp4"\n', ""),
    "new_map_comes_with_a_discontinuity": Fault("#EXT-X-DISCONTINUITY\n", ""),
    "discontinuity_has_a_date": Fault("#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:30.000Z\n", ""),
    "dates_continue": Fault("08:00:16.000Z", "08:00:17.000Z", also=frozenset({"dates_continue_within_a_frame"})),
    "dates_continue_within_a_frame": Fault("08:00:16.000Z", "08:00:16.060Z"),
    "addresses_stand_once": Fault('URI="18.3.m4s"', 'URI="18.2.m4s"', also=frozenset({"names_say_the_place"})),
    "names_say_the_place": Fault('URI="18.3.m4s"', 'URI="18.3.mp4"'),
    "part_is_no_longer_than_its_target": Fault(change=long_part),
    "part_is_85_percent_of_its_target": Fault(change=part_84_percent),
    "parts_add_up_to_their_segment": Fault("#EXTINF:2.00000,\n18.m4s", "#EXTINF:1.99000,\n18.m4s"),
    "segment_starts_independent": Fault('URI="18.0.m4s",INDEPENDENT=YES', 'URI="18.0.m4s"'),
    "parts_leave_after_three_target_durations": Fault(change=parts_of_segment_12),
    "parts_leave_from_the_head": Fault(change=reordered_parts),
    "gap_offers_no_parts": Fault(
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:36.000Z\n",
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:36.000Z\n#EXT-X-GAP\n",
    ),
    "hint_names_the_next_part": Fault('HINT:TYPE=PART,URI="20.2.m4s"', 'HINT:TYPE=PART,URI="20.3.m4s"'),
    "nothing_follows_the_end": Fault(
        "#EXT-X-ENDLIST", '#EXT-X-ENDLIST\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="21.0.m4s"', good=playlist(ended=True)
    ),
    "report_says_where_its_rendition_is": Fault("LAST-MSN=20,LAST-PART=1", "LAST-MSN=20"),
    "report_is_up_to_date": Fault("LAST-MSN=20,LAST-PART=1", "LAST-MSN=17,LAST-PART=1"),
    "skip_keeps_what_is_within_its_boundary": Fault(
        change=lambda text: re.sub(
            r"SKIPPED-SEGMENTS=\d+((?:.*\n)+?)(?=#EXT-X-DISCONTINUITY\n)", "SKIPPED-SEGMENTS=9\n", text
        ),
        good=playlist(skip=True),
    ),
    "skip_counts_what_it_replaces": Fault(
        "#EXT-X-DISCONTINUITY-SEQUENCE:1\n", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-SKIP:SKIPPED-SEGMENTS=0\n"
    ),
    "ended_playlist_is_whole": Fault(
        change=lambda text: re.sub(r"#EXT-X-PROGRAM-DATE-TIME:.*08:00:40(.*\n)+", "#EXT-X-ENDLIST\n", text),
        good=playlist(skip=True),
    ),
}


@pytest.mark.parametrize(
    "text", [playlist(), playlist(skip=True), playlist(ended=True)], ids=["whole", "delta", "ended"]
)
def test_a_good_playlist_breaks_no_rule(text: str) -> None:
    assert judge(MEDIA, read(text)) == []


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_by_its_rule_alone(rule: str) -> None:
    fault = FAULTS[rule]
    assert names(judge(MEDIA, read(fault.text))) == {rule} | fault.also


def test_every_rule_has_its_fault() -> None:
    assert set(FAULTS) == {rule.name for rule in MEDIA}


def test_a_segment_without_parts_at_the_live_edge_is_hinted_as_the_next() -> None:
    track = window(segment(41)).track("720p")
    assert track is not None
    assert judge(MEDIA, read(media(track, [], 0.2))) == []


def test_what_is_no_playlist_is_refused() -> None:
    with pytest.raises(ValueError, match="not a playlist"):
        read("<html>")
