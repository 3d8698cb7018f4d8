"""Where parts and segments are cut: the same instant has the same media sequence number in every rendition. Rules only.

Segments of two seconds count from the programme's first tick after a start (or a jump of the clock); pictures are cut
into parts of 200 ms, sound into parts of nine AAC frames, its segments ending at the frame nearest to the picture's.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ingest.cmaf import MediaSample, chunk
from ingest.pace import PARTS_PER_SECOND, SEGMENT_SECONDS
from plenum.media import DEFAULT_PART_COUNT_LIMIT, VIDEO_TIMESCALE, Part

AAC_FRAME = 1024
AAC_FRAMES_PER_PART = 9
AUDIO_RATE = 48_000


class Timeline(NamedTuple):
    """A stretch of the programme without a hole: its rate, its first tick, the number of its first segment."""

    fps: int
    first_tick: int
    first_msn: int
    discontinuity: bool
    """Its first segment does not follow from what was there before."""

    @property
    def ticks_per_segment(self) -> int:
        return self.fps * SEGMENT_SECONDS

    @property
    def ticks_per_part(self) -> int:
        return self.fps // PARTS_PER_SECOND

    def starts_segment(self, tick: int) -> bool:
        return (tick - self.first_tick) % self.ticks_per_segment == 0

    def msn(self, tick: int) -> int:
        return self.first_msn + (tick - self.first_tick) // self.ticks_per_segment

    @property
    def first_sample(self) -> int:
        """The first tick as a position in 48 kHz sound."""
        return self.first_tick * AUDIO_RATE // self.fps

    def first_aac_frame(self, segment: int) -> int:
        """The AAC frame, counted from the first tick, that begins nearest to the segment's start."""
        return (segment * SEGMENT_SECONDS * AUDIO_RATE + AAC_FRAME // 2) // AAC_FRAME

    def resumed(self, last_tick: int, tick: int) -> Timeline:
        """After a hole between two ticks: a new segment, numbered after the one that the last tick was in."""
        return Timeline(self.fps, tick, self.msn(last_tick) + 1, discontinuity=True)


class WallClock(Protocol):
    """Capture wall clock of a programme time; the same answer for the same segment in every rendition."""

    def wall_us(self, msn: int, media_us: int) -> int: ...


class Place(NamedTuple):
    """Which part of which segment a sample goes to, and whether it is that part's, that segment's last."""

    msn: int
    part: int
    ends_part: bool
    ends_segment: bool


class Cutter:
    """Collects one rendition's samples into the open part."""

    def __init__(self, rendition: int, init_id: int, epoch: int, timescale: int, wall: WallClock) -> None:
        self._rendition = rendition
        self._init_id = init_id
        self._epoch = epoch
        self._timescale = timescale
        self._wall = wall
        self._open: list[MediaSample] = []
        self._start = 0
        self._place = Place(0, 0, ends_part=False, ends_segment=False)
        self._discontinuity = False

    def mark_discontinuity(self) -> None:
        """On the next part."""
        self._discontinuity = True

    def add(self, place: Place, start: int, sample: MediaSample) -> Part | None:
        """Returns the part that this sample completes."""
        if not self._open:
            self._start = start
        self._open.append(sample)
        self._place = place
        return self._close(last=place.ends_segment) if place.ends_part else None

    def flush(self) -> Part | None:
        """Close what is open as the last part of its segment."""
        return self._close(last=True) if self._open else None

    def _close(self, *, last: bool) -> Part:
        samples, self._open = self._open, []
        discontinuity, self._discontinuity = self._discontinuity, False
        msn, index = self._place.msn, self._place.part
        sequence = (msn * DEFAULT_PART_COUNT_LIMIT + index + 1) & 0xFFFFFFFF
        return Part(
            rendition=self._rendition,
            init_id=self._init_id,
            epoch=self._epoch,
            msn=msn,
            index=index,
            start=self._start,
            duration=sum(sample.duration for sample in samples),
            wall_us=self._wall.wall_us(msn, self._start * 1_000_000 // self._timescale),
            independent=samples[0].keyframe,
            last=last,
            discontinuity=discontinuity,
            data=chunk(sequence, self._start, samples),
        )


class VideoPackager:
    """One video rendition: samples by tick."""

    def __init__(self, timeline: Timeline, cutter: Cutter) -> None:
        self._cutter = cutter
        self.begin(timeline)

    def begin(self, timeline: Timeline) -> Part | None:
        """Start, or go on after a hole; returns the last part before it, where one was open."""
        part = self._cutter.flush()
        self._timeline = timeline
        if timeline.discontinuity:
            self._cutter.mark_discontinuity()
        return part

    def add(self, tick: int, span: int, data: bytes, *, keyframe: bool) -> Part | None:
        line = self._timeline
        ticks = VIDEO_TIMESCALE // line.fps
        offset = (tick - line.first_tick) % line.ticks_per_segment
        end = offset + span
        place = Place(
            line.msn(tick),
            offset // line.ticks_per_part,
            ends_part=end % line.ticks_per_part == 0,
            ends_segment=end >= line.ticks_per_segment,
        )
        return self._cutter.add(place, tick * ticks, MediaSample(data, span * ticks, keyframe))

    def flush(self) -> Part | None:
        return self._cutter.flush()


class AudioPackager:
    """The audio rendition: AAC frames in a row."""

    def __init__(self, timeline: Timeline, cutter: Cutter) -> None:
        self._cutter = cutter
        self.begin(timeline)

    def begin(self, timeline: Timeline) -> Part | None:
        part = self._cutter.flush()
        self._timeline = timeline
        self._frame = 0
        self._segment = 0
        if timeline.discontinuity:
            self._cutter.mark_discontinuity()
        return part

    def add(self, data: bytes) -> Part | None:
        line = self._timeline
        first, following = line.first_aac_frame(self._segment), line.first_aac_frame(self._segment + 1)
        offset = self._frame - first
        ends_segment = self._frame + 1 == following
        ends_part = ends_segment or (offset + 1) % AAC_FRAMES_PER_PART == 0
        place = Place(line.first_msn + self._segment, offset // AAC_FRAMES_PER_PART, ends_part, ends_segment)
        start = line.first_sample + self._frame * AAC_FRAME
        self._frame += 1
        self._segment += ends_segment
        return self._cutter.add(place, start, MediaSample(data, AAC_FRAME, keyframe=True))

    def flush(self) -> Part | None:
        return self._cutter.flush()
