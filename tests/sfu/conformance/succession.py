"""Rules over two versions of one playlist: what may change between them, and what a delta update must leave a client with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.sfu.conformance.playlist import Playlist, apply_delta, same_segments
from tests.sfu.conformance.rules import Rule

LATE_S = 0.5
"""What the way from the server may add to the time between two segments."""

Faults = Iterator[str]


@dataclass(frozen=True)
class Update:
    """Two whole playlists, or playlists made whole, one after the other."""

    before: Playlist
    after: Playlist
    waited_s: float = 0.0
    """How long ago the last segment of `before` was first seen, when `after` came; 0 where nobody looked at a clock."""


def media_sequence_never_goes_back(u: Update) -> Faults:
    if u.after.sequence < u.before.sequence:
        yield f"from {u.before.sequence} to {u.after.sequence}"


def live_edge_never_goes_back(u: Update) -> Faults:
    if u.after.edge < u.before.edge:
        yield f"from {u.before.edge} to {u.after.edge}"


def targets_and_control_never_change(u: Update) -> Faults:
    ours, theirs = ((p.target, p.part_target, p.control, p.version) for p in (u.before, u.after))
    if ours != theirs:
        yield f"from {ours} to {theirs}"


def segments_leave_from_the_head(u: Update) -> Faults:
    held = {segment.uri for segment in u.after.segments}
    stays = False
    for segment in u.before.segments:
        if segment.uri not in held and stays:
            yield f"{segment.uri} is gone, older ones are not"
        stays = stays or segment.uri in held


def media_sequence_counts_what_left(u: Update) -> Faults:
    known = {segment.uri: segment.msn for segment in u.before.segments}
    moved = [segment for segment in u.after.segments if known.get(segment.uri, segment.msn) != segment.msn]
    if moved:
        yield f"{moved[0].uri} was number {known[moved[0].uri]}, is {moved[0].msn}"


def listed_segments_never_change(u: Update) -> Faults:
    known = {segment.uri: segment for segment in u.before.segments}
    for segment in u.after.segments:
        old = known.get(segment.uri)
        if old is not None and (old.lines, old.map_uri) != (segment.lines, segment.map_uri):
            yield f"segment {segment.msn} was {' '.join(old.lines)}, is {' '.join(segment.lines)}"


def listed_parts_never_change(u: Update) -> Faults:
    known = {part.uri: part for _, _, part in u.before.parts()}
    for _, _, part in u.after.parts():
        if known.get(part.uri, part) != part:
            yield f"{known[part.uri]} is now {part}"


def parts_once_listed_stay_in_their_segment(u: Update) -> Faults:
    if u.before.open is None:
        return
    now = u.after.find(u.before.open.msn)
    if now is not None and now.parts and len(now.parts) < len(u.before.open.parts):
        yield f"segment {now.msn} had {len(u.before.open.parts)} parts, has {len(now.parts)}"


def discontinuity_sequence_counts_what_left(u: Update) -> Faults:
    left = [segment for segment in u.before.listed if segment.msn < u.after.sequence]
    gone = sum(segment.discontinuity for segment in left)
    at_least = u.before.discontinuity_sequence + gone
    # Where more left than the client ever saw, the number may have grown by more.
    seen_all = u.before.edge[0] + 1 >= u.after.sequence
    number = u.after.discontinuity_sequence
    if number < at_least or (seen_all and number != at_least):
        yield f"{gone} tags left, it went from {u.before.discontinuity_sequence} to {number}"


def removal_leaves_three_target_durations(u: Update) -> Faults:
    removed = u.after.sequence > u.before.sequence
    if removed and not u.after.ended and u.after.duration < 3 * u.after.target - 0.1:
        yield f"only {u.after.duration:.3f} s are left"


def ended_playlist_stays_as_it_is(u: Update) -> Faults:
    if u.before.ended and not (u.after.ended and same_segments(u.before, u.after)):
        yield "it changed after EXT-X-ENDLIST"


def new_segment_comes_in_time(u: Update) -> Faults:
    limit = 1.5 * u.after.target + LATE_S
    if not u.after.ended and u.waited_s > limit:
        yield f"{u.waited_s:.1f} s after the segment before, at most {1.5 * u.after.target} are allowed"


SUCCESSION: tuple[Rule[Update], ...] = (
    Rule("6.2.2", media_sequence_never_goes_back),
    Rule("6.2.1", live_edge_never_goes_back),
    Rule("6.2.1", targets_and_control_never_change),
    Rule("6.2.2", segments_leave_from_the_head),
    Rule("6.2.2", media_sequence_counts_what_left),
    Rule("6.2.1", listed_segments_never_change),
    Rule("6.2.1", listed_parts_never_change),
    Rule("6.2.1", parts_once_listed_stay_in_their_segment),
    Rule("6.2.2", discontinuity_sequence_counts_what_left),
    Rule("6.2.2", removal_leaves_three_target_durations),
    Rule("6.2.1", ended_playlist_stays_as_it_is),
    Rule("6.2.1", new_segment_comes_in_time),
)


@dataclass(frozen=True)
class Delta:
    """A delta update, what the client held before it, and the whole playlist of the same moment (where it was asked for)."""

    held: Playlist
    delta: Playlist
    whole: Playlist | None = None


def delta_skips_what_the_client_holds(d: Delta) -> Faults:
    try:
        apply_delta(d.held, d.delta)
    except ValueError as error:
        yield str(error)


def delta_makes_the_whole(d: Delta) -> Faults:
    if d.whole is None:
        return
    try:
        made = apply_delta(d.held, d.delta)
    except ValueError:
        return  # the rule above says so
    if not same_segments(made, d.whole) or (made.open, made.hints) != (d.whole.open, d.whole.hints):
        yield f"the delta up to {made.edge} does not give the playlist up to {d.whole.edge}"


DELTA: tuple[Rule[Delta], ...] = (
    Rule("6.2.5.1", delta_skips_what_the_client_holds),
    Rule("6.2.5.1", delta_makes_the_whole),
)
