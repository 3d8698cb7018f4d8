"""Push viewers in one process: one epoll, and for each part one read, one comparison, a few additions.

A viewer has one or two lines (picture and sound), a line has a connection, and for a moment two when it moves to another
address. `_read` is the hot path: 20,000 times a second. All else goes through `_message`.
"""

from __future__ import annotations

import os
import random
import select
import ssl
import time
from collections import deque
from operator import itemgetter

from loadtests.swarm import websocket
from loadtests.swarm.checks import DIFFERS, LineCheck, Node, Reference
from loadtests.swarm.connection import AGAIN, READ_BYTES, READING, Link, trusting
from loadtests.swarm.group import PushGroup, Status
from loadtests.swarm.playout import Playout
from loadtests.swarm.tally import BINS, BINS_PER_S, Tally
from loadtests.users.continuity import SILENCE_S
from plenum.errors import BadInput
from plenum.media import Programme, ProgrammeState, RenditionKind
from plenum.wire import (
    AUTO,
    HEADER_SIZE,
    SUBPROTOCOL,
    ClientMessage,
    Header,
    Kind,
    Progress,
    Resume,
    Subscribe,
    as_bye,
    as_programme,
    as_selected,
    encode_client,
    unpack,
)

SLOTS = 20
"""Once a second each line has its turn: reports what it got, looks whether anything comes."""
SLOT_S = 1.0 / SLOTS
ANSWER_S = 10.0
AGAIN_S = (0.5, 2.0)
RUNNING = (ProgrammeState.LIVE, ProgrammeState.SLATE)
PROGRAMMES_MAX = 64
QUIET_S = 1.5
HEAD_MAX = 16 * 1024
LEAST_READ = 512


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
        "retry_at", "tries", "viewer",
    )  # fmt: skip

    def __init__(self, viewer: Viewer, names: tuple[str, ...], addresses: tuple[str, ...], *, beside: bool) -> None:
        self.viewer = viewer
        self.names = names
        self.beside = beside
        self.addresses = addresses
        self.at = 0
        self.tries = 0
        self.retry_at = 0.0
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


class Viewer:
    """One person: their lines, and the buffer of their page."""

    __slots__ = ("group", "lines", "playout", "read_bytes_s", "stall_s_told", "stalls_told", "tallied_at", "ticket")

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
        self.stalls_told, self.stall_s_told, self.tallied_at = 0, 0.0, now


