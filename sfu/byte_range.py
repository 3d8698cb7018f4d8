"""Which bytes a request asks for (RFC 9110 14). Rules only.

One range at a time: several in one request are refused, as a way to ask for the same bytes a hundred times.
"""

from __future__ import annotations

import re

import msgspec

from plenum.errors import RangeNotSatisfiable

_ONE = re.compile(r"bytes=\s*(\d{0,15})-(\d{0,15})\s*", re.ASCII)


class ByteRange(msgspec.Struct, frozen=True):
    """Bytes of something that has `total` of them; `partial` unless the whole was asked for."""

    start: int
    length: int
    total: int
    partial: bool

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.start + self.length - 1}/{self.total}"


def asked(header: str, total: int) -> ByteRange:
    """Raises RangeNotSatisfiable `bad_range`, with the `total`."""
    if not header or not header.strip().lower().startswith("bytes"):  # 14.2: a unit that is not known is no range
        return ByteRange(0, total, total, partial=False)
    found = _ONE.fullmatch(header.strip())
    first, last = (found[1], found[2]) if found else ("", "")
    if first:
        start, end = int(first), min(int(last) + 1 if last else total, total)
    elif last:
        start, end = max(0, total - int(last)), total
    else:
        start, end = total, 0
    if start >= end:
        raise RangeNotSatisfiable(f"This piece has {total} bytes; those asked for are not among them.", total=total)
    return ByteRange(start, end - start, total, partial=True)
