"""One rendition's recording on disk, as `plenum/recording.py` describes it. Blocks; raises OSError. One thread uses it.

Bytes first, then the entry that names them, so kill -9 loses no segment that is in the index, and whoever reads meanwhile
finds all that it names. A write that fails is taken back, and the next segment is tried as if nothing had been.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ingest.segments import Segment
from plenum.recording import (
    ENTRY_SIZE,
    SEGMENTS_PER_FILE,
    Entry,
    index_name,
    media_name,
    numbers,
    pack,
    unpack,
)

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
_VECTORS_MAX = 64
"""Far below IOV_MAX; a segment has ten parts."""


class RecordingFile:
    """Appends segments; goes on where an earlier process stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, exist_ok=True)
        self.last: Entry | None = None
        self._media = self._index = -1
        self._number = 0
        self._count = 0
        self._size = 0
        self._init = (-1, 0, 0)
        """Init id, offset and length of the init segment that was written last into this file."""
        for number in reversed(numbers(path.name for path in folder.iterdir())):
            if self._recover(number):
                return
        if not self._number:
            self._open(1)

    def append(self, segment: Segment, init: memoryview, timescale: int) -> None:
        """Write one whole segment, and its init segment where this file does not end with that one's."""
        if self.last is not None and segment.first.msn <= self.last.msn:
            return
        if self._count >= SEGMENTS_PER_FILE:
            self._open(self._number + 1)
        first = segment.first
        fresh = self._init[0] != first.init_id
        init_offset, init_length = (self._size, len(init)) if fresh else self._init[1:]
        offset = self._size + (init_length if fresh else 0)
        entry = Entry(
            msn=first.msn,
            epoch=first.epoch,
            init_id=first.init_id,
            discontinuities=self._discontinuities(segment),
            init_offset=init_offset,
            init_length=init_length,
            offset=offset,
            length=segment.size,
            timescale=timescale,
            start=first.start,
            duration=segment.duration,
            wall_us=first.wall_us,
        )
        packed = pack(entry)
        try:
            _write_all(self._media, ([init] if fresh else []) + segment.parts, self._size)
            _write_all(self._index, [packed], self._count * ENTRY_SIZE)
        except OSError:
            self._cut()
            raise
        self._init = (first.init_id, init_offset, init_length)
        self._size, self._count, self.last = entry.end, self._count + 1, entry

    def close(self) -> None:
        for descriptor in (self._media, self._index):
            if descriptor >= 0:
                os.close(descriptor)
        self._media = self._index = -1

    def _discontinuities(self, segment: Segment) -> int:
        """A new encoder or another timeline; not by the feed's flag, which is gone with a segment that was not written."""
        if self.last is None:
            return 0
        first = segment.first
        broken = (first.init_id, first.epoch) != (self.last.init_id, self.last.epoch)
        return self.last.discontinuities + broken

    def _open(self, number: int) -> None:
        self.close()
        self._number, self._count, self._size, self._init = number, 0, 0, (-1, 0, 0)
        self._media = os.open(self._folder / media_name(number), _FLAGS, 0o600)
        self._index = os.open(self._folder / index_name(number), _FLAGS, 0o600)

    def _recover(self, number: int) -> bool:
        """Go on in this file behind its last whole segment; False where it holds none."""
        self._open(number)
        index = _read_all(self._index)
        entries = unpack(index, os.fstat(self._media).st_size)
        self._count = len(entries)
        if entries:
            last = self.last = entries[-1]
            self._size, self._init = last.end, (last.init_id, last.init_offset, last.init_length)
        self._cut()
        return bool(entries)

    def _cut(self) -> None:
        """Nothing behind the last whole segment."""
        os.ftruncate(self._index, self._count * ENTRY_SIZE)
        os.ftruncate(self._media, self._size)


def newest_entry(index: Path) -> Entry | None:
    """The last segment that an index names."""
    entries = unpack(index.read_bytes())
    return entries[-1] if entries else None


def write_whole(path: Path, content: bytes) -> None:
    """A small file that is either the old or the new one. Raises OSError, and the old one stays."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        _write_all(descriptor, [content], 0)
        os.fsync(descriptor)  # before the name: after a power cut it would else lead to an empty file
    finally:
        os.close(descriptor)
    fresh.replace(path)


def _write_all(descriptor: int, pieces: Sequence[bytes | memoryview], offset: int) -> None:
    """All of it, from this offset on: a disk that is nearly full takes a part of what it is given."""
    for at in range(0, len(pieces), _VECTORS_MAX):
        group = [memoryview(piece) for piece in pieces[at : at + _VECTORS_MAX]]
        while group:
            written = os.pwritev(descriptor, group, offset)
            offset += written
            while group and written >= len(group[0]):
                written -= len(group.pop(0))
            if group:
                group[0] = group[0][written:]


def _read_all(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
