"""Rules of one media playlist by itself, whole or a delta update: its head, its segments, its parts, its live edge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tests.sfu.conformance.playlist import Playlist, Segment, number
from tests.sfu.conformance.rules import Rule

WRITTEN_S = 1e-5
"""What a time loses by being written with five decimals."""
FRAME_S = 0.04
"""One picture at 25 a second: what a date may be off the end of the segment before it."""
_CONTROL = re.compile("[\ufeff\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NEEDS = {"#EXT-X-MAP": 6, "#EXT-X-SKIP": 9, "#EXT-X-BYTERANGE": 4, "#EXT-X-DEFINE": 8}
_ONCE = (
    "#EXT-X-VERSION",
    "#EXT-X-TARGETDURATION",
    "#EXT-X-SERVER-CONTROL",
    "#EXT-X-PART-INF",
    "#EXT-X-MEDIA-SEQUENCE",
    "#EXT-X-DISCONTINUITY-SEQUENCE",
    "#EXT-X-SKIP",
    "#EXT-X-ENDLIST",
)
_PARTS_KEPT = 3
"""Target durations for which parts stay listed."""

Faults = Iterator[str]


def text_has_no_control_characters(p: Playlist) -> Faults:
    if _CONTROL.search(p.text):
        yield "the text holds control characters or a byte order mark"


def version_covers_the_tags_used(p: Playlist) -> Faults:
    needed = _version_needed(p)
    if p.version < needed:
        yield f"version {p.version}, its tags need {needed}"


def version_is_no_higher_than_needed(p: Playlist) -> Faults:
    # A server that answers _HLS_skip writes 9 everywhere: the version may not change between two forms of one playlist.
    needed = max(_version_needed(p), 9 if "CAN-SKIP-UNTIL" in p.control else 1)
    if p.version > needed:
        yield f"version {p.version}, {needed} would do"


def _version_needed(p: Playlist) -> int:
    decimals = 3 if any(segment.duration % 1 for segment in p.segments) else 1
    return max(decimals, *(version for tag, version in _NEEDS.items() if p.tags[tag]), 1)


def tags_of_the_playlist_stand_once(p: Playlist) -> Faults:
    yield from (f"{tag} stands {p.tags[tag]} times" for tag in _ONCE if p.tags[tag] > 1)


def live_playlist_has_no_type(p: Playlist) -> Faults:
    if not p.ended and p.tags["#EXT-X-PLAYLIST-TYPE"]:
        yield "a live playlist says EXT-X-PLAYLIST-TYPE"


def media_sequence_is_stated(p: Playlist) -> Faults:
    if not p.tags["#EXT-X-MEDIA-SEQUENCE"]:
        yield "no EXT-X-MEDIA-SEQUENCE, so nothing may ever leave"


def discontinuity_sequence_is_stated(p: Playlist) -> Faults:
    if p.tags["#EXT-X-DISCONTINUITY"] and not p.tags["#EXT-X-DISCONTINUITY-SEQUENCE"]:
        yield "EXT-X-DISCONTINUITY without EXT-X-DISCONTINUITY-SEQUENCE"


def target_duration_covers_every_segment(p: Playlist) -> Faults:
    if p.target < 1:
        yield "no EXT-X-TARGETDURATION"
        return
    for segment in p.segments:
        if int(segment.duration + 0.5) > p.target:
            yield f"segment {segment.msn} lasts {segment.duration}, target {p.target}"


def part_target_is_stated(p: Playlist) -> Faults:
    if p.part_target <= 0 and (p.tags["#EXT-X-PART"] or p.control.get("CAN-BLOCK-RELOAD") == "YES"):
        yield "no PART-TARGET"


def reload_can_block(p: Playlist) -> Faults:
    if p.control.get("CAN-BLOCK-RELOAD") != "YES":
        yield f"CAN-BLOCK-RELOAD is {p.control.get('CAN-BLOCK-RELOAD')}"


def part_hold_back_is_two_part_targets(p: Playlist) -> Faults:
    yield from _at_least(p, "PART-HOLD-BACK", 2 * p.part_target)


def part_hold_back_is_three_part_targets(p: Playlist) -> Faults:
    yield from _at_least(p, "PART-HOLD-BACK", 3 * p.part_target)


def hold_back_is_three_target_durations(p: Playlist) -> Faults:
    if "HOLD-BACK" in p.control:  # its default is just that
        yield from _at_least(p, "HOLD-BACK", 3 * p.target)


def skip_boundary_is_six_target_durations(p: Playlist) -> Faults:
    if "CAN-SKIP-UNTIL" in p.control:
        yield from _at_least(p, "CAN-SKIP-UNTIL", 6 * p.target)


def delta_updates_are_offered(p: Playlist) -> Faults:
    if "CAN-SKIP-UNTIL" not in p.control:
        yield "no CAN-SKIP-UNTIL"


def _at_least(p: Playlist, name: str, least: float) -> Faults:
    stated = number(p.control.get(name, ""))
    if stated < least - WRITTEN_S:
        yield f"{name} is {stated}, less than {least:.5f}"


def segment_has_a_duration(p: Playlist) -> Faults:
    yield from (f"segment {each.msn} has no EXTINF" for each in p.segments if not _has(each, "#EXTINF"))


def segment_has_a_map(p: Playlist) -> Faults:
    yield from (f"segment {each.msn} has no EXT-X-MAP" for each in p.listed if not each.map_uri)


def new_map_comes_with_a_discontinuity(p: Playlist) -> Faults:
    for before, after in pairwise(p.listed):
        if before.map_uri and before.map_uri != after.map_uri and not after.discontinuity:
            yield f"segment {after.msn} changes to {after.map_uri} without EXT-X-DISCONTINUITY"


def discontinuity_has_a_date(p: Playlist) -> Faults:
    for each in p.listed:
        if each.discontinuity and each.date is None:
            yield f"segment {each.msn} starts a new timeline without EXT-X-PROGRAM-DATE-TIME"


def dates_continue(p: Playlist) -> Faults:
    # Overlaps below a second are allowed, where the encoder's clock and that of the dates drift apart.
    yield from (f"date of segment {msn} is {drift:.3f} s off the end before" for msn, drift in _drifts(p) if drift >= 1)


def dates_continue_within_a_frame(p: Playlist) -> Faults:
    for msn, drift in _drifts(p):
        if drift > FRAME_S:
            yield f"date of segment {msn} is {drift:.3f} s off the end of the one before"


def _drifts(p: Playlist) -> Iterator[tuple[int, float]]:
    for before, after in pairwise(p.listed):
        if before.date and after.date and not after.discontinuity:
            yield after.msn, abs((after.date - before.date).total_seconds() - before.duration)


def addresses_stand_once(p: Playlist) -> Faults:
    uris = Counter([*(each.uri for each in p.segments), *(part.uri for _, _, part in p.parts())])
    yield from (f"{uri} stands {times} times" for uri, times in uris.items() if times > 1)


def names_say_the_place(p: Playlist) -> Faults:
    for segment in p.segments:
        if segment.uri != f"{segment.msn}.m4s":
            yield f"segment {segment.msn} is called {segment.uri}"
    for segment, index, part in p.parts():
        if part.uri != f"{segment.msn}.{index}.m4s":
            yield f"part {index} of segment {segment.msn} is called {part.uri}"


def part_is_no_longer_than_its_target(p: Playlist) -> Faults:
    for _, _, part in p.parts():
        if part.duration > p.part_target + WRITTEN_S:
            yield f"part {part.uri} lasts {part.duration}, target {p.part_target}"


def part_is_85_percent_of_its_target(p: Playlist) -> Faults:
    before_break = {before.msn for before, after in pairwise(p.listed) if after.discontinuity}
    for segment, index, part in p.parts():
        last = index == len(segment.parts) - 1 and (segment is not p.open or segment.msn in before_break)
        if not last and not part.gap and part.duration < 0.85 * p.part_target - WRITTEN_S:
            yield f"part {part.uri} lasts {part.duration}, target {p.part_target}"


def parts_add_up_to_their_segment(p: Playlist) -> Faults:
    for segment in p.segments:
        total = sum(part.duration for part in segment.parts)
        if segment.parts and abs(total - segment.duration) > WRITTEN_S * (len(segment.parts) + 1):
            yield f"parts of segment {segment.msn} last {total:.5f}, itself {segment.duration}"


def segment_starts_independent(p: Playlist) -> Faults:
    for segment in p.listed:
        if segment.parts and not segment.parts[0].independent and not segment.parts[0].gap:
            yield f"segment {segment.msn} starts with a part that needs others"


def parts_leave_after_three_target_durations(p: Playlist) -> Faults:
    from_end = sum(part.duration for part in p.open.parts) if p.open is not None else 0.0
    for segment in reversed(p.segments):
        if segment.parts and from_end > _PARTS_KEPT * p.target + FRAME_S:
            yield f"segment {segment.msn} ends {from_end:.3f} s before the end and still lists its parts"
        from_end += segment.duration


def parts_leave_from_the_head(p: Playlist) -> Faults:
    seen = False
    for segment in p.listed:
        if seen and not segment.parts and not segment.gap:
            yield f"segment {segment.msn} lists no parts, an older one does"
        seen = seen or bool(segment.parts)


def gap_offers_no_parts(p: Playlist) -> Faults:
    for segment in p.segments:
        if segment.gap and any(not part.gap for part in segment.parts):
            yield f"segment {segment.msn} is a gap, its parts are not"


def hint_names_the_next_part(p: Playlist) -> Faults:
    if p.ended or not p.listed:
        return
    expected = "{}.{}.m4s".format(*p.next)
    hinted = [hint.get("URI") for hint in p.hints if hint.get("TYPE") == "PART"]
    if hinted != [expected]:
        yield f"hinted {hinted}, next is {expected}"


def nothing_follows_the_end(p: Playlist) -> Faults:
    if p.ended and p.hints:
        yield "a hint after EXT-X-ENDLIST"
    if p.ended and p.open is not None:
        yield f"segment {p.open.msn} has no end in an ended playlist"


def report_says_where_its_rendition_is(p: Playlist) -> Faults:
    for report in p.report_tags:
        missing = [name for name in ("URI", "LAST-MSN", "LAST-PART") if name not in report]
        if missing:
            yield f"the report of {report.get('URI', '?')} lacks {', '.join(missing)}"
        elif "://" in report["URI"]:
            yield f"the report's address {report['URI']} is not relative"


def report_is_up_to_date(p: Playlist) -> Faults:
    for uri, (msn, _) in p.reports.items():
        if msn >= 0 and abs(msn - p.edge[0]) > 1:
            yield f"{uri} is reported at segment {msn}, this one is at {p.edge[0]}"


def skip_keeps_what_is_within_its_boundary(p: Playlist) -> Faults:
    boundary = number(p.control.get("CAN-SKIP-UNTIL", ""))
    if p.skipped and p.duration < boundary - WRITTEN_S * len(p.segments):
        yield f"only {p.duration:.3f} s are left, the skip boundary is {boundary}"


def skip_counts_what_it_replaces(p: Playlist) -> Faults:
    if p.tags["#EXT-X-SKIP"] and p.skipped < 1:
        yield "EXT-X-SKIP without SKIPPED-SEGMENTS"


def ended_playlist_is_whole(p: Playlist) -> Faults:
    if p.ended and p.tags["#EXT-X-SKIP"]:
        yield "EXT-X-SKIP in an ended playlist"


def _has(segment: Segment, tag: str) -> bool:
    return any(line.startswith(tag + ":") for line in segment.lines)


MEDIA: tuple[Rule[Playlist], ...] = (
    Rule("4.1", text_has_no_control_characters),
    Rule("4.4", tags_of_the_playlist_stand_once),
    Rule("8", version_covers_the_tags_used),
    Rule("6.2.1", version_is_no_higher_than_needed, advice=True),
    Rule("6.2.2", live_playlist_has_no_type),
    Rule("6.2.2", media_sequence_is_stated),
    Rule("6.2.2", discontinuity_sequence_is_stated),
    Rule("4.4.3.1", target_duration_covers_every_segment),
    Rule("4.4.3.7", part_target_is_stated),
    Rule("4.4.3.8", reload_can_block),
    Rule("4.4.3.8", part_hold_back_is_two_part_targets),
    Rule("4.4.3.8", part_hold_back_is_three_part_targets, advice=True),
    Rule("4.4.3.8", hold_back_is_three_target_durations),
    Rule("4.4.3.8", skip_boundary_is_six_target_durations),
    Rule("B.1", delta_updates_are_offered),
    Rule("4.4.4.1", segment_has_a_duration),
    Rule("4.4.4.5", segment_has_a_map),
    Rule("6.2.1", new_map_comes_with_a_discontinuity),
    Rule("6.2.1", discontinuity_has_a_date, advice=True),
    Rule("6.2.1", dates_continue),
    Rule("4.4.4.6", dates_continue_within_a_frame, advice=True),
    Rule("4.4.4", addresses_stand_once),
    Rule("DESIGN.md 5", names_say_the_place),
    Rule("4.4.4.9", part_is_no_longer_than_its_target),
    Rule("4.4.4.9", part_is_85_percent_of_its_target),
    Rule("4.4.4.9", parts_add_up_to_their_segment),
    Rule("4.4.2.1", segment_starts_independent),
    Rule("6.2.2", parts_leave_after_three_target_durations, advice=True),
    Rule("6.2.2", parts_leave_from_the_head),
    Rule("4.4.4.7", gap_offers_no_parts),
    Rule("4.4.5.3", hint_names_the_next_part),
    Rule("6.2.6", nothing_follows_the_end),
    Rule("4.4.5.4", report_says_where_its_rendition_is),
    Rule("4.4.5.4", report_is_up_to_date, advice=True),
    Rule("6.2.5.1", skip_keeps_what_is_within_its_boundary),
    Rule("4.4.5.2", skip_counts_what_it_replaces),
    Rule("6.2.5.1", ended_playlist_is_whole),
)
