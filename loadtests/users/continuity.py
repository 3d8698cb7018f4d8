"""Whether what a viewer received follows on from what came before. Rules only.

`FeedContinuity` judges the push feed message by message, `ReloadContinuity` the positions that LL-HLS playlists list,
`Silence` how long nothing came. Each returns a sentence when something is wrong and None when all is well.
"""

from __future__ import annotations

from plenum.wire import Flag, Header, Kind

Position = tuple[int, int]
"""Media sequence number and part."""

SILENCE_S = 3.0
"""A programme is encoded without a break, slate or not: longer without a part, and the picture stands."""


class FeedContinuity:
    """The parts of every rendition of one feed connection."""

    def __init__(self) -> None:
        self._inits: set[tuple[int, int, int]] = set()
        self._last: dict[int, Header] = {}

    def fault(self, header: Header) -> str | None:
        """What is wrong with this message after those before it."""
        if header.kind is Kind.INIT:
            self._inits.add((header.rendition, header.epoch, header.init_id))
        if header.kind is Kind.GAP:
            self._last.pop(header.rendition, None)
            return "the server skipped parts"
        return self._part_fault(header) if header.kind is Kind.PART else None

    def _part_fault(self, header: Header) -> str | None:
        before = self._last.get(header.rendition)
        self._last[header.rendition] = header
        if (header.rendition, header.epoch, header.init_id) not in self._inits:
            return "a part came before its init segment"
        if before is None:
            return None if header.part == 0 else "the first part does not open a segment"
        return hole(before, header)


def hole(before: Header, header: Header) -> str | None:
    """What is wrong with this part right after that one of the same rendition."""
    if Flag.DISCONTINUITY in header.flags or header.epoch != before.epoch:
        return None if header.msn > before.msn else "the media sequence number went back"
    expected = (before.msn + 1, 0) if Flag.LAST in before.flags else (before.msn, before.part + 1)
    if (header.msn, header.part) != expected:
        return "a part is missing or came twice"
    return None if header.start == before.start + before.duration else "the media time has a hole"


class ReloadContinuity:
    """The parts that the playlists of one rendition list, reload after reload."""

    def __init__(self) -> None:
        self.last: Position | None = None

    def is_new(self, position: Position) -> bool:
        return self.last is None or position > self.last

    def fault(self, position: Position) -> str | None:
        """What is wrong with taking this part next."""
        before, self.last = self.last, position
        if before is None or position in ((before[0], before[1] + 1), (before[0] + 1, 0)):
            return None
        return "a part is missing from the playlist"


class Silence:
    """When each stream was last heard; time is an argument (seconds). A silence is reported once."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    def heard(self, stream: str, now: float) -> None:
        self._heard[stream] = now

    def pause(self) -> None:
        """Nothing is due any more: the programme waits or has ended."""
        self._heard.clear()

    def faults(self, now: float) -> list[str]:
        silent = [stream for stream, at in self._heard.items() if now - at > SILENCE_S]
        for stream in silent:
            del self._heard[stream]
        return [f"no part for {SILENCE_S:.0f} s of {stream}" for stream in silent]
