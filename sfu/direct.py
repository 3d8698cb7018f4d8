"""Bytes to a socket directly, past the transport in whose buffer nothing waits; large parts uncopied.

A copy of a part for each viewer is a fifth of what delivery costs. So it is put into pages of the kernel's own once and sent
from there (sendfile): a file without a name, which holds one part and is never changed; what is on its way keeps its pages
after the file is closed. Linux, plain TCP; elsewhere parts are written to transports as ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

LEAST_BYTES = 16 * 1024
"""Smaller messages are copied faster than pages are counted."""
LEAST_TAKERS = 8


@contextmanager
def in_pages(data: bytes, takers: int) -> Iterator[int | None]:
    """A descriptor to send `data` from, as long as the block runs; None where that does not pay or is not to be had."""
    source = _filled(data) if len(data) >= LEAST_BYTES and takers >= LEAST_TAKERS else None
    try:
        yield source
    finally:
        if source is not None:
            os.close(source)


def send(link: int, data: bytes, source: int | None) -> int:
    """Bytes that the socket took at once, from the start; none where it takes nothing, for whatever reason.

    `source` is a descriptor that holds the same bytes, if any.
    """
    try:
        return os.write(link, data) if source is None else os.sendfile(link, source, 0, len(data))
    except OSError:
        return 0


def _filled(data: bytes) -> int | None:
    if not hasattr(os, "memfd_create"):
        return None
    try:
        source = os.memfd_create("part", os.MFD_CLOEXEC)
    except OSError:  # no descriptor left, or no such call: write instead
        return None
    try:
        if os.write(source, data) == len(data):
            return source
    except OSError:  # no memory for it
        pass
    os.close(source)
    return None
