"""Which connection carries a line: opening one, moving it before the old one goes, going on elsewhere when it breaks.

Every other address is tried at once, then all of them again after a pause.
"""

from __future__ import annotations

import random
import time

from loadtests.swarm import websocket
from loadtests.swarm.connection import AGAIN, Link, Links
from loadtests.swarm.phases import Phases
from loadtests.swarm.push_viewer import Connection, Line
from loadtests.swarm.tally import bin_of
from plenum.wire import SUBPROTOCOL, Bye, encode_client

AGAIN_S = (0.5, 2.0)
HEAD_MAX = 16 * 1024
OPENING_S = 4.0
DOUBT_S = 1.5
SILENT_SERVER_S = 2.5
SILENT_LINE_S = 8.0
"""As the page has them (player/src/core/silence.ts, net/line.ts)."""
IN_TIME_S = 0.5
ASK_WITHIN_S = 3.0
"""All viewers of a server are told to move at once: they ask the API spread over this."""


class Failover:
    """The connections of all lines of one process."""

    def __init__(self, links: Links[Connection], phases: Phases) -> None:
        self._links = links
        self._phases = phases
        self.slow: dict[Connection, None] = {}
        """Those that read a little at a time."""

    def open(self, line: Line, now: float) -> None:
        line.connection = self._connect(line, line.addresses[line.at % len(line.addresses)], now)
        if line.connection is None:
            self._go_on(line, now, random.uniform(*AGAIN_S))

    def advance(self, connection: Connection) -> bool:
        """Connect, write what could not be written before; True when there may be something to read. Raises OSError."""
        link = connection.link
        if link.is_connected:
            link.flush()
            return True
        if link.progress():
            viewer = connection.line.viewer
            bearer = {"Authorization": f"Bearer {viewer.ticket}"}
            headers = {"Origin": viewer.group.origin} if viewer.feed_ticket else bearer
            link.send(websocket.upgrade(connection.address, connection.key, SUBPROTOCOL, headers))
        return False

    def handshake(self, connection: Connection) -> None:
        """Read the answer to the upgrade; say what is wanted."""
        try:
            data = connection.link.socket.recv(HEAD_MAX)
        except AGAIN:
            return
        except OSError as error:
            self.lost(connection, f"no upgrade: {error.strerror}")
            return
        connection.rest += data
        head, found, rest = connection.rest.partition(b"\r\n\r\n")
        if not found:
            if not data or len(connection.rest) > HEAD_MAX:
                self.lost(connection, "the upgrade was not answered")
            return
        refused = websocket.refusal(head, connection.key)
        if refused is not None:
            self.lost(connection, refused)
            return
        connection.is_open, connection.rest = True, rest
        line = connection.line
        self._phases.tally.events["resumed" if line.newest is not None else "opened"] += 1
        connection.link.send(websocket.masked(websocket.TEXT, encode_client(line.greeting()).encode()))
        if line.viewer.read_bytes_s > 0:
            self.slow_down(connection)

    def slow_down(self, connection: Connection) -> None:
        self.slow[connection] = None
        connection.link.only_when_asked()

    def speed_up(self, connection: Connection) -> None:
        self.slow.pop(connection, None)
        connection.link.whenever_there_is()

    def settled(self, connection: Connection, now: float) -> None:
        """The first part of a connection: it carries the line from now on."""
        line, tally = connection.line, self._phases.tally
        connection.is_settled = True
        line.tries = 0
        tally.waits[bin_of(now - connection.began)] += 1
        if line.newest is not None:
            line.check.reopened()
        for gap in connection.gaps:
            line.check.gap(gap)
        if connection.promised is not None:
            line.check.selected(connection.promised)
        if line.coming is connection:
            if line.is_in_doubt and line.connection is not None:
                line.lost_at = line.connection.part_at
                tally.events["lost"] += 1
                tally.events["left in silence"] += 1
            else:
                tally.events["moved"] += 1
            if line.connection is not None:
                self.drop(line.connection)
            line.connection, line.coming = connection, None
        line.is_in_doubt = line.is_to_move = False

    def told_to_move(self, line: Line, now: float) -> None:
        line.is_to_move = True
        line.viewer.ask(now + random.uniform(0, ASK_WITHIN_S))
        self.move(line, now)

    def move(self, line: Line, now: float) -> None:
        """Make before break: another address first."""
        if line.coming is None:
            address = line.elsewhere()
            if address is not None:
                line.coming = self._connect(line, address, now)

    def answered(self, line: Line, addresses: tuple[str, ...], now: float) -> None:
        """The API named these addresses."""
        line.readdress(addresses)
        if line.is_to_move:
            self.move(line, now)
        elif line.connection is None and line.retry_at:
            line.retry_at = now

    def judge(self, line: Line, now: float) -> None:
        """Leave a server that has fallen silent, as a page does."""
        for connection in (line.coming, line.connection):
            if connection is not None and not connection.is_open and now - connection.began > OPENING_S:
                self.lost(connection, "no answer in time")
        silent_s = line.silent_s(now)
        if silent_s is None or line.connection is None:
            return
        if silent_s < IN_TIME_S:
            self._trust(line)
        elif silent_s > SILENT_LINE_S or (silent_s > SILENT_SERVER_S and _is_silent(line, now, SILENT_SERVER_S)):
            if line.coming is None:
                self.lost(line.connection, "the server fell silent")
        elif silent_s > DOUBT_S and _is_silent(line, now, DOUBT_S) and not line.is_in_doubt:
            self.move(line, now)
            line.is_in_doubt = line.coming is not None

    def _trust(self, line: Line) -> None:
        """The old connection brought the next part."""
        if line.is_in_doubt and line.coming is not None:
            self.drop(line.coming)
            line.coming = None
        line.is_in_doubt = False

    def dismissed(self, connection: Connection, bye: Bye, now: float) -> None:
        """The server said goodbye."""
        line, tally = connection.line, self._phases.tally
        tally.events[f"bye {bye.code}"] += 1
        if bye.retry_ms < 0:
            line.is_over = True
            if bye.code != "ended":
                tally.faults[f"the server said never to come back: {bye.code}"] += 1
        elif line.viewer.group.is_steady:
            tally.faults[f"the server said goodbye: {bye.code}"] += 1
        self.drop(connection)
        if line.coming is connection:
            line.coming = None
        elif line.connection is connection:
            line.connection = None
            self._go_on(line, now, max(0, bye.retry_ms) / 1000)

    def lost(self, connection: Connection, why: str) -> None:
        """The connection is gone; its line goes on at another address at once, if there is one."""
        line, now, tally = connection.line, time.time(), self._phases.tally
        self.drop(connection)
        if line.coming is connection:
            line.coming = None
            line.tries += 1
            tally.events[f"a move failed: {why}"] += 1
            if line.tries < len(line.addresses):
                self.move(line, now)
            else:
                line.viewer.ask(now)
            return
        if line.connection is not connection:
            return
        line.connection, line.is_in_doubt = None, False
        if line.is_over:
            return
        (tally.faults if line.viewer.group.is_steady else tally.events)[why] += 1
        if line.newest is not None and not line.lost_at:
            line.lost_at = now
            tally.events["lost"] += 1
        if line.coming is not None:  # on its way already
            line.connection, line.coming = line.coming, None
            return
        self._go_on(line, now, random.uniform(*AGAIN_S))

    def leave(self, line: Line) -> None:
        """Without a word."""
        line.is_over = True
        for connection in (line.connection, line.coming):
            if connection is not None:
                self.drop(connection)
        line.connection = line.coming = None

    def drop(self, connection: Connection) -> None:
        self.slow.pop(connection, None)
        self._links.drop(connection.link)

    def _connect(self, line: Line, address: str, now: float) -> Connection | None:
        """None (and tried again later) where that fails at once."""
        viewer = line.viewer
        tls = self._links.context(address, viewer.group.ca_file)
        try:
            link = Link(address, self._links.epoll, tls, reads=viewer.read_bytes_s <= 0)
        except OSError as error:
            self._phases.tally.events[f"not connected: {error.strerror}"] += 1
            return None
        connection = Connection(line, address, link, now)
        self._links.keep(link, connection)
        return connection

    def _go_on(self, line: Line, now: float, after_s: float) -> None:
        """Every other address at once, then all of them again after a pause."""
        if line.is_over:
            return
        line.tries += 1
        line.at += 1
        if line.tries < len(line.addresses):
            self.open(line, now)
        else:
            line.retry_at = now + after_s
            line.viewer.ask(now)


def _is_silent(line: Line, now: float, over_s: float) -> bool:
    """The viewer's other lines to the same server too: what they have in common is the server."""
    here = line.connection.address if line.connection is not None else ""
    others = [other for other in line.viewer.lines if other is not line and other.connection is not None]
    silences = [
        other.silent_s(now) for other in others if other.connection is not None and other.connection.address == here
    ]
    return all(silent is None or silent > over_s for silent in silences)
