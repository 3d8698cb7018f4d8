"""Media playlists as a client reads them, and what a client does with a delta update. No rules: those read this.

Lenient on purpose: what is missing reads as zero or empty, so that the rule about it can say so. `read` refuses only what
is no playlist at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
_OF_THE_SEGMENT = {"#EXTINF", "#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-DISCONTINUITY", "#EXT-X-GAP"}


@dataclass(frozen=True)
class Part:
    uri: str
    duration: float
    independent: bool
    gap: bool = False


@dataclass(frozen=True)
class Segment:
    msn: int
    uri: str = ""
    duration: float = 0.0
    parts: tuple[Part, ...] = ()
    map_uri: str = ""
    date: datetime | None = None
    discontinuity: bool = False
    gap: bool = False
    lines: tuple[str, ...] = ()
    """Its tags and address as written, but for EXT-X-PART (which go in time) and EXT-X-MAP (which a delta repeats)."""


@dataclass(frozen=True)
class Playlist:
    """A media playlist as read; `open` is the segment at the live edge that has parts but no end yet."""

    target: int
    part_target: float
    control: dict[str, str]
    sequence: int
    discontinuity_sequence: int
    skipped: int
    segments: tuple[Segment, ...]
    open: Segment | None
    hints: tuple[dict[str, str], ...]
    reports: dict[str, tuple[int, int]]
    report_tags: tuple[dict[str, str], ...]
    ended: bool
    version: int
    tags: Counter[str] = field(compare=False)
    """How often each tag stands in it."""
    text: str = field(compare=False)

    @property
    def edge(self) -> tuple[int, int]:
        """Last msn and part; (sequence - 1, -1) where there is nothing yet."""
        if self.open is not None and self.open.parts:
            return self.open.msn, len(self.open.parts) - 1
        if not self.segments:
            return self.sequence + self.skipped - 1, -1
        last = self.segments[-1]
        return last.msn, len(last.parts) - 1

    @property
    def next(self) -> tuple[int, int]:
        """The part that follows the edge: what a client asks for."""
        msn, part = self.edge
        return (msn, part + 1) if self.open is not None else (msn + 1, 0)

    @property
    def hint(self) -> str:
        return self.hints[0].get("URI", "") if self.hints else ""

    @property
    def listed(self) -> tuple[Segment, ...]:
        """All segments, the open one too."""
        return (*self.segments, self.open) if self.open is not None else self.segments

    @property
    def duration(self) -> float:
        """Of the whole segments that it lists."""
        return sum(segment.duration for segment in self.segments)

    def find(self, msn: int) -> Segment | None:
        return next((segment for segment in self.listed if segment.msn == msn), None)

    def discontinuity_numbers(self) -> dict[int, int]:
        """6.2.1: each segment's Discontinuity Sequence Number. Not for a delta: what it skips may hold tags."""
        number, numbers = self.discontinuity_sequence, {}
        for segment in self.listed:
            number += segment.discontinuity
            numbers[segment.msn] = number
        return numbers

    def parts(self) -> Iterator[tuple[Segment, int, Part]]:
        for segment in self.listed:
            for index, part in enumerate(segment.parts):
                yield segment, index, part


def attributes(text: str) -> dict[str, str]:
    return {name: value.strip('"') for name, value in _ATTRIBUTE.findall(text)}


def read(text: str) -> Playlist:
    """Parse a media playlist. Raises ValueError on what is no playlist at all."""
    lines = text.splitlines()
    if not lines or lines[0] != "#EXTM3U":
        raise ValueError("not a playlist")
    reader = _Reader()
    for line in lines[1:]:
        reader.take(line)
    return reader.playlist(text)


def number(text: str) -> float:
    """A decimal number; what is none counts as zero."""
    try:
        return float(text)
    except ValueError:
        return 0.0


