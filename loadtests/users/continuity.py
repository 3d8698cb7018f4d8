"""Whether what a viewer received follows on from what came before. Rules only.

`FeedContinuity` judges the push feed message by message, `ReloadContinuity` what LL-HLS playlists list,
`Silence` how long nothing came. Each returns a sentence when something is wrong and None when all is well.
"""

from __future__ import annotations

from loadtests.users.playlist import ListedPart, MediaPlaylist
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
    if header.epoch < before.epoch:
        return "the epoch went back"
    if Flag.DISCONTINUITY in header.flags or header.epoch != before.epoch:
        return None if header.msn > before.msn else "the media sequence number went back"
    expected = (before.msn + 1, 0) if Flag.LAST in before.flags else (before.msn, before.part + 1)
    if (header.msn, header.part) != expected:
        return "a part is missing or came twice"
    return None if header.start == before.start + before.duration else "the media time has a hole"


class ReloadContinuity:
    """What the playlists of one rendition list, reload after reload."""

    def __init__(self) -> None:
        self._last: Position | None = None
        self._first_msn = 0

    def begin(self, playlist: MediaPlaylist) -> None:
        """The first one: its newest part is where watching begins."""
        self._first_msn = playlist.first_msn
        self._last = _newest(playlist)

    def take(self, playlist: MediaPlaylist) -> tuple[list[ListedPart], list[str]]:
        """The parts that are new in it, and what is wrong with it after the ones before."""
        faults = []
        newest = _newest(playlist)
        if playlist.first_msn < self._first_msn:
            faults.append("the media sequence number went back")
        if newest is not None and self._last is not None and newest < self._last:
            faults.append("the newest part of the playlist went back")
        self._first_msn = playlist.first_msn
        new = [part for part in playlist.parts if self._last is None or (part.msn, part.index) > self._last]
        for part in new:
            if not self._follows((part.msn, part.index), playlist):
                faults.append("a part is missing from the playlist")
            self._last = part.msn, part.index
        return new, faults

    def _follows(self, position: Position, playlist: MediaPlaylist) -> bool:
        if self._last is None or position == (self._last[0], self._last[1] + 1):
            return True
        msn, index = self._last
        # A segment that is listed as a whole says which part was its last one.
        return position == (msn + 1, 0) and playlist.last_parts.get(msn, index) == index


def _newest(playlist: MediaPlaylist) -> Position | None:
    return (playlist.parts[-1].msn, playlist.parts[-1].index) if playlist.parts else None


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
