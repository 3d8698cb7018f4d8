"""Recordings as a front reads them from disk, in the layout of `plenum/recording.py`. Blocks; runs in threads.

The ingest writes meanwhile. Only whole entries are believed, and a media file ends for us where its last entry does.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from threading import Lock

import msgspec

from plenum.recording import (
    ENTRY_SIZE,
    RECORDING,
    SEGMENTS_PER_FILE,
    Entry,
    Recording,
    decode,
    index_name,
    media_name,
    numbers,
    unpack,
)
from sfu.dvr_playlist import Listing


class Text(msgspec.Struct, frozen=True):
    """A playlist, plain or compressed."""

    body: bytes
    compressed: bool


class Piece(msgspec.Struct, frozen=True):
    """An open media file. Whoever has it closes the descriptor."""

    descriptor: int
    size: int
    """Finished bytes: up to the end of the last whole segment."""
    tag: str
    """The same as long as it is the same file: what it holds below `size` never changes."""


class EventRecording:
    """One event's recording, followed while somebody reads it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tracks: dict[str, TrackRecording] = {}
        self._lock = Lock()

    def load(self) -> Recording | None:
        """The ladder, and whether it is over; None where nothing is recorded."""
        try:
            return decode((self._folder / RECORDING).read_bytes())
        except OSError:
            return None

    def track(self, rendition: str, segment_s: float) -> TrackRecording | None:
        """One rendition of it; None where there is none."""
        folder = self._folder / rendition
        with self._lock:
            if rendition not in self._tracks:
                if not folder.is_dir():
                    return None
                self._tracks[rendition] = TrackRecording(folder, segment_s)
            return self._tracks[rendition]

    def has_segment(self, rendition: str) -> bool:
        """Whether a whole segment of it is there."""
        folder = self._folder / rendition
        try:
            return any(
                _ends(folder / index_name(number))[0] for number in numbers(path.name for path in folder.iterdir())
            )
        except OSError:
            return False

    def open(self, rendition: str, number: int) -> Piece | None:
        """A media file; None where it is not there (any more)."""
        folder = self._folder / rendition
        try:
            first, last = _ends(folder / index_name(number))
            descriptor = os.open(folder / media_name(number), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        tag = f"{number}-{first.msn:x}-{first.wall_us:x}" if first else str(number)
        return Piece(descriptor, last.end if last else 0, tag)


class TrackRecording:
    """One rendition's playlist, grown from its index files."""

    def __init__(self, folder: Path, segment_s: float) -> None:
        self._folder = folder
        self._segment_s = segment_s
        self._lock = Lock()
        self._listing = Listing(segment_s, from_start=True)
        self._first = 0
        self._number = 0
        self._read = 0
        """Entries read of the file `_number`."""
        self._zipped: dict[bool, tuple[tuple[int, bool], bytes]] = {}

    def peak_bps(self) -> float:
        """Of what has been recorded; 0 where that is nothing yet."""
        with self._lock:
            self._refresh()
            return self._listing.peak_bps

    def playlist(self, *, skip: bool, ended: bool, compressed: bool) -> Text | None:
        """The playlist as it is now; None where no segment has been recorded."""
        with self._lock:
            self._refresh()
            if not self._listing.count:
                return None
            skip = skip and not ended
            version = (self._listing.count, ended)
            if not compressed:
                return Text(self._text(skip, ended), compressed=False)
            held = self._zipped.get(skip)
            if held is None or held[0] != version:
                held = (version, gzip.compress(self._text(skip, ended), compresslevel=6, mtime=0))
                self._zipped[skip] = held
            return Text(held[1], compressed=True)

    def _text(self, skip: bool, ended: bool) -> bytes:
        return self._listing.delta() if skip else self._listing.whole(ended=ended)

    def _refresh(self) -> None:
        """Read what has been added; from the start where the oldest file has been removed."""
        try:
            there = numbers(path.name for path in self._folder.iterdir())
        except FileNotFoundError:
            there = []
        if not there or there[0] != self._first:
            self._begin(there[0] if there else 0)
        for number in there:
            if number >= self._number:
                self._read_on(number)

    def _begin(self, first: int) -> None:
        self._listing = Listing(self._segment_s, from_start=first <= 1)
        self._first = self._number = first
        self._read = 0
        self._zipped.clear()

    def _read_on(self, number: int) -> None:
        if number != self._number:
            self._number, self._read = number, 0
        try:
            with (self._folder / index_name(number)).open("rb", buffering=0) as index:
                index.seek(self._read * ENTRY_SIZE)
                entries = unpack(index.read(SEGMENTS_PER_FILE * ENTRY_SIZE) or b"")
        except FileNotFoundError:
            return  # removed this moment: the next look begins anew
        for entry in entries:
            self._listing.add(number, entry)
        self._read += len(entries)


def _ends(index: Path) -> tuple[Entry | None, Entry | None]:
    """The first and the last whole segment that an index names. Raises OSError."""
    with index.open("rb", buffering=0) as file:
        whole = os.fstat(file.fileno()).st_size // ENTRY_SIZE
        first = unpack(file.read(ENTRY_SIZE) or b"")
        file.seek(max(0, whole - 2) * ENTRY_SIZE)
        last = unpack(file.read(2 * ENTRY_SIZE) or b"")
    return (first[0] if first else None), (last[-1] if last else None)
