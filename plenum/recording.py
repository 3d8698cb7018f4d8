"""How a programme lies on disk: the ingest writes it (`ingest/archive.py`), fronts read it (`sfu/dvr.py`). Rules only.

    dvr/{event}/recording.json           `Recording`: the ladder, and whether the event has ended
    dvr/{event}/{rendition}/{n}.mp4      init segments and segments, one after the other; about an hour, then the next n
    dvr/{event}/{rendition}/{n}.idx      one `Entry` of 72 bytes for each whole segment in it

Both only grow. A segment's bytes are written before its entry, so whatever an entry names is there: readers look at nothing
else, and bytes behind the last entry are a torn tail that the writer cuts off when it starts again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from zlib import crc32

import msgspec

from plenum.media import Programme, ProgrammeState

DVR = "dvr"
"""The folder of all recordings, in the data folder."""
RECORDING = "recording.json"
SEGMENTS_PER_FILE = 1_800
"""An hour of segments of two seconds."""

_ENTRY = struct.Struct("!IIIIQIQIIQIqII")
"""msn, epoch, init id, discontinuities, init offset, init length, offset, length, timescale, start, duration, wall clock
µs, reserved, CRC-32 of all before it."""
ENTRY_SIZE = _ENTRY.size
_CRC_AT = ENTRY_SIZE - 4


class Entry(msgspec.Struct, frozen=True):
    """One whole segment in a file."""

    msn: int
    epoch: int
    init_id: int
    discontinuities: int
    """EXT-X-DISCONTINUITY tags from the start of the recording to this segment, its own included."""
    init_offset: int
    init_length: int
    offset: int
    length: int
    timescale: int
    start: int
    duration: int
    """Both in the timescale."""
    wall_us: int

    @property
    def end(self) -> int:
        """Offset of the first byte behind the segment."""
        return self.offset + self.length

    @property
    def duration_s(self) -> float:
        return self.duration / self.timescale


class Recording(msgspec.Struct, frozen=True):
    """What `recording.json` holds."""

    programme: Programme
    ended_at_ms: int = 0

    @property
    def has_ended(self) -> bool:
        return self.programme.state is ProgrammeState.ENDED


def pack(entry: Entry) -> bytes:
    """The entry as it lies in an index. Raises struct.error where a value does not fit."""
    packed = _ENTRY.pack(
        entry.msn,
        entry.epoch,
        entry.init_id,
        entry.discontinuities,
        entry.init_offset,
        entry.init_length,
        entry.offset,
        entry.length,
        entry.timescale,
        entry.start,
        entry.duration,
        entry.wall_us,
        0,
        0,
    )
    return packed[:_CRC_AT] + crc32(packed[:_CRC_AT]).to_bytes(4, "big")


def unpack(index: bytes, file_size: int | None = None) -> list[Entry]:
    """The entries of an index, up to the first that is torn, damaged, or names bytes beyond the file's."""
    entries: list[Entry] = []
    for at in range(0, len(index) - ENTRY_SIZE + 1, ENTRY_SIZE):
        packed = index[at : at + ENTRY_SIZE]
        *values, _, crc = _ENTRY.unpack(packed)
        entry = Entry(*values)
        beyond = file_size is not None and entry.end > file_size
        if crc != crc32(packed[:_CRC_AT]) or not entry.timescale or beyond:
            break
        entries.append(entry)
    return entries


def encode(recording: Recording) -> bytes:
    return msgspec.json.encode(recording)


def decode(text: bytes) -> Recording | None:
    """None where it is no `Recording`."""
    try:
        return msgspec.json.decode(text, type=Recording)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def media_name(number: int) -> str:
    return f"{number}.mp4"


def index_name(number: int) -> str:
    return f"{number}.idx"


def numbers(names: Iterable[str]) -> list[int]:
    """Of a folder's files those that are an index, in order."""
    parts = (name.rpartition(".") for name in names)
    return sorted(int(stem) for stem, _, suffix in parts if suffix == "idx" and stem.isascii() and stem.isdigit())
