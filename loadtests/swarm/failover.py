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


class Failover:
    """The connections of all lines of one process."""

    def __init__(self, links: Links[Connection], phases: Phases) -> None:
        self._links = links
        self._phases = phases
        self.slow: dict[Connection, None] = {}
        """Those that read a little at a time."""

    def open(self, line: Line, now: float) -> None:
        line.connection = self._connect(line, now)
        if line.connection is None:
            self._go_on(line, now, random.uniform(*AGAIN_S))

    def advance(self, connection: Connection) -> bool:
        """Connect, write what could not be written before; True when there may be something to read. Raises OSError."""
        link = connection.link
        if link.is_connected:
            link.flush()
            return True
        if link.progress():
            headers = {"Authorization": f"Bearer {connection.line.viewer.ticket}"}
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
        if line.coming is connection:
            tally.events["moved"] += 1
            if line.connection is not None:
                self.drop(line.connection)
            line.connection, line.coming = connection, None

    def move(self, line: Line, now: float) -> None:
        """Make before break: another address first."""
        if line.coming is None and len(line.addresses) > 1:
            line.at += 1
            line.coming = self._connect(line, now)

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
            return
        if line.connection is not connection:
            return
        line.connection = None
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

    def _connect(self, line: Line, now: float) -> Connection | None:
        """The line's present address; None (and tried again later) where that fails at once."""
        address = line.addresses[line.at % len(line.addresses)]
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
