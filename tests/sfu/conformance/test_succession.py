"""Each rule over two versions of a playlist finds the change that it is for, and nothing else does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest

from sfu.playlist import media
from tests.sfu.conformance.faults import names, swapped
from tests.sfu.conformance.playlist import Playlist, read
from tests.sfu.conformance.rules import judge
from tests.sfu.conformance.succession import DELTA, SUCCESSION, Delta, Update
from tests.sfu.feed_parts import HIGH, end, init, part, segment, window


def playlist(msn: int = 20, parts: int = 2, *, skip: bool = False, ended: bool = False) -> str:
    """Whole segments up to `msn`, then some parts of it; a new encoder at segment 7."""
    made = window(*[segment(number) for number in range(7)], init(HIGH, 2))
    made.accept(part(7, 0, init_id=2, discontinuity=True))
    for one in [*segment(7, init_id=2)[1:], *(p for number in range(8, msn) for p in segment(number, init_id=2))]:
        made.accept(one)
    for one in segment(msn, parts=parts, init_id=2):
        made.accept(one)
    if ended:
        made.accept(end())
    track = made.track("720p")
    assert track is not None
    return media(track, [("audio", (msn, parts))], 0.2, skip=skip, ended=ended)


@dataclass(frozen=True)
class Change:
    """Two playlists, one after the other, and the rules that they must break."""

    before: str
    after: str
    waited_s: float = 0.0
    also: frozenset[str] = frozenset()

    @property
    def update(self) -> Update:
        return Update(read(self.before), read(self.after), self.waited_s)


def short(text: str) -> str:
    """Only segments 18 and 19 are left."""
    text = re.sub(r"#EXT-X-DISCONTINUITY\n", "", text)
    text = re.sub(r"#EXT-X-PROGRAM-DATE-TIME.*08:00:12(.*\n)+?(?=.*08:00:36)", '#EXT-X-MAP:URI="init-2.mp4"\n', text)
    text = swapped(text, "#EXT-X-MEDIA-SEQUENCE:6", "#EXT-X-MEDIA-SEQUENCE:18")
    return swapped(text, "#EXT-X-DISCONTINUITY-SEQUENCE:1", "#EXT-X-DISCONTINUITY-SEQUENCE:2")


def without(msn: int, text: str) -> str:
    return re.sub(rf"#EXT-X-PROGRAM-DATE-TIME.*\n(#EXT.*\n)+{msn}\.m4s\n", "", text)


CHANGES: dict[str, Change] = {
    "media_sequence_never_goes_back": Change(
        playlist(20),
        swapped(playlist(20), "SEQUENCE:6", "SEQUENCE:5"),
        also=frozenset({"live_edge_never_goes_back", "media_sequence_counts_what_left"}),
    ),
    "live_edge_never_goes_back": Change(playlist(20, 2), playlist(20, 0)),
    "targets_and_control_never_change": Change(playlist(), swapped(playlist(), "TARGETDURATION:2", "TARGETDURATION:3")),
    "segments_leave_from_the_head": Change(
        # Nothing of the head left, so that all that follows counts one less.
        playlist(20),
        without(12, playlist(20)),
        also=frozenset({"live_edge_never_goes_back", "media_sequence_counts_what_left"}),
    ),
    "media_sequence_counts_what_left": Change(playlist(20), swapped(playlist(20), "SEQUENCE:6\n", "SEQUENCE:7\n")),
    "listed_segments_never_change": Change(
        playlist(), swapped(playlist(), "#EXTINF:2.00000,\n12.m4s", "#EXTINF:2.00001,\n12.m4s")
    ),
    "listed_parts_never_change": Change(
        playlist(), swapped(playlist(), 'URI="20.0.m4s",INDEPENDENT=YES', 'URI="20.0.m4s"')
    ),
    "parts_once_listed_stay_in_their_segment": Change(
        playlist(20, 5), re.sub(r"#EXT-X-PART:.*20\.[4-9].*\n", "", playlist(21, 1))
    ),
    "discontinuity_sequence_counts_what_left": Change(
        playlist(21), swapped(playlist(22), "DISCONTINUITY-SEQUENCE:2", "DISCONTINUITY-SEQUENCE:3")
    ),
    "removal_leaves_three_target_durations": Change(playlist(), short(playlist())),
    "ended_playlist_stays_as_it_is": Change(playlist(20, 10, ended=True), playlist(21, 10, ended=True)),
    "new_segment_comes_in_time": Change(playlist(20), playlist(21), waited_s=4.1),
}
STEPS = [(20, 2), (20, 3), (20, 10), (21, 1), (21, 10), (22, 10), (23, 4), (24, 1)]


def test_a_playlist_that_grows_breaks_no_rule() -> None:
    texts = [playlist(*step) for step in STEPS]
    for before, after in pairwise(texts):
        assert judge(SUCCESSION, Update(read(before), read(after), 2.0)) == []
    assert judge(SUCCESSION, Update(read(playlist(20)), read(playlist(20, ended=True)))) == []


@pytest.mark.parametrize("rule", CHANGES)
def test_a_change_is_found_by_its_rule_alone(rule: str) -> None:
    change = CHANGES[rule]
    assert names(judge(SUCCESSION, change.update)) == {rule} | change.also


def test_every_rule_has_its_fault() -> None:
    assert set(CHANGES) == {rule.name for rule in SUCCESSION}
    assert {*DELTAS} == {rule.name for rule in DELTA}


def test_the_discontinuity_sequence_may_grow_by_tags_that_the_client_never_saw() -> None:
    late = swapped(playlist(60), "DISCONTINUITY-SEQUENCE:2", "DISCONTINUITY-SEQUENCE:4")
    assert judge(SUCCESSION, Update(read(playlist(20)), read(late))) == []


def whole(msn: int = 21) -> Playlist:
    return read(playlist(msn))


DELTAS: dict[str, Delta] = {
    "delta_skips_what_the_client_holds": Delta(whole(9), read(playlist(30, skip=True)), whole(30)),
    "delta_makes_the_whole": Delta(
        whole(20),
        read(swapped(playlist(21, skip=True), "#EXTINF:2.00000,\n19.m4s", "#EXTINF:1.98000,\n19.m4s")),
        whole(21),
    ),
}


def test_deltas_that_a_server_gives_make_its_whole_playlists() -> None:
    for (before, _), (after, parts) in pairwise(STEPS):
        delta = Delta(whole(before), read(playlist(after, parts, skip=True)), read(playlist(after, parts)))
        assert delta.delta.skipped
        assert judge(DELTA, delta) == []


@pytest.mark.parametrize("rule", DELTAS)
def test_a_delta_that_does_not_fit_is_found_by_its_rule_alone(rule: str) -> None:
    assert names(judge(DELTA, DELTAS[rule])) == {rule}