class _Reader:
    """Tags belong to the next segment (parts, date, gap …), to all that follow (map), or to the playlist."""

    def __init__(self) -> None:
        self.once: dict[str, str] = {}
        self.tags: Counter[str] = Counter()
        self.segments: list[Segment] = []
        self.reports: list[dict[str, str]] = []
        self.hints: list[dict[str, str]] = []
        self.map_uri = ""
        self._parts: list[Part] = []
        self._tags: dict[str, str] = {}
        self._lines: list[str] = []

    def _whole(self, tag: str) -> int:
        return int(number(self.once.get(tag, "0")))

    @property
    def skipped(self) -> int:
        return int(number(attributes(self.once.get("#EXT-X-SKIP", "")).get("SKIPPED-SEGMENTS", "0")))

    def take(self, line: str) -> None:
        name, _, value = line.partition(":")
        if line.startswith("#EXT"):
            self.tags[name] += 1
        given = attributes(value)
        if name == "#EXT-X-PART":
            yes = [given.get(flag) == "YES" for flag in ("INDEPENDENT", "GAP")]
            self._parts.append(Part(given.get("URI", ""), number(given.get("DURATION", "")), *yes))
        elif name == "#EXT-X-MAP":
            self.map_uri = given.get("URI", "")
        elif name == "#EXT-X-RENDITION-REPORT":
            self.reports.append(given)
        elif name == "#EXT-X-PRELOAD-HINT":
            self.hints.append(given)
        elif name in _OF_THE_SEGMENT:
            self._tags[name] = value
            self._lines.append(line)
        elif name.startswith("#"):
            self.once[name] = value
        elif line:
            self._lines.append(line)
            self.segments.append(self._segment(line))

    def _segment(self, uri: str) -> Segment:
        tags, parts, lines = self._tags, tuple(self._parts), tuple(self._lines)
        self._tags, self._parts, self._lines = {}, [], []
        return Segment(
            msn=self._whole("#EXT-X-MEDIA-SEQUENCE") + self.skipped + len(self.segments),
            uri=uri,
            duration=number(tags.get("#EXTINF", "0,").split(",")[0]),
            parts=parts,
            map_uri=self.map_uri,
            date=_date(tags.get("#EXT-X-PROGRAM-DATE-TIME", "")),
            discontinuity="#EXT-X-DISCONTINUITY" in tags,
            gap="#EXT-X-GAP" in tags,
            lines=lines,
        )

    def playlist(self, text: str) -> Playlist:
        once = self.once
        return Playlist(
            target=self._whole("#EXT-X-TARGETDURATION"),
            part_target=number(attributes(once.get("#EXT-X-PART-INF", "")).get("PART-TARGET", "")),
            control=attributes(once.get("#EXT-X-SERVER-CONTROL", "")),
            sequence=self._whole("#EXT-X-MEDIA-SEQUENCE"),
            discontinuity_sequence=self._whole("#EXT-X-DISCONTINUITY-SEQUENCE"),
            skipped=self.skipped,
            segments=tuple(self.segments),
            open=self._segment("") if self._parts else None,
            hints=tuple(self.hints),
            reports={tag.get("URI", ""): _place(tag) for tag in self.reports},
            report_tags=tuple(self.reports),
            ended="#EXT-X-ENDLIST" in once,
            version=self._whole("#EXT-X-VERSION") or 1,
            tags=self.tags,
            text=text,
        )


def _place(report: dict[str, str]) -> tuple[int, int]:
    return int(number(report.get("LAST-MSN", "-1"))), int(number(report.get("LAST-PART", "-1")))


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def apply_delta(before: Playlist, delta: Playlist) -> Playlist:
    """6.2.5.1: the whole playlist that a client holds after a delta update. Raises ValueError where it does not fit."""
    if not delta.skipped:
        return delta
    known = {segment.msn: segment for segment in before.segments}
    skipped = range(delta.sequence, delta.sequence + delta.skipped)
    if any(msn not in known for msn in skipped):
        raise ValueError("6.2.5.1 the delta skips segments that the client never saw")
    return replace(delta, skipped=0, segments=(*(known[msn] for msn in skipped), *delta.segments))


def same_segments(one: Playlist, other: Playlist) -> bool:
    """Whether both list the same segments (parts of older ones may have been taken away)."""
    return [replace(s, parts=()) for s in one.segments] == [replace(s, parts=()) for s in other.segments]
