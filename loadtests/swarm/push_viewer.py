"""Who watches by push: a viewer has one or two lines (picture and sound), a line has a connection, and for a moment two when
it moves to another address.

`failover.py` decides which connection carries a line, `feed.py` what comes over it is worth.
"""

from __future__ import annotations

import os

from loadtests.swarm.checks import LineCheck, Node
from loadtests.swarm.connection import Link
from loadtests.swarm.group import PushGroup
from loadtests.swarm.phases import Told
from loadtests.swarm.playout import Playout
from loadtests.swarm.tally import Tally, bin_of
from plenum.media import Programme
from plenum.wire import AUTO, ClientMessage, Progress, Resume, Subscribe

LATE_S = 1.5
"""From the end of a part's capture until it is here, far more than the platform takes and a page would wait for."""


class Connection:
    """One socket of a line."""

    __slots__ = (
        "address",
        "began",
        "budget",
        "inits",
        "is_open",
        "is_settled",
        "key",
        "line",
        "link",
        "part_at",
        "rest",
    )

    def __init__(self, line: Line, address: str, link: Link, now: float) -> None:
        self.line = line
        self.address = address
        self.link = link
        self.began = now
        self.key = os.urandom(16)
        self.rest = b""
        self.is_open = False
        """Upgraded."""
        self.is_settled = False
        """A part has come."""
        self.part_at = 0.0
        self.budget = 0.0
        self.inits: set[tuple[int, int, int]] = set()


class Line:
    """What a viewer has subscribed to, over whatever connection carries it."""

    __slots__ = (
        "addresses", "at", "beside", "check", "coming", "connection", "is_over", "lost_at", "names", "newest", "programme",
        "reports", "retry_at", "tries", "viewer",
    )  # fmt: skip

    def __init__(self, viewer: Viewer, names: tuple[str, ...], addresses: tuple[str, ...], *, beside: bool) -> None:
        self.viewer = viewer
        self.names = names
        self.beside = beside
        self.addresses = addresses
        self.at = 0
        self.tries = 0
        self.retry_at = 0.0
        self.reports = 0
        """How many there might have been until now: one a second."""
        self.lost_at = 0.0
        """When the connection that carried it broke; 0 while one carries it."""
        self.is_over = False
        self.check = LineCheck(is_auto=AUTO in names, may_skip=viewer.group.may_skip)
        self.connection: Connection | None = None
        self.coming: Connection | None = None
        """The one it moves to; the other serves until the first part comes here."""
        self.newest: Node | None = None
        self.programme: Programme | None = None

    def greeting(self) -> ClientMessage:
        most = self.viewer.group.most if AUTO in self.names else ""
        if self.newest is None:
            return Subscribe(self.names, most=most, beside=self.beside)
        last = [stream.node.header for stream in self.check.streams.values()] or [self.newest.header]
        msn, part = min((header.msn, header.part) for header in last)
        epoch = self.newest.header.epoch
        return Resume(epoch, msn, part, self.names, most=most, beside=self.beside)

    def progress(self, newest: Node, now: float) -> Progress:
        """What was received, and what the page's playhead would be at."""
        header, programme = newest.header, self.programme
        lag = self.viewer.playout.lag
        played = (header.msn, header.part)
        if lag is not None and programme is not None:
            in_segment = max(1, round(programme.segment_s / programme.part_s))
            ahead = max(0, int((newest.end_wall - (now - lag)) / programme.part_s))
            number = max(0, header.msn * in_segment + header.part - ahead)
            played = divmod(number, in_segment)
        late_ms = round((now - newest.end_wall) * 1000) if self._is_late(newest, now) else 0
        return Progress(*played, max(0, round((lag or 0.0) * 1000)), (header.msn, header.part), late_ms)

    def reports_now(self, newest: Node, now: float) -> bool:
        """As a page does: every two seconds, of the sound beside a picture every four; each second while parts come late."""
        self.reports += 1
        return self.reports % (4 if self.beside else 2) == 0 or self._is_late(newest, now)

    def _is_late(self, newest: Node, now: float) -> bool:
        return now - newest.end_wall > LATE_S

    def goes_on(self, tally: Tally, now: float) -> None:
        """Parts come again after a connection broke."""
        tally.away[bin_of(now - self.lost_at)] += 1
        self.lost_at = 0.0


class Viewer:
    """One person: their lines, and the buffer of their page."""

    __slots__ = ("group", "lines", "playout", "read_bytes_s", "ticket", "told")

    def __init__(self, group: PushGroup, number: int, ticket: str, now: float) -> None:
        self.group = group
        self.ticket = ticket
        self.read_bytes_s = group.read_bytes_s
        addresses = group.addresses[number % len(group.addresses)]
        self.lines = [Line(self, group.renditions, addresses, beside=False)]
        if group.beside:
            self.lines.append(Line(self, group.beside, addresses, beside=True))
        names = {*group.renditions, *group.beside}
        self.playout = Playout(picture=bool(names - {"audio"}), sound="audio" in names)
        self.told = Told(now)
