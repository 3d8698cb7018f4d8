"""What a transcoder may put into the feed. Rules only.

A transcoder decodes what a stranger sent; whoever breaks it must not reach viewers' numbering through it. So every message
is held against what the transcoder was told: its epoch, its init id, its renditions, the next segment at most.
"""

from __future__ import annotations

from collections.abc import Iterable

from ingest.control import Configure
from plenum.errors import BadInput
from plenum.media import DEFAULT_PART_COUNT_LIMIT, Rendition
from plenum.wire import Header, Kind, unpack


class OutputCheck:
    """The output of one transcoder run."""

    def __init__(self, configure: Configure) -> None:
        self._epoch = configure.epoch
        self._init_id = configure.init_id
        self._first_msn = configure.first_msn
        self._highest_msn = configure.first_msn - 1
        self._renditions: frozenset[int] = frozenset()

    def allow(self, renditions: Iterable[Rendition]) -> None:
        self._renditions = frozenset(rendition.id for rendition in renditions)

    def check(self, message: bytes) -> Header:
        """The message's header. Raises BadInput `bad_output`, `bad_frame`."""
        header, _ = unpack(message)
        if header.kind not in (Kind.INIT, Kind.PART):
            raise _bad(f"a message of kind {header.kind}")
        if (header.epoch, header.init_id) != (self._epoch, self._init_id):
            raise _bad(f"epoch {header.epoch}, init {header.init_id}")
        if header.rendition not in self._renditions:
            raise _bad(f"rendition {header.rendition}")
        if header.kind is Kind.PART:
            self._check_place(header)
        return header

    def _check_place(self, header: Header) -> None:
        if not self._first_msn <= header.msn <= self._highest_msn + 1 or header.part >= DEFAULT_PART_COUNT_LIMIT:
            raise _bad(f"part {header.msn}.{header.part} after segment {self._highest_msn}")
        self._highest_msn = max(self._highest_msn, header.msn)


def _bad(what: str) -> BadInput:
    return BadInput(f"A transcoder sent {what}, which it was not told to.", code="bad_output")
