"""Whole segments out of the parts of a feed, for whoever keeps segments (`ingest/archive.py`). Rules only.

As in the live window a segment is also closed by part 0 of a later one: its transcoder died before the last part. What
surprises: a segment of which a part in the middle is missing is not kept at all; its number becomes a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from plenum.media import DEFAULT_PART_COUNT_LIMIT
from plenum.wire import Flag, Header


@dataclass(slots=True)
class Segment:
    """The parts of one media sequence number of one rendition."""

    first: Header
    parts: list[memoryview] = field(default_factory=list)
    duration: int = 0
    size: int = 0
    broken: bool = False

    def add(self, header: Header, payload: memoryview) -> None:
        self.parts.append(payload)
        self.duration += header.duration
        self.size += len(payload)

    def continues(self, header: Header) -> bool:
        return (header.msn, header.epoch, header.init_id) == (
            self.first.msn,
            self.first.epoch,
            self.first.init_id,
        ) and header.part == len(self.parts) < DEFAULT_PART_COUNT_LIMIT


class Segments:
    """One rendition's segments: parts in, whole ones out, at most one open."""

    def __init__(self) -> None:
        self._open: Segment | None = None
        self._newest = -1
        """Number of the newest segment that was begun: numbers never go back."""

    def add(self, header: Header, payload: memoryview) -> list[Segment]:
        """The segments that are whole now: none, one, or two where one lacked its end and the next has a single part."""
        whole: list[Segment] = []
        if header.part == 0 and header.msn > self._newest:
            whole += self.close()
            self._open, self._newest = Segment(header), header.msn
        segment = self._open
        if segment is None or header.msn != segment.first.msn:
            return whole
        if segment.continues(header):
            segment.add(header, payload)
        elif header.part >= len(segment.parts):  # a hole; what came twice is no harm
            segment.broken = True
        if Flag.LAST in header.flags:
            whole += self.close()
        return whole

    def close(self) -> list[Segment]:
        """The open segment, as far as it came."""
        segment, self._open = self._open, None
        return [segment] if segment is not None and segment.parts and not segment.broken else []
