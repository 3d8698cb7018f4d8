"""Conformance of live LL-HLS playlists with draft-pantos-hls-rfc8216bis: a reader, and checks that name the rule broken.

`check(text)` looks at one media playlist, `check_update(before, after)` at what changed between two of them, and
`apply_delta(before, delta)` does what a client does with EXT-X-SKIP. Each returns the list of rules broken; empty is good.
Used by the tests of delivery and by system tests on the running platform.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

_ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)')
EPSILON = 1e-4


@dataclass(frozen=True)
class Part:
    uri: str
    duration: float
    independent: bool


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
    hint: str
    reports: dict[str, tuple[int, int]]
    ended: bool
    version: int

    @property
    def edge(self) -> tuple[int, int]:
        """Last msn and part."""
        if self.open is not None and self.open.parts:
            return self.open.msn, len(self.open.parts) - 1
        last = self.segments[-1]
        return last.msn, len(last.parts) - 1


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
    return reader.playlist()


class _Reader:
    """Tags belong to the next segment (parts, date, gap …), to all that follow (map), or to the playlist."""

    def __init__(self) -> None:
        self.once: dict[str, str] = {}
        self.segments: list[Segment] = []
        self.reports: dict[str, tuple[int, int]] = {}
        self.map_uri = ""
        self._parts: list[Part] = []
        self._tags: dict[str, str] = {}

    @property
    def skipped(self) -> int:
        return int(attributes(self.once.get("#EXT-X-SKIP", "")).get("SKIPPED-SEGMENTS", "0"))

    def take(self, line: str) -> None:
        name, _, value = line.partition(":")
        given = attributes(value)
        if name == "#EXT-X-PART":
            self._parts.append(Part(given["URI"], float(given["DURATION"]), given.get("INDEPENDENT") == "YES"))
        elif name == "#EXT-X-MAP":
            self.map_uri = given["URI"]
        elif name == "#EXT-X-RENDITION-REPORT":
            self.reports[given["URI"]] = (int(given["LAST-MSN"]), int(given["LAST-PART"]))
        elif name in ("#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-DISCONTINUITY", "#EXT-X-GAP", "#EXTINF"):
            self._tags[name] = value
        elif name.startswith("#"):
            self.once[name] = value
        elif line:
            self.segments.append(self._segment(line))

    def _segment(self, uri: str) -> Segment:
        tags, parts = self._tags, tuple(self._parts)
        self._tags, self._parts = {}, []
        date = tags.get("#EXT-X-PROGRAM-DATE-TIME")
        return Segment(
            msn=int(self.once["#EXT-X-MEDIA-SEQUENCE"]) + self.skipped + len(self.segments),
            uri=uri,
            duration=float(tags.get("#EXTINF", "0,").split(",")[0]),
            parts=parts,
            map_uri=self.map_uri,
            date=datetime.fromisoformat(date) if date else None,
            discontinuity="#EXT-X-DISCONTINUITY" in tags,
            gap="#EXT-X-GAP" in tags,
        )

    def playlist(self) -> Playlist:
        once = self.once
        return Playlist(
            target=int(once["#EXT-X-TARGETDURATION"]),
            part_target=float(attributes(once["#EXT-X-PART-INF"])["PART-TARGET"]),
            control=attributes(once["#EXT-X-SERVER-CONTROL"]),
            sequence=int(once["#EXT-X-MEDIA-SEQUENCE"]),
            discontinuity_sequence=int(once.get("#EXT-X-DISCONTINUITY-SEQUENCE", "0")),
            skipped=self.skipped,
            segments=tuple(self.segments),
            open=self._segment("") if self._parts else None,
            hint=attributes(once.get("#EXT-X-PRELOAD-HINT", "")).get("URI", ""),
            reports=self.reports,
            ended="#EXT-X-ENDLIST" in once,
            version=int(once["#EXT-X-VERSION"]),
        )


def check(text: str) -> list[str]:
    """The rules that one playlist breaks by itself."""
    p = read(text)
    return [*_check_head(p), *_check_segments(p), *_check_parts(p), *_check_edge(p)]


def _check_head(p: Playlist) -> list[str]:
    control = p.control
    rules = {
        "4.4.3.8 CAN-BLOCK-RELOAD=YES": control.get("CAN-BLOCK-RELOAD") == "YES",
        "4.4.3.8 PART-HOLD-BACK >= 3 part targets": float(control["PART-HOLD-BACK"]) >= 3 * p.part_target - EPSILON,
        "4.4.3.8 HOLD-BACK >= 3 target durations": float(control["HOLD-BACK"]) >= 3 * p.target,
        "4.4.3.8 CAN-SKIP-UNTIL >= 6 target durations": float(control["CAN-SKIP-UNTIL"]) >= 6 * p.target,
        "4.4.5.2 EXT-X-SKIP needs version 9": p.version >= 9,
    }
    return [rule for rule, holds in rules.items() if not holds]


def _check_segments(p: Playlist) -> list[str]:
    broken = []
    for segment in p.segments:
        if round(segment.duration) > p.target:
            broken.append(f"4.4.3.1 segment {segment.msn} lasts {segment.duration}, target {p.target}")
        if not segment.map_uri:
            broken.append(f"4.4.4.5 segment {segment.msn} has no EXT-X-MAP")
        if segment.parts and abs(sum(part.duration for part in segment.parts) - segment.duration) > 1e-3:
            broken.append(f"4.4.4.9 parts of segment {segment.msn} do not add up to it")
    for before, after in zip(p.segments, p.segments[1:], strict=False):
        if before.date and after.date and not after.discontinuity and not before.gap:
            drift = abs((after.date - before.date).total_seconds() - before.duration)
            if drift > 0.05:
                broken.append(f"4.4.4.6 date of segment {after.msn} is {drift:.3f} s off the end of the one before")
    return broken


def _check_parts(p: Playlist) -> list[str]:
    broken = []
    for segment in (*p.segments, *([p.open] if p.open else [])):
        for index, part in enumerate(segment.parts):
            last = segment is not p.open and index == len(segment.parts) - 1
            if part.duration > p.part_target + EPSILON:
                broken.append(f"4.4.3.7 part {part.uri} is longer than the part target")
            if not last and part.duration < 0.85 * p.part_target:
                broken.append(f"4.4.4.9 part {part.uri} is shorter than 85 % of the part target")
        if segment.parts and not segment.parts[0].independent:
            broken.append(f"segment {segment.msn} does not start with an independent part")
    from_end = 0.0
    for segment in (*reversed(p.segments),):
        if segment.parts and from_end - EPSILON > 3 * p.target:
            broken.append(f"6.2.2 parts of segment {segment.msn} are listed too long")
        from_end += segment.duration
    return broken


def _check_edge(p: Playlist) -> list[str]:
    if p.ended:
        return ["6.2.6 a hint after the end"] if p.hint else []
    msn, part = p.edge
    expected = {f"{msn}.{part + 1}.m4s"} if p.open else {f"{msn + 1}.0.m4s"}
    broken = [] if p.hint in expected else [f"4.4.5.3 hint {p.hint} is not {expected}"]
    whole = sum(segment.duration for segment in p.segments)
    if p.sequence > 0 and not p.skipped and whole < 3 * p.target - 0.1 and len(p.segments) > 3:
        broken.append("6.2.2 the playlist is shorter than three target durations")
    return broken


def check_update(before: Playlist, after: Playlist) -> list[str]:
    """6.2.1, 6.2.2: what a server may change between two versions of a playlist."""
    broken = []
    if after.sequence < before.sequence:
        broken.append("6.2.2 media sequence went back")
    if after.discontinuity_sequence < before.discontinuity_sequence:
        broken.append("6.2.2 discontinuity sequence went back")
    if (after.target, after.part_target, after.control) != (before.target, before.part_target, before.control):
        broken.append("6.2.1 target durations or server control changed")
    if after.edge < before.edge:
        broken.append("the live edge went back")
    known = {segment.msn: segment for segment in before.segments}
    for segment in after.segments:
        old = known.get(segment.msn)
        if old and replace(old, parts=()) != replace(segment, parts=()):
            broken.append(f"6.2.1 segment {segment.msn} changed after it was listed")
    return broken


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
