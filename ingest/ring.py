"""The last half minute of one programme as ready-made feed messages, for whoever joins or comes back. Rules only.

`ingest/channel.py` fills it and reads it. Nothing is opened: order and place come from the feed header. Bounded in time
and in bytes; the oldest go first, and an init segment goes when no part needs it any more (the newest always stays).
"""

from __future__ import annotations

from collections import deque

import msgspec

from plenum.wire import Flag, Header

SPAN_S = 30.0
MAX_BYTES = 48 * 1024 * 1024

Place = tuple[int, int]
"""Media sequence number and part index."""


class Held(msgspec.Struct, frozen=True):
    """One part as it is sent, with the header it begins with."""

    header: Header
    message: bytes
    at: float
    """When it came (monotonic seconds)."""

    @property
    def place(self) -> Place:
        return self.header.msn, self.header.part

    @property
    def is_independent(self) -> bool:
        return Flag.INDEPENDENT in self.header.flags


class Ring:
    """Parts of all renditions in order of arrival, and the init segments they name."""

    def __init__(self, span_s: float = SPAN_S, max_bytes: int = MAX_BYTES) -> None:
        self._span_s = span_s
        self._max_bytes = max_bytes
        self._bytes = 0
        self._parts: deque[Held] = deque()
        self._inits: dict[tuple[int, int], bytes] = {}
        self._let_go: dict[int, Place] = {}
        """The newest part of each rendition that is not held any more."""

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def size(self) -> int:
        """Bytes of all parts held."""
        return self._bytes

    def add_init(self, header: Header, message: bytes) -> None:
        self._inits[header.rendition, header.init_id] = message
        self._forget_inits()

    def init(self, rendition: int, init_id: int) -> bytes | None:
        """The init message that a part names."""
        return self._inits.get((rendition, init_id))

    def add(self, held: Held) -> None:
        self._parts.append(held)
        self._bytes += len(held.message)
        while self._bytes > self._max_bytes or held.at - self._parts[0].at > self._span_s:
            oldest = self._parts.popleft()
            self._bytes -= len(oldest.message)
            self._let_go[oldest.header.rendition] = oldest.place

    def clear(self) -> None:
        self._parts.clear()
        self._inits.clear()
        self._let_go.clear()
        self._bytes = 0

    def from_segment_start(self, rendition: int) -> list[Held]:
        """The parts of the rendition's newest segment; nothing where its start is not held any more."""
        parts = self._of(rendition)
        segment = [held for held in parts if held.header.msn == parts[-1].header.msn]
        return segment if segment and segment[0].header.part == 0 else []

    def after(self, rendition: int, place: Place) -> list[Held] | None:
        """The parts that follow this one; None where one of them is not held any more."""
        if self._let_go.get(rendition, place) > place:
            return None
        return [held for held in self._of(rendition) if held.place > place]

    def from_first_segment(self, rendition: int) -> list[Held]:
        """All that is held of the rendition, from the first whole segment on."""
        parts = self._of(rendition)
        start = next((at for at, held in enumerate(parts) if held.header.part == 0), len(parts))
        return parts[start:]

    def _of(self, rendition: int) -> list[Held]:
        return [held for held in self._parts if held.header.rendition == rendition]

    def _forget_inits(self) -> None:
        needed = {(held.header.rendition, held.header.init_id) for held in self._parts}
        newest = dict(self._inits.keys())  # in the order they came: the last of each rendition stays
        needed |= set(newest.items())
        self._inits = {key: message for key, message in self._inits.items() if key in needed}
