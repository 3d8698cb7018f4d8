"""The H.264 pictures inside CMAF init segments and parts: a decoder is fed without a demuxer's buffers. Rules only."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
_DATA_OFFSET, _FIRST_FLAGS, _DURATION, _SIZE, _FLAGS, _COMPOSITION = 0x1, 0x4, 0x100, 0x200, 0x400, 0x800


def boxes(data: bytes, begin: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """(type, where its content begins, where it ends) of each box, those inside containers too. ISO 14496-12 4.2."""
    at, end = begin, len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack_from("!I4s", data, at)
        if size < 8 or at + size > end:
            raise ValueError(f"a box {kind!r} of {size} bytes")
        yield kind, at + 8, at + size
        if kind in _CONTAINERS:
            yield from boxes(data, at + 8, at + size)
        at += size


def decoder_configuration(init: bytes) -> bytes:
    """The avcC of an init segment: what a decoder takes as extradata. Raises ValueError."""
    at = init.find(b"avcC")
    if at < 4:
        raise ValueError("this init segment has no H.264 in it")
    (size,) = struct.unpack_from("!I", init, at - 4)
    return init[at + 4 : at - 4 + size]


def pictures(part: bytes) -> list[bytes]:
    """Its access units, length-prefixed, in order. Raises ValueError."""
    found = {kind: (begin, end) for kind, begin, end in boxes(part)}
    if b"trun" not in found or b"mdat" not in found:
        raise ValueError("this is no part")
    sizes = _sizes(part, found[b"trun"][0], _default_size(part, found.get(b"tfhd")))
    at = found[b"mdat"][0]
    units = []
    for size in sizes:
        units.append(part[at : at + size])
        at += size
    return units


def _default_size(part: bytes, tfhd: tuple[int, int] | None) -> int:
    if tfhd is None:
        return 0
    (flags,) = struct.unpack_from("!I", part, tfhd[0])
    at = tfhd[0] + 8 + sum(width for flag, width in ((0x1, 8), (0x2, 4), (0x8, 4)) if flags & flag)
    return int(struct.unpack_from("!I", part, at)[0]) if flags & 0x10 else 0


def _sizes(part: bytes, trun: int, default: int) -> list[int]:
    flags, count = struct.unpack_from("!II", part, trun)
    flags &= 0xFFFFFF
    at = trun + 8 + (4 if flags & _DATA_OFFSET else 0) + (4 if flags & _FIRST_FLAGS else 0)
    before = 4 if flags & _DURATION else 0
    width = before + sum(4 for flag in (_SIZE, _FLAGS, _COMPOSITION) if flags & flag)
    if not flags & _SIZE:
        return [default] * count
    return [int(struct.unpack_from("!I", part, at + number * width + before)[0]) for number in range(count)]
