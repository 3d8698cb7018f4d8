"""The live window of one event: what this edge holds of each rendition, and where its live edge is. Rules only.

The relay feeds it frames; push and LL-HLS read it. It holds about half a minute, so that an origin may restart unseen.
What surprises: a segment is also closed by part 0 of a later one (its transcoder died before the last part), parts that
do not continue what is held are ignored until the next segment starts, and missing segments become gaps, so that media
sequence numbers in playlists always count up by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from math import ceil

from plenum.media import DEFAULT_PART_COUNT_LIMIT, Programme, Rendition
from plenum.wire import Flag, Kind, as_programme
from sfu.frames import Frame, Position

LISTED_S = 28.0
"""How much of the past a playlist lists."""
HELD_S = 34.0
"""How much is held: RFC 8216bis 6.2.2 wants a removed segment to stay for its duration plus the playlist's."""
LIMIT_BYTES = 64 * 1024 * 1024
"""Memory for one event's media; above it the oldest segments go first, whatever their age."""


class Heard(Enum):
    """What a frame was to the window."""

    PROGRAMME = auto()
    INIT = auto()
    PART = auto()
    END = auto()
    IGNORED = auto()
    """A duplicate, a part that continues nothing held, or a kind that windows do not keep."""


@dataclass(slots=True)
class Segment:
    """Parts of one media sequence number. `gap`: never received, only its place and length are known."""

    msn: int
    epoch: int
    init_id: int
    timescale: int
    start: int
    wall_us: int
    discontinuity: bool = False
    discontinuity_number: int = 0
    """Discontinuity sequence number, RFC 8216bis 6.2.1: tags before it plus its own."""
    duration: int = 0
    size: int = 0
    closed: bool = False
    torn: bool = False
    """Closed before its last part came here: another edge may have more of it."""
    gap: bool = False
    parts: list[Frame] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + self.duration

    @property
    def duration_s(self) -> float:
        return self.duration / self.timescale

    def add(self, part: Frame) -> None:
        self.parts.append(part)
        self.duration += part.header.duration
        self.size += len(part.wire)
        self.closed = Flag.LAST in part.header.flags

    def tear(self) -> None:
        """Nothing more of it comes."""
        self.torn = self.torn or not self.closed
        self.closed = True

    def continues(self, part: Frame) -> bool:
        """Whether the part is the next one of this segment."""
        header = part.header
        return (
            not self.closed
            and header.msn == self.msn
            and header.part == len(self.parts) < DEFAULT_PART_COUNT_LIMIT
            and (header.epoch, header.init_id) == (self.epoch, self.init_id)
        )


def gap_after(before: Segment, duration: int) -> Segment:
    """A segment that was never received, in the place and for the time that it must have had."""
    return Segment(
        msn=before.msn + 1,
        epoch=before.epoch,
        init_id=before.init_id,
        timescale=before.timescale,
        start=before.end,
        wall_us=before.wall_us + round(before.duration_s * 1e6),
        discontinuity_number=before.discontinuity_number,
        duration=duration,
        closed=True,
        gap=True,
    )


