"""Delivery directives of a playlist request: `_HLS_msn`, `_HLS_part`, `_HLS_skip`. Rules only.

draft-pantos-hls-rfc8216bis 6.2.5: which requests are answered now, which wait for a part, which ask for too much.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from plenum.errors import BadInput
from sfu.frames import Position
from sfu.window import Track

_NUMBER = re.compile(r"[0-9]{1,10}")
MAX_AHEAD_SEGMENTS = 2
FIRST_SEGMENTS = 2
"""A player's first playlist has so many whole segments: GStreamer 1.22 never recovers from one with a single one."""


class Directives(msgspec.Struct, frozen=True):
    """What the client asks to wait for, and whether a delta update will do."""

    msn: int | None = None
    part: int | None = None
    skip: bool = False


def parse(query: Mapping[str, str]) -> Directives:
    """Read the query. Raises BadInput `bad_directive`; parameters that are not ours are left alone."""
    msn = _number(query, "_HLS_msn")
    part = _number(query, "_HLS_part")
    if part is not None and msn is None:
        # 6.2.5.2: "if the playlist URI contains an _HLS_part directive but no _HLS_msn": Bad Request
        raise BadInput("_HLS_part needs _HLS_msn.", code="bad_directive")
    skip = query.get("_HLS_skip", "")
    if skip not in ("", "YES", "v2"):
        raise BadInput("_HLS_skip is YES or v2.", code="bad_directive")
    return Directives(msn, part, bool(skip))


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadInput(f"{name} is a decimal number that is not negative.", code="bad_directive")
    return int(text)


def check_ahead(asked: Directives, track: Track, part_s: float) -> None:
    """6.2.5.2: raise BadInput `too_far_ahead` for more than two segments, or the advance part limit, beyond the edge."""
    edge = track.position
    if asked.msn is None or edge is None:
        return
    whole = track.last_closed
    last_listed = edge[0] - 1 if whole is None else whole
    if asked.msn > last_listed + MAX_AHEAD_SEGMENTS:
        raise BadInput("_HLS_msn lies too far ahead of the live edge.", code="too_far_ahead")
    if asked.part is not None and asked.msn >= edge[0]:
        ahead = asked.part - edge[1] if asked.msn == edge[0] else asked.part + 1
        if ahead > advance_part_limit(part_s):
            raise BadInput("_HLS_part lies too far ahead of the live edge.", code="too_far_ahead")


def advance_part_limit(part_s: float) -> int:
    return round(3 / part_s) if part_s < 1 else 3


def satisfied(asked: Directives, track: Track) -> bool:
    """6.2.5.2: whether the playlist now holds what was asked for. Without directives: enough to start with."""
    whole = track.last_closed
    if asked.msn is None:
        return sum(segment.closed for segment in track.segments) >= FIRST_SEGMENTS
    if asked.part is None:
        return whole is not None and whole >= asked.msn
    return reached(track.position, (asked.msn, asked.part))


def reached(edge: Position | None, asked: Position) -> bool:
    """A part index past the last of a whole segment means part 0 of the next one, which comparing positions gives."""
    return edge is not None and edge >= asked
