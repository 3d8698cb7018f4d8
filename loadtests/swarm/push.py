"""Push viewers in one process: one epoll, and a turn for each line once a second.

What comes is read in `feed.py`; which connection carries a line is decided in `failover.py`.
"""

from __future__ import annotations

import select
import time

from loadtests.swarm import websocket
from loadtests.swarm.checks import Address
from loadtests.swarm.connection import READ_BYTES, READING, broken
from loadtests.swarm.failover import Failover
from loadtests.swarm.feed import Feed
from loadtests.swarm.group import Answer, Asking, PushGroup, Status
from loadtests.swarm.push_viewer import RUNNING, Connection, Line, Viewer
from loadtests.swarm.worker import EVENTS_MAX, Entrance, Worker
from loadtests.users.continuity import SILENCE_S
from plenum.wire import encode_client

SLOTS = 20
"""Once a second each line has its turn: reports what it got, looks whether anything comes."""
SLOT_S = 1.0 / SLOTS
ANSWER_S = 10.0
JUDGED = 5
"""Each line's silence is judged every so many slots."""
QUIET_S = 1.5
ASK_AGAIN_S = 2.0
LEAST_READ = 512


class PushWorker(Worker[Viewer, Connection]):
    """All push viewers of one process."""

    def __init__(self, name: str = "start") -> None:
        super().__init__(name)
        self._failover = Failover(self._links, self._phases)
        self._feed = Feed(self.reference, self._failover, self._phases)
        self._entrance: Entrance[Line] = Entrance()
        self._slots: list[list[Line]] = [[] for _ in range(SLOTS)]
        self._slot = 0
        self._slot_at = time.time()

    # What the parent process asks for

    def add(self, group: PushGroup) -> None:
        """These viewers come, one after the other."""
        now = time.time()
        comers = []
        for number, ticket in enumerate(group.tickets):
            viewer = Viewer(group, number, ticket, now)
            for line in viewer.lines:
                self._slots[len(self._viewers) % SLOTS].append(line)
                comers.append((now + number / group.connect_per_s, line))
            self._viewers.append(viewer)
        self._entrance.add(comers)

    def leave(self, count: int) -> None:
        super().leave(count)
        self._slots = [[line for line in slot if not line.is_over] for slot in self._slots]

    def read_slowly(self, count: int, bytes_s: float) -> None:
        """The first so many viewers read at this speed from now on; 0: as fast as it comes."""
        for viewer in self._viewers[:count]:
            viewer.read_bytes_s = bytes_s
            for connection in (line.connection for line in viewer.lines if line.connection is not None):
                if bytes_s:
                    self._failover.slow_down(connection)
                else:
                    self._failover.speed_up(connection)

    def asking(self, process: int) -> list[Asking]:
        """Who wants a new join answer now; who gets none asks again."""
        now, found = time.time(), []
        for number, viewer in enumerate(self._viewers):
            if viewer.asks_at and viewer.asks_at <= now:
                viewer.asks_at = now + ASK_AGAIN_S
                found.append(Asking(process, number, viewer.group.seen_as, viewer.ticket))
        return found

    def answered(self, answer: Answer) -> None:
        now, viewer = time.time(), self._viewers[answer.asking.viewer]
        viewer.asks_at, viewer.ticket, viewer.feed_ticket = 0.0, answer.ticket, answer.feed_ticket
        for line in viewer.lines:
            if not line.is_over:
                self._failover.answered(line, answer.addresses, now)

    def choices(self) -> list[tuple[str, ...]]:
        """What each viewer has been told of its picture until now."""
        return [tuple(viewer.lines[0].check.choices) for viewer in self._viewers]

    def payloads(self) -> dict[Address, bytes]:
        return self.reference.payloads(self._feed.name)

    def status(self) -> Status:
        lines = [line for viewer in self._viewers for line in viewer.lines]
        tally = self._phases.tally
        return Status(
            viewers=len(self._viewers),
            open=sum(line.connection is not None and line.connection.is_open for line in lines),
            playing=self._playing(),
            messages=tally.messages,
            faults=sum(tally.faults.values()) + sum(line.check.faults.total() for line in lines),
            stalls=self._untold_stalls(),
            quiet=sum(line.newest is None or time.time() - line.newest.first_at > QUIET_S for line in lines),
            by_rendition=self._feed.lately(),
        )

    # The loop

    def step(self) -> None:
        now = time.time()
        if now >= self._slot_at:
            self._turn(now)
            self._slot_at = max(self._slot_at + SLOT_S, now)
        by_fd, read = self._links.by_fd, self._feed.read
        for fd, events in self._links.epoll.poll(max(0.0, self._slot_at - now), EVENTS_MAX):
            connection = by_fd.get(fd)
            if connection is None:
                continue
            if connection.is_open and events == READING:
                read(connection, READ_BYTES)
                while connection.link.is_tls and connection.link.pending():
                    read(connection, READ_BYTES)
            else:
                self._look(connection, events)

    def _look(self, connection: Connection, events: int) -> None:
        """An event of a connection that is not simply a part to read."""
        try:
            if not self._failover.advance(connection):
                return
        except OSError as error:
            self._failover.lost(connection, f"no connection: {error.strerror or type(error).__name__}")
            return
        if not connection.is_open:
            self._failover.handshake(connection)
        elif connection.link.reads or events & (select.EPOLLHUP | select.EPOLLERR):
            self._feed.read(connection, READ_BYTES)

    def _turn(self, now: float) -> None:
        """A slot's time has passed."""
        for line in self._entrance.due(now):
            if not line.is_over:
                self._failover.open(line, now)
        self._slot = (self._slot + 1) % SLOTS
        if self._slot == 0:
            self.reference.forget(now)
        for line in self._slots[self._slot]:
            self._once_a_second(line, now)
        for line in (line for slot in self._slots[self._slot % JUDGED :: JUDGED] for line in slot):
            if line.viewer.group.leaves_silence:
                self._failover.judge(line, now)
        for connection in list(self._failover.slow):
            self._read_a_little(connection)

    def _once_a_second(self, line: Line, now: float) -> None:
        connection = line.connection
        if line.is_over:
            return
        if not line.beside:
            line.viewer.playout.tick(now, 1.0)
        if connection is None:
            if line.retry_at and now >= line.retry_at:
                line.retry_at, line.tries = 0.0, 0
                self._failover.open(line, now)
            return
        if not connection.is_open:
            if now - connection.began > ANSWER_S:
                self._failover.lost(connection, "no answer to the upgrade in time")
            return
        if line.lost_at and line.newest is not None and line.newest.first_at > line.lost_at:  # it overlapped first
            line.goes_on(self._phases.tally, now)
        self._listen_for_silence(line, connection, now)
        if line.programme is not None and line.reports_now(now):
            report = encode_client(line.progress(now)).encode()
            try:
                connection.link.send(websocket.masked(websocket.TEXT, report))
            except OSError as error:
                self._failover.lost(connection, broken(error))

    def _listen_for_silence(self, line: Line, connection: Connection, now: float) -> None:
        if line.viewer.group.leaves_silence:  # how long each was without parts is measured
            return
        runs = line.programme is not None and line.programme.state in RUNNING
        if not runs or line.check.without_picture or line.viewer.read_bytes_s:
            connection.part_at = now
        elif now - (connection.part_at or connection.began) > SILENCE_S:
            self._phases.tally.faults[f"no part for {SILENCE_S:.0f} s"] += 1
            connection.part_at = now

    def _read_a_little(self, connection: Connection) -> None:
        speed = connection.line.viewer.read_bytes_s
        connection.budget = min(connection.budget + speed * SLOT_S, max(speed, LEAST_READ))
        if connection.budget >= LEAST_READ:
            connection.budget -= self._feed.read(connection, int(connection.budget))

    # What all workers do their own way

    def _part_with(self, viewer: Viewer) -> None:
        for line in viewer.lines:
            self._failover.leave(line)

    def _drop(self, owner: Connection) -> None:
        self._failover.drop(owner)

    def _settle(self, now: float) -> None:
        super()._settle(now)
        tally = self._phases.tally
        for check in (line.check for viewer in self._viewers for line in viewer.lines):
            tally.faults += check.faults
            tally.events["switch"] += check.switches
            check.faults.clear()
            check.switches = 0

    def _close_phase(self) -> None:
        self._feed.settle()
        super()._close_phase()