class Track:
    """The window of one rendition."""

    def __init__(self, rendition: Rendition, segment_s: float) -> None:
        self.rendition = rendition
        self.segment_s = segment_s
        self.segments: deque[Segment] = deque()
        self.inits: dict[int, Frame] = {}
        self.peak_bps = 0.0
        """Largest bitrate of a whole segment seen so far."""
        self._number: int | None = None
        self._epoch = 0
        self._newest = 0
        """The highest media sequence number ever held: an upstream that stands behind another takes nothing back."""

    @property
    def position(self) -> Position | None:
        """The last part held: LAST-MSN and LAST-PART of rendition reports."""
        last = self._last_with_parts()
        return (last.msn, len(last.parts) - 1) if last else None

    @property
    def next_position(self) -> Position | None:
        """The part that comes next if all goes well: the preload hint."""
        if not self.segments:
            return None
        last = self.segments[-1]
        return (last.msn + 1, 0) if last.closed else (last.msn, len(last.parts))

    @property
    def last_closed(self) -> int | None:
        """Media sequence number of the last whole segment."""
        return next((s.msn for s in reversed(self.segments) if s.closed), None)

    def find(self, msn: int) -> Segment | None:
        """The segment with this number; numbers are consecutive, so no search."""
        if not self.segments:
            return None
        at = msn - self.segments[0].msn
        return self.segments[at] if 0 <= at < len(self.segments) else None

    def part(self, position: Position) -> Frame | None:
        segment = self.find(position[0])
        return segment.parts[position[1]] if segment and position[1] < len(segment.parts) else None

    def listed(self) -> list[Segment]:
        """What a playlist shows: the last LISTED_S of whole segments and the open one."""
        whole = [segment for segment in self.segments if segment.closed]
        kept = whole[-ceil(LISTED_S / self.segment_s) :]
        return [*kept, *(s for s in list(self.segments)[-1:] if not s.closed)]

    def before(self, position: Position) -> Frame | None:
        """The part that comes before this one; None where that is not held."""
        msn, index = position
        if index > 0:
            return self.part((msn, index - 1))
        segment = self.find(msn - 1)
        return segment.parts[-1] if segment and segment.parts else None

    def since(self, msn: int) -> list[Frame]:
        """All parts held from the start of this segment on."""
        return [part for segment in self.segments if segment.msn >= msn for part in segment.parts]

    def after(self, position: Position) -> list[Frame] | None:
        """All parts that follow this one; None where it is not held any more, or never was."""
        msn, index = position
        segment = self.find(msn)
        if segment is None or segment.gap:
            # A viewer that comes from an edge which was ahead of this one: what comes next is right.
            return [] if self.segments and msn == self.segments[-1].msn + 1 else None
        return segment.parts[index + 1 :] + self.since(msn + 1)

    def accept(self, part: Frame) -> bool:
        """Append the part, opening and closing segments as it says; False where it continues nothing."""
        if part.header.init_id not in self.inits:
            return False
        last = self.segments[-1] if self.segments else None
        if last is not None and last.continues(part):
            last.add(part)
        elif part.header.part == 0 and part.header.msn >= (self._newest if last is None else last.msn + 1):
            self._open(part, last)
        else:
            return False
        self._measure(self.segments[-1])
        return True

    def close(self) -> None:
        """Nothing follows the open segment."""
        if self.segments:
            self.segments[-1].tear()

    def forget_before(self, msn: int) -> None:
        """Let go of older segments, and of init segments that no held one needs."""
        while self.segments and self.segments[0].msn < msn:
            self.segments.popleft()
        needed = {segment.init_id for segment in self.segments}
        newest = max(self.inits, default=0)
        self.inits = {number: init for number, init in self.inits.items() if number in needed or number >= newest}

    def start_epoch(self) -> None:
        """Time starts from another zero: nothing held fits what comes."""
        self.segments.clear()
        self.inits.clear()

    def stop(self) -> None:
        """Upstream is not asked for it any more: what is held would only grow old. Started again it is as on a cold edge."""
        self.segments.clear()
        self._number = None

    def _open(self, part: Frame, last: Segment | None) -> None:
        if last is not None:
            last.tear()
            if not self._bridge(part, last):
                self.segments.clear()
        segment = self._first(part)
        segment.add(part)
        self.segments.append(segment)
        self._newest = segment.msn

    def _first(self, part: Frame) -> Segment:
        header = part.header
        if self._number is None:
            # The numbers start at the init id, which grows with every new encoder: edges that joined at different
            # times then agree on EXT-X-DISCONTINUITY-SEQUENCE, and a player may move from one to the other.
            broken, self._number = False, header.init_id
        else:
            broken = Flag.DISCONTINUITY in header.flags or header.epoch != self._epoch
            self._number += broken
        self._epoch = header.epoch
        return Segment(
            msn=header.msn,
            epoch=header.epoch,
            init_id=header.init_id,
            timescale=self.rendition.timescale,
            start=header.start,
            wall_us=header.wall_us,
            discontinuity=broken,
            discontinuity_number=self._number,
        )

    def _bridge(self, part: Frame, last: Segment) -> bool:
        """Fill missing numbers with gaps; False where that cannot be told truthfully and the window starts anew."""
        missing = part.header.msn - last.msn - 1
        if missing == 0:
            return True
        same_clock = part.header.epoch == last.epoch and last.timescale == self.rendition.timescale
        nominal = round(missing * self.segment_s * last.timescale)
        hole = part.header.start - last.end if same_clock else nominal
        # RFC 8216bis 4.4.3.1: no segment, a gap neither, rounds to more than the target duration.
        if not 0 < hole / last.timescale / missing < round(self.segment_s) + 0.5 or missing * self.segment_s > LISTED_S:
            return False
        for number in range(missing):
            share = hole * (number + 1) // missing - hole * number // missing
            self.segments.append(gap_after(self.segments[-1], share))
        return True

    def _measure(self, segment: Segment) -> None:
        if segment.closed and segment.duration:
            self.peak_bps = max(self.peak_bps, segment.size * 8 / segment.duration_s)

    def _last_with_parts(self) -> Segment | None:
        return next((segment for segment in reversed(self.segments) if segment.parts), None)


