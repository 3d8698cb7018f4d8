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
from plenum.media import Programme, ProgrammeState
from plenum.wire import AUTO, ClientMessage, Header, Progress, Resume, Selected, Subscribe

RUNNING = (ProgrammeState.LIVE, ProgrammeState.SLATE)

LATE_S = 1.5
"""From the end of a part's capture until it is here, far more than the platform takes and a page would wait for."""
NOTHING_YET = (0, -1)


class Connection:
    """One socket of a line."""

    __slots__ = (
        "address",
        "began",
        "budget",
        "gaps",
        "inits",
        "is_open",
        "is_settled",
        "key",
        "line",
        "link",
        "part_at",
        "promised",
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
        self.gaps: list[Header] = []
        self.promised: Selected | None = None
        """What was skipped and chosen there before its first part came; until then the line's other connection goes on."""
        self.budget = 0.0
        self.inits: set[tuple[int, int, int]] = set()


class Line:
    """What a viewer has subscribed to, over whatever connection carries it."""

    __slots__ = (
        "addresses", "at", "beside", "check", "coming", "connection", "is_in_doubt", "is_over", "is_to_move", "lost_at", "names",
        "newest", "programme", "reports", "retry_at", "tries", "viewer",
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
        self.is_to_move = False
        """The server said that it is about to go."""
        self.is_in_doubt = False
        """It said nothing for a while: whichever connection brings the next part carries the line."""
        self.check = LineCheck(is_auto=AUTO in names, may_skip=viewer.group.may_skip)
        self.connection: Connection | None = None
        self.coming: Connection | None = None
        """The one it moves to; the other serves until the first part comes here."""
        self.newest: Node | None = None
        self.programme: Programme | None = None

    def elsewhere(self) -> str | None:
        """The next address that is not the present one."""
        here = self.connection.address if self.connection is not None else ""
        for at in range(self.at + 1, self.at + 1 + len(self.addresses)):
            if self.addresses[at % len(self.addresses)] != here:
                self.at = at
                return self.addresses[at % len(self.addresses)]
        return None

    def readdress(self, addresses: tuple[str, ...]) -> None:
        """Other addresses from now on; the next one tried is the best that is not the present one."""
        here = self.connection.address if self.connection is not None else ""
        self.addresses, self.tries = addresses, 0
        self.at = addresses.index(here) if here in addresses else -1

    def silent_s(self, now: float) -> float | None:
        """How long no part has come; None where none is to be expected."""
        runs = self.programme is not None and self.programme.state in RUNNING
        connection = self.connection
        if connection is None or not connection.is_settled or not runs or self.check.without_picture or self.is_over:
            return None
        return now - connection.part_at

    def greeting(self) -> ClientMessage:
        most = self.viewer.group.most if AUTO in self.names else ""
        if self.newest is None:
            return Subscribe(self.names, self.viewer.feed_ticket, most=most, beside=self.beside)
        last = [stream.node.header for stream in self.check.streams.values()] or [self.newest.header]
        msn, part = min((header.msn, header.part) for header in last)
        epoch = self.newest.header.epoch
        return Resume(epoch, msn, part, self.names, self.viewer.feed_ticket, most=most, beside=self.beside)

    def progress(self, now: float) -> Progress:
        """What was received, and what the page's playhead would be at."""
        newest, programme = self.newest, self.programme
        if newest is None:
            return Progress(*NOTHING_YET, 0, NOTHING_YET)
        header = newest.header
        lag = self.viewer.playout.lag
        played = (header.msn, header.part)
        if lag is not None and programme is not None:
            in_segment = max(1, round(programme.segment_s / programme.part_s))
            ahead = max(0, int((newest.end_wall - (now - lag)) / programme.part_s))
            number = max(0, header.msn * in_segment + header.part - ahead)
            played = divmod(number, in_segment)
        late_ms = round((now - newest.end_wall) * 1000) if self._is_late(newest, now) else 0
        return Progress(*played, max(0, round((lag or 0.0) * 1000)), (header.msn, header.part), late_ms)

    def reports_now(self, now: float) -> bool:
        """As a page does: every two seconds, of the sound beside a picture every four; each second while parts come late."""
        self.reports += 1
        return self.reports % (4 if self.beside else 2) == 0 or (
            self.newest is not None and self._is_late(self.newest, now)
        )

    def _is_late(self, newest: Node, now: float) -> bool:
        return now - newest.end_wall > LATE_S

    def goes_on(self, tally: Tally, now: float) -> None:
        """Parts come again after a connection broke."""
        tally.away[bin_of(now - self.lost_at)] += 1
        self.lost_at = 0.0


class Viewer:
    """One person: their lines, and the buffer of their page."""

    __slots__ = ("asks_at", "feed_ticket", "group", "lines", "playout", "read_bytes_s", "ticket", "told")

    def __init__(self, group: PushGroup, number: int, ticket: str, now: float) -> None:
        self.group = group
        self.ticket, self.feed_ticket = ticket, ""
        self.read_bytes_s = group.read_bytes_s
        addresses = group.addresses[number % len(group.addresses)]
        self.lines = [Line(self, group.renditions, addresses, beside=False)]
        if group.beside:
            self.lines.append(Line(self, group.beside, addresses, beside=True))
        names = {*group.renditions, *group.beside}
        self.playout = Playout(picture=bool(names - {"audio"}), sound="audio" in names)
        self.told = Told(now)
        self.asks_at = 0.0
        """When to ask the API; 0: not at all."""

    def ask(self, at: float) -> None:
        if self.group.asks_api and not self.asks_at:
            self.asks_at = at
