"""Samples on their way to a transcoder that may be slow, starting or dead. Rules only.

The peer never waits: when the transcoder does not read, video is dropped up to the next key frame, and a key frame is
asked for when there is room again. Sound is small and goes on a little longer.
"""

from __future__ import annotations

from collections import deque

from ingest.samples import MAX_BACKLOG, Sample, SampleKind, pack_sample

RESERVE = 256 * 1024
"""What sound and clocks may use beyond the bound."""


class Backlog:
    """Packed records waiting for the socket."""

    def __init__(self, limit: int = MAX_BACKLOG) -> None:
        self._limit = limit
        self._waiting: deque[memoryview] = deque()
        self._is_skipping = False
        self.size = 0
        self.dropped = 0

    @property
    def wants_keyframe(self) -> bool:
        """Video was dropped and there is room again."""
        return self._is_skipping and self.size < self._limit // 2

    def offer(self, sample: Sample) -> bool:
        """Take the sample in, or drop it (False)."""
        record = pack_sample(sample)
        is_video = sample.kind is SampleKind.VIDEO
        fits = self.size + len(record) <= self._limit + (0 if is_video else RESERVE)
        if not fits or (is_video and self._is_skipping and not sample.keyframe):
            self._is_skipping = self._is_skipping or is_video
            self.dropped += 1
            return False
        if is_video:
            self._is_skipping = False
        self._waiting.append(memoryview(record))
        self.size += len(record)
        return True

    def head(self) -> memoryview | None:
        """The bytes to write next."""
        return self._waiting[0] if self._waiting else None

    def written(self, count: int) -> None:
        """So many bytes of the head are with the kernel now."""
        head = self._waiting.popleft()
        if count < len(head):
            self._waiting.appendleft(head[count:])
        self.size -= count