class Window:
    """All renditions of one event."""

    def __init__(self, held_s: float = HELD_S, limit_bytes: int = LIMIT_BYTES) -> None:
        self._held_s = held_s
        self._limit_bytes = limit_bytes
        self.programme: Programme | None = None
        self.programme_frame: Frame | None = None
        self.end_frame: Frame | None = None
        self.tracks: dict[int, Track] = {}
        self.epoch: int | None = None

    @property
    def ended(self) -> bool:
        return self.end_frame is not None

    @property
    def size(self) -> int:
        return sum(segment.size for track in self.tracks.values() for segment in track.segments)

    def track(self, name: str) -> Track | None:
        return next((track for track in self.tracks.values() if track.rendition.name == name), None)

    def init(self, rendition: int, init_id: int) -> Frame | None:
        track = self.tracks.get(rendition)
        return track.inits.get(init_id) if track else None

    def accept(self, frame: Frame) -> Heard:
        """Take one frame from upstream. Raises BadInput `bad_frame`."""
        kind = frame.header.kind
        if kind is Kind.PART:
            return self._part(frame)
        if kind is Kind.INIT:
            return self._init(frame)
        if kind is Kind.RENDITIONS:
            return self._renditions(frame)
        if kind is Kind.END:
            return self._end(frame)
        return Heard.IGNORED

    @property
    def names(self) -> frozenset[str]:
        """The renditions that there are."""
        return frozenset(track.rendition.name for track in self.tracks.values())

    @property
    def flowing(self) -> frozenset[str]:
        """Those of which something is held."""
        return frozenset(track.rendition.name for track in self.tracks.values() if track.position)

    def resume_point(self, names: Iterable[str] | None = None) -> Position | None:
        """Where to go on with these (or all) after a broken connection: the least position, so that none gets a hole."""
        wanted = self.names if names is None else frozenset(names)
        positions = [track.position for track in self.tracks.values() if track.rendition.name in wanted]
        known = [position for position in positions if position is not None]
        return min(known) if known and len(known) == len(positions) else None

    def stop(self, names: Iterable[str]) -> None:
        """These are not subscribed to any more."""
        stopped = frozenset(names)
        for track in self.tracks.values():
            if track.rendition.name in stopped:
                track.stop()

    def start_msn(self, renditions: Iterable[int]) -> int | None:
        """Where a new viewer of these renditions starts: the current segment, the same one in all of them."""
        tracks = [self.tracks[rendition] for rendition in renditions if rendition in self.tracks]
        return max((track.position[0] for track in tracks if track.position), default=None)

    def _renditions(self, frame: Frame) -> Heard:
        programme = as_programme(frame.payload)
        if programme.renditions and programme.epoch < (self.epoch or 0):  # that upstream stands behind
            return Heard.IGNORED
        self.programme, self.programme_frame = programme, frame
        # A restarted origin says `waiting` with no renditions before its programme stands again: what is held stays.
        if programme.renditions:
            self.tracks = {r.id: self._track_for(r, programme.segment_s) for r in programme.renditions}
        return Heard.PROGRAMME

    def _track_for(self, rendition: Rendition, segment_s: float) -> Track:
        track = self.tracks.get(rendition.id)
        if track is None or track.rendition.name != rendition.name:
            return Track(rendition, segment_s)
        track.rendition = rendition
        return track

    def _init(self, frame: Frame) -> Heard:
        track = self.tracks.get(frame.header.rendition)
        if track is None or frame.header.epoch < (self.epoch or 0):  # epochs count up: that upstream stands behind
            return Heard.IGNORED
        self._enter_epoch(frame.header.epoch)
        track.inits[frame.header.init_id] = frame
        return Heard.INIT

    def _part(self, frame: Frame) -> Heard:
        track = self.tracks.get(frame.header.rendition)
        if track is None or frame.header.epoch != self.epoch or not track.accept(frame):
            return Heard.IGNORED
        self._evict(frame.header.msn, track.segment_s)
        return Heard.PART

    def _end(self, frame: Frame) -> Heard:
        if self.ended:
            return Heard.IGNORED
        self.end_frame = frame
        for track in self.tracks.values():
            track.close()
        return Heard.END

    def _enter_epoch(self, epoch: int) -> None:
        """Time counts from another zero: nothing held fits what comes."""
        if self.epoch not in (None, epoch):
            for track in self.tracks.values():
                track.start_epoch()
        self.epoch = epoch

    def _evict(self, newest_msn: int, segment_s: float) -> None:
        keep = newest_msn - ceil(self._held_s / segment_s)
        oldest = min(track.segments[0].msn for track in self.tracks.values() if track.segments)
        size = self.size
        while oldest < newest_msn - 1 and (oldest < keep or size > self._limit_bytes):
            # What is too old goes in one step: another rendition may stand thousands of millions of numbers behind.
            oldest = max(oldest + 1, min(keep, newest_msn - 1))
            for track in self.tracks.values():
                track.forget_before(oldest)
            size = self.size
