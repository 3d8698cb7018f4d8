"""The playlist of one rendition from the start of the event, as text that grows with its index. Rules only.

Section numbers are those of draft-pantos-hls-rfc8216bis. What surprises: numbers that were not recorded are listed as gaps,
since a segment's number is its place; and once the first hour has been removed the playlist is none of type EVENT any more,
which promises that nothing ever goes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from plenum.recording import Entry
from sfu.playlist import VERSION, date_time, skip_until, target_duration

GAPS_MAX = 3_600
"""Missing numbers that are listed one by one: two hours. After more of them the list begins anew."""
_SHORTEST_S = 0.001


@dataclass(frozen=True, slots=True)
class _Listed:
    """One of the last segments."""

    at: int
    """Where its lines begin."""
    duration_s: float
    init: bytes
    """The EXT-X-MAP line that its lines lack and a delta update which begins with it needs."""


class Listing:
    """Entries in, text out. It keeps the text, 120 bytes a segment, and of entries only the newest."""

    def __init__(self, segment_s: float, *, from_start: bool) -> None:
        self._target = target_duration(segment_s)
        self._boundary_s = skip_until(segment_s)
        self._from_start = from_start
        self._body = bytearray()
        self._tail: deque[_Listed] = deque()
        self._tail_s = 0.0
        self._first: Entry | None = None
        self._last: Entry | None = None
        self._init = b""
        self.count = 0
        """Segments listed, gaps too."""
        self.peak_bps = 0.0

    def add(self, number: int, entry: Entry) -> None:
        """One more segment, in the file of this number."""
        last = self._last
        if last is not None and entry.msn <= last.msn:
            return
        if last is not None and entry.msn - last.msn - 1 > GAPS_MAX:
            self._begin_anew()
            last = None
        if last is not None:
            self._bridge(last, entry)
        lines: list[str] = []
        if last is not None and entry.discontinuities != last.discontinuities:
            lines.append("#EXT-X-DISCONTINUITY")
        init = f'#EXT-X-MAP:URI="dvr-{number}.mp4",BYTERANGE="{entry.init_length}@{entry.init_offset}"\n'.encode()
        carried = init
        if init != self._init:
            lines.append(init.decode().rstrip())
            self._init, carried = init, b""
        lines += [
            f"#EXT-X-PROGRAM-DATE-TIME:{date_time(entry.wall_us)}",
            f"#EXTINF:{entry.duration_s:.5f},",
            f"#EXT-X-BYTERANGE:{entry.length}@{entry.offset}",
            f"dvr-{number}.mp4",
        ]
        self._list(lines, entry.duration_s, carried)
        self._first = self._first or entry
        self._last = entry
        self.peak_bps = max(self.peak_bps, entry.length * 8 / max(entry.duration_s, _SHORTEST_S))

    def whole(self, *, ended: bool) -> bytes:
        """The whole playlist."""
        return b"".join((self._head(), self._body, b"#EXT-X-ENDLIST\n" if ended else b""))

    def delta(self) -> bytes:
        """6.2.5.1: what is further from the end than the skip boundary is not told again."""
        skipped = self.count - len(self._tail)
        if not skipped:
            return self.whole(ended=False)
        first = self._tail[0]
        told = memoryview(self._body)[first.at :]
        return b"".join((self._head(), b"#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n" % skipped, first.init, told))

    def _head(self) -> bytes:
        first = self._first
        lines = [
            "#EXTM3U",
            f"#EXT-X-VERSION:{VERSION}",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            f"#EXT-X-TARGETDURATION:{self._target}",
            f"#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL={self._boundary_s:.5f},HOLD-BACK={3 * self._target:.5f}",
            *(["#EXT-X-PLAYLIST-TYPE:EVENT"] if self._from_start else []),
            f"#EXT-X-MEDIA-SEQUENCE:{first.msn if first else 0}",
            # 4.4.3.3: tags before the first segment's own; that one has none, whatever came before it.
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{first.discontinuities if first else 0}",
        ]
        return ("\n".join(lines) + "\n").encode()

    def _bridge(self, last: Entry, entry: Entry) -> None:
        """Gaps in the place of numbers that were not recorded, as long as they must have been (4.4.4.7)."""
        missing = entry.msn - last.msn - 1
        if not missing:
            return
        ends_us = last.wall_us + round(last.duration_s * 1e6)
        # By the wall clock: it is one over all timelines. 4.4.3.1: no segment is longer than the target duration.
        share_s = min(max((entry.wall_us - ends_us) / 1e6 / missing, _SHORTEST_S), float(self._target))
        for number in range(missing):
            wall_us = ends_us + round(number * share_s * 1e6)
            lines = [
                f"#EXT-X-PROGRAM-DATE-TIME:{date_time(wall_us)}",
                "#EXT-X-GAP",
                f"#EXTINF:{share_s:.5f},",
                f"gap-{last.msn + 1 + number}.mp4",
            ]
            self._list(lines, share_s, self._init)

    def _list(self, lines: list[str], duration_s: float, init: bytes) -> None:
        self._tail.append(_Listed(len(self._body), duration_s, init))
        self._tail_s += duration_s
        self._body += ("\n".join(lines) + "\n").encode()
        self.count += 1
        while self._tail_s - self._tail[0].duration_s > self._boundary_s:
            self._tail_s -= self._tail.popleft().duration_s

    def _begin_anew(self) -> None:
        self._body.clear()
        self._tail.clear()
        self._tail_s, self._init, self._first, self.count, self._from_start = 0.0, b"", None, 0, False