class PushWorker:
    """All push viewers of one process. `step` is called again and again."""

    def __init__(self, name: str = "start") -> None:
        self._epoll = select.epoll()
        self._by_fd: dict[int, Connection] = {}
        self._viewers: list[Viewer] = []
        self._waiting: deque[tuple[float, Line]] = deque()
        """Who connects when, in order."""
        self._slots: list[list[Line]] = [[] for _ in range(SLOTS)]
        self._slot = 0
        self._slot_at = time.time()
        self._slow: dict[Connection, None] = {}
        self._reference = Reference()
        self._programmes: dict[bytes, Programme] = {}
        self._names: dict[int, str] = {}
        self._timescales: dict[int, int] = {}
        self._sound: set[int] = set()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._counts = [0] * 256
        self._counts_told = [0] * 256
        self._tally = Tally(name, time.time(), time.process_time())
        self.tallies: list[Tally] = []

    # What the parent process asks for

    def add(self, group: PushGroup) -> None:
        """These viewers come, one after the other."""
        now = time.time()
        before = len(self._viewers)
        for number, ticket in enumerate(group.tickets):
            viewer = Viewer(group, number, ticket, now)
            self._viewers.append(viewer)
            for line in viewer.lines:
                self._slots[(before + number) % SLOTS].append(line)
                self._waiting.append((now + number / group.connect_per_s, line))
        self._waiting = deque(sorted(self._waiting, key=itemgetter(0)))

    def leave(self, count: int) -> None:
        """So many go, without a word, those first who came first."""
        self._settle_stalls(time.time())
        gone, self._viewers = self._viewers[:count], self._viewers[count:]
        for line in (line for viewer in gone for line in viewer.lines):
            line.is_over = True
            for connection in (line.connection, line.coming):
                if connection is not None:
                    self._drop(connection)
            line.connection = line.coming = None
        self._slots = [[line for line in slot if not line.is_over] for slot in self._slots]

    def read_slowly(self, count: int, bytes_s: float) -> None:
        """The first so many viewers read at this speed from now on; 0: as fast as it comes."""
        for viewer in self._viewers[:count]:
            viewer.read_bytes_s = bytes_s
            for connection in (line.connection for line in viewer.lines if line.connection is not None):
                if bytes_s:
                    self._slow[connection] = None
                    connection.link.only_when_asked()
                else:
                    self._slow.pop(connection, None)
                    connection.link.whenever_there_is()

    def phase(self, name: str) -> None:
        """What is counted from now on is counted as this."""
        self._close_phase()
        self._tally = Tally(name, time.time(), time.process_time())

    def finish(self) -> list[Tally]:
        """The last phase ends, all connections too."""
        self._close_phase()
        for connection in list(self._by_fd.values()):
            self._drop(connection)
        self._epoll.close()
        return self.tallies

    @property
    def reference(self) -> Reference:
        return self._reference

    def status(self) -> Status:
        lines = [line for viewer in self._viewers for line in viewer.lines]
        counts, self._counts_told = self._counts_told, self._counts.copy()
        return Status(
            viewers=len(self._viewers),
            open=sum(line.connection is not None and line.connection.is_open for line in lines),
            playing=sum(viewer.playout.lag is not None for viewer in self._viewers),
            messages=self._tally.messages,
            faults=sum(self._tally.faults.values()) + sum(line.check.faults.total() for line in lines),
            stalls=sum(viewer.playout.stalls - viewer.stalls_told for viewer in self._viewers),
            quiet=sum(line.newest is None or time.time() - line.newest.first_at > QUIET_S for line in lines),
            by_rendition={
                self._names.get(number, str(number)): now - counts[number]
                for number, now in enumerate(self._counts)
                if now > counts[number]
            },
        )

    # The loop

    def step(self) -> None:
        """Wait for at most a slot's time and do what there is to do."""
        now = time.time()
        if now >= self._slot_at:
            self._turn(now)
            self._slot_at = max(self._slot_at + SLOT_S, now)
        for fd, events in self._epoll.poll(max(0.0, self._slot_at - now), 512):
            connection = self._by_fd.get(fd)
            if connection is None:
                continue
            if connection.is_open and events == READING:
                self._read(connection, READ_BYTES)
                while connection.link.is_tls and connection.link.pending():
                    self._read(connection, READ_BYTES)
            else:
                self._look(connection, events)

    def _read(self, connection: Connection, most: int) -> int:
        """The hot path: what follows byte for byte what the first viewer got is right, and only counted."""
        try:
            data = connection.link.socket.recv(most)
        except AGAIN:
            return 0
        except OSError as error:
            self._lost(connection, f"the connection broke: {error.strerror or type(error).__name__}")
            return 0
        read = len(data)
        if not read:
            self._lost(connection, "the connection was closed without a word")
            return 0
        now = time.time()
        if connection.rest:
            data = connection.rest + data
        at, size = 0, len(data)
        line = connection.line
        streams = line.check.streams
        tally, counts = self._tally, self._counts
        is_settled = connection.is_settled
        while at < size:
            if is_settled and size - at > HEADER_SIZE + websocket.HEAD_MAX:
                length = data[at + 1]
                stream = streams.get(data[at + (6 if length == 126 else 12 if length == 127 else 4)])
                node = stream.node.next if stream is not None else None
                if node is not None and data.startswith(node.wire, at):
                    stream.node = node  # type: ignore[union-attr]  # there is a node, so there is a stream
                    at += node.size
                    delay = int((now - node.end_wall) * BINS_PER_S)
                    tally.delays[delay if 0 <= delay < BINS else 0 if delay < 0 else BINS] += 1
                    behind = int((now - node.first_at) * BINS_PER_S)
                    tally.behind_first[behind if behind < BINS else BINS] += 1
                    tally.messages += 1
                    tally.bytes += node.size
                    counts[node.header.rendition] += 1
                    line.viewer.playout.arrived(node.track, now, node.end_wall)
                    line.newest = node
                    connection.part_at = now
                    continue
            end = self._message(connection, data, at, now)
            if end is None:
                break
            if end < 0:
                return read
            at = end
            is_settled = connection.is_settled
        connection.rest = data[at:] if at < size else b""
        return read

    def _message(self, connection: Connection, data: bytes, at: int, now: float) -> int | None:
        """Where this message ends, None while it is not all there, -1 when the connection is gone."""
        try:
            frame = websocket.frame_at(data, at)
            if frame is None:
                return None
            opcode, begin, end = frame
            if opcode == websocket.BINARY:
                return end if self._feed(connection, data[at:end], begin - at, now) else -1
            if opcode == websocket.PING:
                connection.link.send(websocket.masked(websocket.PONG, data[begin:end]))
            elif opcode == websocket.CLOSE:
                code = int.from_bytes(data[begin : begin + 2], "big") if end - begin >= 2 else 1005
                self._lost(connection, f"the socket was closed with {code}")
                return -1
        except (websocket.BadFrame, BadInput) as error:
            self._lost(connection, str(error))
            return -1
        except OSError as error:
            self._lost(connection, f"the connection broke: {error.strerror or type(error).__name__}")
            return -1
        return end

    def _feed(self, connection: Connection, wire: bytes, begin: int, now: float) -> bool:
        """One message of the feed; False when the connection is gone after it."""
        header, payload = unpack(memoryview(wire)[begin:])
        line = connection.line
        match header.kind:
            case Kind.PART:
                return self._part(connection, wire, header, now)
            case Kind.INIT:
                self._meet(wire, header, now)
                connection.inits.add((header.rendition, header.epoch, header.init_id))
            case Kind.RENDITIONS:
                self._programme(line, bytes(payload))
                connection.part_at = now
            case Kind.GAP:
                self._tally.events["gap"] += 1
                line.check.gap(header)
            case Kind.SELECTED:
                self._selected(line, bytes(payload))
            case Kind.MOVE:
                self._tally.events["move"] += 1
                self._move(line, now)
            case Kind.END:
                self._tally.events["end"] += 1
                line.is_over = True
            case Kind.BYE:
                return self._bye(connection, bytes(payload), now)
            case _:
                pass
        return True

    def _part(self, connection: Connection, wire: bytes, header: Header, now: float) -> bool:
        line = connection.line
        if not connection.is_settled:
            self._settled(connection, now)
        node, is_same = self._meet(wire, header, now)
        if not is_same:
            self._tally.faults[DIFFERS] += 1
        connection.part_at = now
        has_init = (header.rendition, header.epoch, header.init_id) in connection.inits
        if not line.check.part(node, has_init):
            self._tally.events["came again"] += 1
            return True
        tally = self._tally
        tally.delays[min(BINS, max(0, int((now - node.end_wall) * BINS_PER_S)))] += 1
        tally.behind_first[min(BINS, int((now - node.first_at) * BINS_PER_S))] += 1
        tally.messages += 1
        tally.bytes += node.size
        self._counts[header.rendition] += 1
        playout = line.viewer.playout
        if node.track == 0:
            playout.with_picture(node.end_wall)
        playout.arrived(node.track, now, node.end_wall)
        line.newest = node
        if line.lost_at:
            tally.away[min(BINS, int((now - line.lost_at) * BINS_PER_S))] += 1
            line.lost_at = 0.0
        return True

    def _settled(self, connection: Connection, now: float) -> None:
        """The first part of a connection: it carries the line from now on."""
        line = connection.line
        connection.is_settled = True
        line.tries = 0
        self._tally.waits[min(BINS, int((now - connection.began) * BINS_PER_S))] += 1
        if line.newest is not None:
            line.check.reopened()
        if line.coming is connection:
            self._tally.events["moved"] += 1
            if line.connection is not None:
                self._drop(line.connection)
            line.connection, line.coming = connection, None

    def _meet(self, wire: bytes, header: Header, now: float) -> tuple[Node, bool]:
        timescale = self._timescales.get(header.rendition, 90_000)
        end_wall = header.wall_us / 1e6 + header.duration / timescale
        node, is_same = self._reference.meet(wire, header, end_wall, now)
        node.track = 1 if header.rendition in self._sound else 0
        return node, is_same

    def _programme(self, line: Line, payload: bytes) -> None:
        programme = self._programmes.get(payload)
        if programme is None:
            programme = as_programme(payload)
            if len(self._programmes) >= PROGRAMMES_MAX:
                self._programmes.clear()
            self._programmes[payload] = programme
            self._names.update({r.id: r.name for r in programme.renditions})
            self._timescales.update({r.id: r.timescale for r in programme.renditions})
            self._sound.update(r.id for r in programme.renditions if r.kind is RenditionKind.AUDIO)
        line.programme = programme
        if programme.renditions:
            line.check.adopt(programme)

    def _selected(self, line: Line, payload: bytes) -> None:
        selected = as_selected(payload)
        self._tally.events[f"selected {selected.rendition or 'no picture'} ({selected.why})"] += 1
        line.check.selected(selected)
        if not selected.rendition:
            line.viewer.playout.without_picture()

    def _move(self, line: Line, now: float) -> None:
        """Make before break: another address first."""
        if line.coming is None and len(line.addresses) > 1:
            line.at += 1
            line.coming = self._connect(line, now)

    def _bye(self, connection: Connection, payload: bytes, now: float) -> bool:
        bye, line = as_bye(payload), connection.line
        self._tally.events[f"bye {bye.code}"] += 1
        if bye.retry_ms < 0:
            line.is_over = True
            if bye.code != "ended":
                self._tally.faults[f"the server said never to come back: {bye.code}"] += 1
        elif line.viewer.group.is_steady:
            self._tally.faults[f"the server said goodbye: {bye.code}"] += 1
        self._drop(connection)
        if line.coming is connection:
            line.coming = None
        elif line.connection is connection:
            line.connection = None
            self._go_on(line, now, max(0, bye.retry_ms) / 1000)
        return False

    # Connecting, and what is not the hot path

    def _connect(self, line: Line, now: float) -> Connection | None:
        """The line's present address; None (and tried again later) where that fails at once."""
        address = line.addresses[line.at % len(line.addresses)]
        group = line.viewer.group
        if address.startswith("wss:") and group.ca_file not in self._contexts:
            self._contexts[group.ca_file] = trusting(group.ca_file)
        try:
            slow = line.viewer.read_bytes_s > 0
            link = Link(address, self._epoll, self._contexts.get(group.ca_file), reads=not slow)
        except OSError as error:
            self._tally.events[f"not connected: {error.strerror}"] += 1
            return None
        connection = Connection(line, address, link, now)
        self._by_fd[link.fd] = connection
        return connection

    def _open(self, line: Line, now: float) -> None:
        line.connection = self._connect(line, now)
        if line.connection is None:
            self._go_on(line, now, random.uniform(*AGAIN_S))

    def _look(self, connection: Connection, events: int) -> None:
        """An event of a connection that is not simply a part to read."""
        link = connection.link
        try:
            if not link.is_connected:
                if link.progress():
                    link.send(self._upgrade(connection))
                return
            link.flush()
        except OSError as error:
            self._lost(connection, f"no connection: {error.strerror or type(error).__name__}")
            return
        if connection.is_open and not link.reads:
            if events & (select.EPOLLHUP | select.EPOLLERR):
                self._read(connection, READ_BYTES)
        elif connection.is_open:
            self._read(connection, READ_BYTES)
        else:
            self._handshake(connection)

    def _upgrade(self, connection: Connection) -> bytes:
        headers = {"Authorization": f"Bearer {connection.line.viewer.ticket}"}
        return websocket.upgrade(connection.address, connection.key, SUBPROTOCOL, headers)

    def _handshake(self, connection: Connection) -> None:
        """Read the answer to the upgrade; say what is wanted."""
        try:
            data = connection.link.socket.recv(HEAD_MAX)
        except AGAIN:
            return
        except OSError as error:
            self._lost(connection, f"no upgrade: {error.strerror}")
            return
        connection.rest += data
        head, found, rest = connection.rest.partition(b"\r\n\r\n")
        if not found:
            if not data or len(connection.rest) > HEAD_MAX:
                self._lost(connection, "the upgrade was not answered")
            return
        refused = websocket.refusal(head, connection.key)
        if refused is not None:
            self._lost(connection, refused)
            return
        connection.is_open, connection.rest = True, rest
        line = connection.line
        self._tally.events["resumed" if line.newest is not None else "opened"] += 1
        connection.link.send(websocket.masked(websocket.TEXT, encode_client(line.greeting()).encode()))
        if line.viewer.read_bytes_s > 0:
            self._slow[connection] = None
            connection.link.only_when_asked()

    def _lost(self, connection: Connection, why: str) -> None:
        """The connection is gone; its line goes on at another address at once, if there is one."""
        line, now = connection.line, time.time()
        self._drop(connection)
        if line.coming is connection:
            line.coming = None
            line.tries += 1
            self._tally.events[f"a move failed: {why}"] += 1
            if line.tries < len(line.addresses):
                self._move(line, now)
            return
        if line.connection is not connection:
            return
        line.connection = None
        if line.is_over:
            return
        (self._tally.faults if line.viewer.group.is_steady else self._tally.events)[why] += 1
        if line.newest is not None and not line.lost_at:
            line.lost_at = now
            self._tally.events["lost"] += 1
        if line.coming is not None:  # on its way already
            line.connection, line.coming = line.coming, None
            return
        self._go_on(line, now, random.uniform(*AGAIN_S))

    def _go_on(self, line: Line, now: float, after_s: float) -> None:
        """Every other address at once, then all of them again after a pause."""
        if line.is_over:
            return
        line.tries += 1
        line.at += 1
        if line.tries < len(line.addresses):
            self._open(line, now)
        else:
            line.retry_at = now + after_s

    def _drop(self, connection: Connection) -> None:
        self._by_fd.pop(connection.link.fd, None)
        self._slow.pop(connection, None)
        connection.link.close()

    def _turn(self, now: float) -> None:
        """A slot's time has passed."""
        while self._waiting and self._waiting[0][0] <= now:
            _, line = self._waiting.popleft()
            if not line.is_over:
                self._open(line, now)
        self._slot = (self._slot + 1) % SLOTS
        if self._slot == 0:
            self._reference.forget(now)
        for line in self._slots[self._slot]:
            self._once_a_second(line, now)
        for connection in list(self._slow):
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
                self._open(line, now)
            return
        if not connection.is_open:
            if now - connection.began > ANSWER_S:
                self._lost(connection, "no answer to the upgrade in time")
            return
        if line.lost_at and line.newest is not None and line.newest.first_at > line.lost_at:  # it overlapped first
            self._tally.away[min(BINS, int((now - line.lost_at) * BINS_PER_S))] += 1
            line.lost_at = 0.0
        self._listen_for_silence(line, connection, now)
        if line.newest is not None:
            try:
                connection.link.send(websocket.masked(websocket.TEXT, _progress(line, line.newest, now)))
            except OSError as error:
                self._lost(connection, f"the connection broke: {error.strerror or type(error).__name__}")

    def _listen_for_silence(self, line: Line, connection: Connection, now: float) -> None:
        runs = line.programme is not None and line.programme.state in RUNNING
        if not runs or line.check.without_picture or line.viewer.read_bytes_s:
            connection.part_at = now
        elif now - (connection.part_at or connection.began) > SILENCE_S:
            self._tally.faults[f"no part for {SILENCE_S:.0f} s"] += 1
            connection.part_at = now

    def _read_a_little(self, connection: Connection) -> None:
        speed = connection.line.viewer.read_bytes_s
        connection.budget = min(connection.budget + speed * SLOT_S, max(speed, LEAST_READ))
        if connection.budget >= LEAST_READ:
            connection.budget -= self._read(connection, int(connection.budget))

    # Counting

    def _close_phase(self) -> None:
        now = time.time()
        self._settle_stalls(now)
        tally = self._tally
        for number, count in enumerate(self._counts):
            if count:
                tally.by_rendition[self._names.get(number, str(number))] += count
        self._counts, self._counts_told = [0] * 256, [0] * 256
        self.tallies.append(tally.close(now, time.process_time()))

    def _settle_stalls(self, now: float) -> None:
        """Faults and stalls of all viewers since this was last done go into the phase."""
        tally = self._tally
        for viewer in self._viewers:
            for line in viewer.lines:
                tally.faults += line.check.faults
                tally.events["switch"] += line.check.switches
                line.check.faults.clear()
                line.check.switches = 0
            playout = viewer.playout
            if playout.lag is not None:
                playout.tick(now, 0.0)
                tally.watched_s += now - viewer.tallied_at
            tally.stalls += playout.stalls - viewer.stalls_told
            tally.stalled_viewers += playout.stalls > viewer.stalls_told
            tally.stall_s += playout.stall_s - viewer.stall_s_told
            viewer.stalls_told, viewer.stall_s_told, viewer.tallied_at = playout.stalls, playout.stall_s, now


def _progress(line: Line, newest: Node, now: float) -> bytes:
    """What was received, and what the page's playhead would be at."""
    header, programme = newest.header, line.programme
    lag = line.viewer.playout.lag
    played = (header.msn, header.part)
    if lag is not None and programme is not None:
        in_segment = max(1, round(programme.segment_s / programme.part_s))
        ahead = max(0, int((newest.end_wall - (now - lag)) / programme.part_s))
        number = max(0, header.msn * in_segment + header.part - ahead)
        played = divmod(number, in_segment)
    return encode_client(Progress(*played, max(0, round((lag or 0.0) * 1000)), (header.msn, header.part))).encode()
