"""A film file as a publisher's source: anything FFmpeg reads, with its own timing, once or in a loop.

Sound and picture keep the offset they have in the file. Compressed packets wait, not decoded pictures, where a file is
badly interleaved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import AudioFrame, VideoFrame

from plenum.errors import BadInput
from plenum.media_source import Timed, WallOf

WIDTH_MAX, HEIGHT_MAX = 1920, 1088
WAITING_MAX = 64 * 1024 * 1024
"""Bytes of one stream read while the next packet of the other is looked for."""
DEFAULT_FPS = Fraction(25)


class Film:
    """A film. Raises BadInput `unreadable_file` or `no_video` when made."""

    def __init__(self, path: Path, *, loop: bool = False) -> None:
        self._path = path
        self._loop = loop
        container = _open(path)
        try:
            video = _first(container, "video")
            if video is None:
                raise BadInput(f"'{path.name}' has no video. Choose a file with a picture.", code="no_video")
            self.has_audio = _first(container, "audio") is not None
            self.fps = Fraction(video.average_rate or DEFAULT_FPS)
            self.width, self.height = fitting_size(video)
            if _turns(container, video) % 2:
                self.width, self.height = fitting_size(video, on_its_side=True)
        finally:
            container.close()
        self._is_closed = False

    def frames(self, wall_of: WallOf) -> Iterator[Timed]:  # noqa: ARG002 - a film shows no clock
        zero: Fraction | None = None
        offset = Fraction(0)
        while not self._is_closed:
            end = offset
            for timed, duration in _Reading(_open(self._path)).run():
                zero = timed.time if zero is None else zero
                time = max(Fraction(0), timed.time - zero + offset)
                end = max(end, time + duration)
                yield Timed(time, timed.frame)
            if not self._loop or end == offset:
                return
            offset = end

    def close(self) -> None:
        self._is_closed = True


def _open(path: Path) -> Any:
    try:
        return av.open(str(path))
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise BadInput(f"'{path.name}' cannot be read as a film: {reason}.", code="unreadable_file") from None


def _first(container: Any, kind: str) -> Any:
    return next((stream for stream in container.streams if stream.type == kind), None)


def _turns(container: Any, video: Any) -> int:
    """Quarter turns of the first picture: telephones film on their side and write a note."""
    try:
        first = next(container.decode(video), None)
    except av.FFmpegError:
        first = None
    if first is None:
        raise BadInput("The film's picture cannot be decoded.", code="unreadable_file")
    turns: int = round(first.rotation / 90)
    return turns


def fitting_size(video: Any, *, on_its_side: bool = False) -> tuple[int, int]:
    """The picture's size in square pixels, no larger than 1920x1088, even in both directions."""
    aspect = Fraction(video.sample_aspect_ratio or 1) or Fraction(1)
    width, height = video.width * aspect, Fraction(video.height)
    if on_its_side:
        width, height = height, width
    shrink = min(Fraction(1), Fraction(WIDTH_MAX) / width, Fraction(HEIGHT_MAX) / height)
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


class _Track:
    """One stream of the file on its way through the decoder."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.packets: deque[Any] = deque()
        self.waiting_bytes = 0
        self.frames: deque[tuple[Timed, Fraction]] = deque()
        self.is_over = False
        self._next = Fraction(0)

    def decode(self, packet: Any) -> None:
        """Decode one packet (None: flush). Damaged packets are left out, as a player would."""
        try:
            decoded = self.stream.codec_context.decode(packet)
        except av.FFmpegError:
            return
        for frame in decoded:
            self._take(frame)

    def _take(self, frame: VideoFrame | AudioFrame) -> None:
        base = frame.time_base or self.stream.time_base
        time = self._next if frame.pts is None else frame.pts * Fraction(base.numerator, base.denominator)
        duration = self._duration(frame)
        self._next = time + duration
        self.frames.append((Timed(time, frame), duration))

    def _duration(self, frame: VideoFrame | AudioFrame) -> Fraction:
        if isinstance(frame, AudioFrame):
            return Fraction(frame.samples, frame.sample_rate)
        return 1 / Fraction(self.stream.average_rate or DEFAULT_FPS)


class _Reading:
    """One pass through the file."""

    def __init__(self, container: Any) -> None:
        self._container = container
        streams = [stream for kind in ("video", "audio") if (stream := _first(container, kind)) is not None]
        self._tracks = [_Track(stream) for stream in streams]
        self._demuxed = container.demux(streams)

    def run(self) -> Iterator[tuple[Timed, Fraction]]:
        try:
            while ready := self._ready():
                yield ready.frames.popleft()
        finally:
            self._container.close()

    def _ready(self) -> _Track | None:
        """The track whose next frame is earliest, once each has one or is over."""
        for track in self._tracks:
            while not track.frames and not track.is_over:
                self._advance(track)
        waiting = [track for track in self._tracks if track.frames]
        return min(waiting, key=lambda track: track.frames[0][0].time) if waiting else None

    def _advance(self, track: _Track) -> None:
        packet = self._next_packet(track)
        track.decode(packet)
        track.is_over = packet is None

    def _next_packet(self, track: _Track) -> Any:
        if track.packets:
            packet = track.packets.popleft()
            track.waiting_bytes -= packet.size
            return packet
        try:
            for packet in self._demuxed:
                if packet.dts is None and packet.size == 0:
                    continue  # PyAV's flush packets: each track is flushed when its own packets are used up
                owner = next(known for known in self._tracks if known.stream.index == packet.stream.index)
                if owner is track:
                    return packet
                owner.packets.append(packet)
                owner.waiting_bytes += packet.size
                if owner.waiting_bytes > WAITING_MAX:
                    break
        except av.FFmpegError:  # a truncated file ends here
            pass
        return None
