"""What comes over the feed's connections: for each part one read, one comparison, a few additions.

`Feed.read` is the hot path: 20,000 times a second. All else goes through `_message`.
"""

from __future__ import annotations

import time

from loadtests.swarm import websocket
from loadtests.swarm.checks import DIFFERS, Node, Reference
from loadtests.swarm.connection import AGAIN, broken
from loadtests.swarm.failover import Failover
from loadtests.swarm.phases import Phases
from loadtests.swarm.push_viewer import Connection, Line
from loadtests.swarm.tally import BINS, BINS_PER_S
from plenum.errors import BadInput
from plenum.media import Programme, RenditionKind
from plenum.wire import HEADER_SIZE, Header, Kind, as_bye, as_programme, as_selected, unpack

PROGRAMMES_MAX = 64


class Announced:
    """What programmes said of renditions, by number. A programme is read once for all who got the same bytes."""

    def __init__(self) -> None:
        self._programmes: dict[bytes, Programme] = {}
        self._names: dict[int, str] = {}
        self._timescales: dict[int, int] = {}
        self._sound: set[int] = set()

    def programme(self, payload: bytes) -> Programme:
        """Raises BadInput."""
        found = self._programmes.get(payload)
        if found is None:
            found = as_programme(payload)
            if len(self._programmes) >= PROGRAMMES_MAX:
                self._programmes.clear()
            self._programmes[payload] = found
            self._names.update({r.id: r.name for r in found.renditions})
            self._timescales.update({r.id: r.timescale for r in found.renditions})
            self._sound.update(r.id for r in found.renditions if r.kind is RenditionKind.AUDIO)
        return found

    def name(self, rendition: int) -> str:
        return self._names.get(rendition, str(rendition))

    def end_wall(self, header: Header) -> float:
        """Capture of the last sample, Unix seconds."""
        return header.wall_us / 1e6 + header.duration / self._timescales.get(header.rendition, 90_000)

    def track(self, rendition: int) -> int:
        """0 for the picture, 1 for the sound."""
        return 1 if rendition in self._sound else 0


class Feed:
    """Reads all connections of one process."""

    def __init__(self, reference: Reference, failover: Failover, phases: Phases) -> None:
        self._reference = reference
        self._failover = failover
        self._phases = phases
        self._announced = Announced()
        self._counts = [0] * 256
        """Parts in this phase, by rendition."""
        self._counts_told = [0] * 256

    def read(self, connection: Connection, most: int) -> int:
        """The hot path: what follows byte for byte what the first viewer got is right, and only counted."""
        try:
            data = connection.link.socket.recv(most)
        except AGAIN:
            return 0
        except OSError as error:
            self._failover.lost(connection, broken(error))
            return 0
        read = len(data)
        if not read:
            self._failover.lost(connection, "the connection was closed without a word")
            return 0
        now = time.time()
        if connection.rest:
            data = connection.rest + data
        at, size = 0, len(data)
        line = connection.line
        streams = line.check.streams
        tally, counts = self._phases.tally, self._counts
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

    def name(self, rendition: int) -> str:
        return self._announced.name(rendition)

    def lately(self) -> dict[str, int]:
        """Parts by rendition since this was last asked."""
        told, self._counts_told = self._counts_told, self._counts.copy()
        return {
            self._announced.name(number): now - told[number]
            for number, now in enumerate(self._counts)
            if now > told[number]
        }

    def settle(self) -> None:
        """The phase ends: its parts by rendition go into its tally."""
        for number, count in enumerate(self._counts):
            if count:
                self._phases.tally.by_rendition[self._announced.name(number)] += count
        self._counts, self._counts_told = [0] * 256, [0] * 256

    def _message(self, connection: Connection, data: bytes, at: int, now: float) -> int | None:
        """Where this message ends, None while it is not all there, -1 when the connection is gone."""
        try:
            frame = websocket.frame_at(data, at)
            if frame is None:
                return None
            opcode, begin, end = frame
            if opcode == websocket.BINARY:
                return end if self._binary(connection, data[at:end], begin - at, now) else -1
            if opcode == websocket.PING:
                connection.link.send(websocket.masked(websocket.PONG, data[begin:end]))
            elif opcode == websocket.CLOSE:
                code = int.from_bytes(data[begin : begin + 2], "big") if end - begin >= 2 else 1005
                self._failover.lost(connection, f"the socket was closed with {code}")
                return -1
        except (websocket.BadFrame, BadInput) as error:
            self._failover.lost(connection, str(error))
            return -1
        except OSError as error:
            self._failover.lost(connection, broken(error))
            return -1
        return end

    def _binary(self, connection: Connection, wire: bytes, begin: int, now: float) -> bool:
        """One message of the feed; False when the connection is gone after it."""
        header, payload = unpack(memoryview(wire)[begin:])
        line = connection.line
        match header.kind:
            case Kind.PART:
                self._part(connection, wire, header, now)
            case Kind.INIT:
                self._meet(wire, header, now)
                connection.inits.add((header.rendition, header.epoch, header.init_id))
            case Kind.RENDITIONS:
                self._programme(line, bytes(payload))
                connection.part_at = now
            case Kind.GAP:
                self._phases.tally.events["gap"] += 1
                if connection.is_settled:
                    line.check.gap(header)
                else:
                    connection.gaps.append(header)
            case Kind.SELECTED:
                self._selected(connection, bytes(payload), now)
            case Kind.MOVE:
                self._phases.tally.events["move"] += 1
                self._failover.told_to_move(line, now)
            case Kind.END:
                self._phases.tally.events["end"] += 1
                line.is_over = True
            case Kind.BYE:
                self._failover.dismissed(connection, as_bye(bytes(payload)), now)
                return False
            case _:
                pass
        return True

    def _part(self, connection: Connection, wire: bytes, header: Header, now: float) -> None:
        line, tally = connection.line, self._phases.tally
        if not connection.is_settled:
            self._failover.settled(connection, now)
        node, is_same = self._meet(wire, header, now)
        if not is_same:
            tally.faults[DIFFERS] += 1
        connection.part_at = now
        has_init = (header.rendition, header.epoch, header.init_id) in connection.inits
        if not line.check.part(node, has_init):
            tally.events["came again"] += 1
            return
        tally.arrived(now, node.end_wall, node.first_at, node.size)
        self._counts[header.rendition] += 1
        playout = line.viewer.playout
        if node.track == 0:
            playout.with_picture(now, node.end_wall)
        playout.arrived(node.track, now, node.end_wall)
        line.newest = node
        if line.lost_at:
            line.goes_on(tally, now)

    def _meet(self, wire: bytes, header: Header, now: float) -> tuple[Node, bool]:
        payload_at = websocket.head_size(wire) + HEADER_SIZE
        node, is_same = self._reference.meet(wire, header, self._announced.end_wall(header), now, payload_at)
        node.track = self._announced.track(header.rendition)
        return node, is_same

    def _programme(self, line: Line, payload: bytes) -> None:
        line.programme = programme = self._announced.programme(payload)
        if programme.renditions:
            line.check.adopt(programme)

    def _selected(self, connection: Connection, payload: bytes, now: float) -> None:
        selected, line = as_selected(payload), connection.line
        self._phases.tally.events[f"selected {selected.rendition or 'no picture'} ({selected.why})"] += 1
        line.check.choices.append(selected.rendition)
        if connection.is_settled or not selected.rendition:
            line.check.selected(selected)
        else:
            connection.promised = selected
        if not selected.rendition:
            line.viewer.playout.without_picture(now)
