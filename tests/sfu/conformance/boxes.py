"""ISO BMFF by hand: what an init segment and the chunks of a part or segment say (ISO 14496-12; 14496-15 for avcC). No rules.

Only what fragmented MP4 with one track needs. Raises BadBoxes where the bytes are no boxes at all; what a rule is about is
read as it stands.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

NON_SYNC = 0x00010000
_HOLDERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"mvex", b"moof", b"traf", b"edts", b"dinf"}


class BadBoxes(ValueError):
    """Not a row of boxes."""


@dataclass(frozen=True)
class Box:
    kind: str
    payload: bytes
    at: int
    """Where it begins, header included, in the bytes that were read."""
    size: int
    inside: tuple[Box, ...] = ()

    def find(self, *path: str) -> Box | None:
        """The first box along this path."""
        box: Box | None = self
        for kind in path:
            box = next((each for each in box.inside if each.kind == kind), None) if box else None
        return box


@dataclass(frozen=True)
class InitSegment:
    kinds: tuple[str, ...]
    brands: tuple[str, ...]
    tracks: int
    track: int = 0
    timescale: int = 0
    handler: str = ""
    codec: str = ""
    """RFC 6381 name out of the sample entry, without the audio object type of AAC."""
    size: tuple[int, int] = (0, 0)
    samples: int = 0
    """Entries of the sample tables, which belong to fragments."""
    extends: bool = False
    """Whether there is an `mvex` with a `trex` for the track."""
    defaults: tuple[int, int, int] = (0, 0, 0)
    """Of each sample by `trex`: duration, size, flags."""
    nal_length: int = 4


@dataclass(frozen=True)
class Sample:
    duration: int
    size: int
    flags: int
    data: bytes

    @property
    def sync(self) -> bool:
        return not self.flags & NON_SYNC


@dataclass(frozen=True)
class Chunk:
    """One `moof` with its `mdat`."""

    sequence: int
    track: int
    decode_time: int | None
    base_is_moof: bool
    samples: tuple[Sample, ...]
    payload: int
    """Bytes of the `mdat`."""
    begins: int
    """Where the first sample lies, counted from the first byte of the `mdat`'s payload."""
    tracks: int = 1

    @property
    def duration(self) -> int:
        return sum(sample.duration for sample in self.samples)


@dataclass(frozen=True)
class Media:
    """The bytes of a part or of a segment."""

    kinds: tuple[str, ...]
    chunks: tuple[Chunk, ...] = field(default=())

    @property
    def duration(self) -> int:
        return sum(chunk.duration for chunk in self.chunks)

    @property
    def decode_time(self) -> int | None:
        return self.chunks[0].decode_time if self.chunks else None

    @property
    def first(self) -> Sample | None:
        return next((sample for chunk in self.chunks for sample in chunk.samples), None)


def boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes in a row, those inside them too. Raises BadBoxes."""
    end = len(data) if end is None else end
    while at < end:
        if end - at < 8:
            raise BadBoxes(f"{end - at} bytes are left at {at}")
        size, head = struct.unpack_from("!I", data, at)[0], 8
        if size == 1 and end - at >= 16:
            size, head = struct.unpack_from("!Q", data, at + 8)[0], 16
        if size < head or at + size > end:
            raise BadBoxes(f"a box of {size} bytes at {at}, where {end - at} are left")
        kind = data[at + 4 : at + 8]
        inside = tuple(boxes(data, at + head, at + size)) if kind in _HOLDERS else ()
        yield Box(kind.decode("latin-1"), data[at + head : at + size], at, size, inside)
        at += size


def _u32(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 4], "big")


def read_init(data: bytes) -> InitSegment:
    """An init segment. Raises BadBoxes."""
    top = tuple(boxes(data))
    kinds = tuple(box.kind for box in top)
    ftyp = next((box.payload for box in top if box.kind == "ftyp"), b"")
    brands = tuple(ftyp[at : at + 4].decode("latin-1") for at in (0, *range(8, len(ftyp), 4)) if ftyp)
    moov = next((box for box in top if box.kind == "moov"), None)
    traks = [box for box in moov.inside if box.kind == "trak"] if moov else []
    if moov is None or not traks:
        return InitSegment(kinds, brands, len(traks))
    codec, nal_length = _codec(_payload(traks[0], "mdia", "minf", "stbl", "stsd"))
    track_header, media_header = _payload(traks[0], "tkhd"), _payload(traks[0], "mdia", "mdhd")
    trex = _payload(moov, "mvex", "trex")
    return InitSegment(
        kinds=kinds,
        brands=brands,
        tracks=len(traks),
        track=_u32(track_header, 20 if track_header[:1] == b"\1" else 12),
        timescale=_u32(media_header, 20 if media_header[:1] == b"\1" else 12),
        handler=_payload(traks[0], "mdia", "hdlr")[8:12].decode("latin-1"),
        codec=codec,
        size=(_u32(track_header[-8:], 0) >> 16, _u32(track_header[-4:], 0) >> 16),
        samples=_table_entries(traks[0]),
        extends=bool(trex),
        defaults=(_u32(trex, 12), _u32(trex, 16), _u32(trex, 20)),
        nal_length=nal_length,
    )


def _payload(box: Box, *path: str) -> bytes:
    found = box.find(*path)
    return found.payload if found else b""


def _table_entries(trak: Box) -> int:
    tables = {kind: _payload(trak, "mdia", "minf", "stbl", kind) for kind in ("stts", "stsc", "stco", "stsz")}
    counts = [_u32(payload, 8 if kind == "stsz" else 4) for kind, payload in tables.items()]
    return sum(counts)


def _codec(stsd: bytes) -> tuple[str, int]:
    entries = tuple(boxes(stsd, 8))
    if not entries:
        return "", 4
    entry = entries[0]
    if entry.kind != "avc1":
        return entry.kind, 4
    avcc = next((box.payload for box in boxes(entry.payload, 78) if box.kind == "avcC"), bytes(5))
    return f"avc1.{avcc[1:4].hex()}", (avcc[4] & 3) + 1


def read_media(data: bytes, init: InitSegment) -> Media:
    """The chunks of a part or segment. Raises BadBoxes."""
    top = tuple(boxes(data))
    chunks = []
    moof: Box | None = None
    for box in top:
        if box.kind == "moof":
            moof = box
        elif box.kind == "mdat" and moof is not None:
            chunks.append(_chunk(data, moof, box, init))
            moof = None
    return Media(tuple(box.kind for box in top), tuple(chunks))


def _chunk(data: bytes, moof: Box, mdat: Box, init: InitSegment) -> Chunk:
    trafs = [box for box in moof.inside if box.kind == "traf"]
    if not trafs:
        raise BadBoxes("a moof without a traf")
    head = _payload(trafs[0], "tfhd")
    flags = _u32(head, 0) & 0xFFFFFF
    defaults, at = list(init.defaults), 8 + 8 * bool(flags & 1) + 4 * bool(flags & 2)
    for index, flag in enumerate((0x8, 0x10, 0x20)):
        if flags & flag:
            defaults[index] = _u32(head, at)
            at += 4
    time = _payload(trafs[0], "tfdt")
    payload_at = mdat.at + mdat.size - len(mdat.payload)
    samples, first = [], None
    for run in (box.payload for box in trafs[0].inside if box.kind == "trun"):
        begin, described = _run(run, defaults)
        position = moof.at + begin if begin is not None else payload_at + sum(sample.size for sample in samples)
        first = position if first is None else first
        for duration, size, sample_flags in described:
            samples.append(Sample(duration, size, sample_flags, data[position : position + size]))
            position += size
    return Chunk(
        sequence=_u32(_payload(moof, "mfhd"), 4),
        track=_u32(head, 4),
        decode_time=int.from_bytes(time[4 : 12 if time[0] else 8], "big") if time else None,
        base_is_moof=bool(flags & 0x020000),
        samples=tuple(samples),
        payload=len(mdat.payload),
        begins=(payload_at if first is None else first) - payload_at,
        tracks=len(trafs),
    )


def _run(run: bytes, defaults: list[int]) -> tuple[int | None, list[tuple[int, int, int]]]:
    """A `trun`: where its data begins counted from the moof, and (duration, size, flags) of each sample."""
    flags, count, at = _u32(run, 0) & 0xFFFFFF, _u32(run, 4), 8
    begin = struct.unpack_from("!i", run, at)[0] if flags & 1 else None
    at += 4 * bool(flags & 1)
    first_flags = _u32(run, at) if flags & 4 else None
    at += 4 * bool(flags & 4)
    if len(run) - at < count * 4 * (flags >> 8 & 0xF).bit_count():
        raise BadBoxes(f"a trun of {count} samples in {len(run)} bytes")
    samples = []
    for number in range(count):
        values = list(defaults)
        if number == 0 and first_flags is not None:
            values[2] = first_flags
        for index, flag in enumerate((0x100, 0x200, 0x400)):
            if flags & flag:
                values[index] = _u32(run, at)
                at += 4
        at += 4 * bool(flags & 0x800)
        samples.append((values[0], values[1], values[2]))
    return begin, samples
