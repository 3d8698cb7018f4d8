"""Whether what a line of the swarm received is right: sequence, switches, and every byte. Rules only; time is an argument.

`Reference` keeps each message as the first viewer of this process got it, chained to the one that follows it. A viewer that
gets the very bytes of the next link needs no more than that comparison: position, init segment and time were judged once,
for the first. Whatever differs takes the long way through `LineCheck`. At the end `differing_from` compares what the first
viewers got with the source itself: a byte that the server got wrong for everybody alike is found there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from hashlib import blake2b

from loadtests.users.continuity import hole
from plenum.media import Programme, RenditionKind
from plenum.wire import Flag, Header, Kind, Selected

Key = tuple[int, int, int, int, int]
"""kind, rendition, epoch, then msn and part, or the init id and 0."""

Place = tuple[int, int]
"""Media sequence number and part."""
Address = tuple[str, int, int]
"""A part: rendition by name, then its place."""
Source = Callable[[Address], bytes | None]
"""The digest of a part's payload as it was made; None where the source does not know that part."""

HELD_S = 20.0
"""So long bytes are held for those who are behind; then their digest alone."""
CHOICES_MAX = 64
DIGESTS_MAX = 200_000
_GONE = b"\0"
"""Instead of bytes that are not held any more: no frame of a server begins with it."""
BACK = "a number went back"
DIFFERS = "the bytes of a part are not those that the first viewer got"
_AT_MOST_APART_S = 0.02
"""Renditions are cut at the same instant; the wall clock is written per rendition."""


class Node:
    """One message as the first viewer got it."""

    __slots__ = ("digest", "end_wall", "first_at", "header", "next", "payload", "size", "track", "wire")

    def __init__(self, wire: bytes, header: Header, end_wall: float, now: float, payload_at: int) -> None:
        self.wire = wire
        self.header = header
        self.size = len(wire)
        self.end_wall = end_wall
        """Capture of the last sample, Unix seconds."""
        self.first_at = now
        self.next: Node | None = None
        """What follows in this rendition under the same init segment."""
        self.digest = digest(wire)
        self.payload = digest(wire[payload_at:])
        """What the source can be asked about: not the header, which says when it was."""
        self.track = 0
        """0 for the picture, 1 for the sound."""

    def is_same(self, wire: bytes) -> bool:
        return wire == self.wire if self.wire is not _GONE else digest(wire) == self.digest


def digest(wire: bytes) -> bytes:
    return blake2b(wire, digest_size=8).digest()


def key_of(header: Header) -> Key:
    if header.kind is Kind.INIT:
        return (header.kind, header.rendition, header.epoch, header.init_id, 0)
    return (header.kind, header.rendition, header.epoch, header.msn, header.part)


class Reference:
    """What this process's viewers got, message by message."""

    def __init__(self, held_s: float = HELD_S) -> None:
        self._held_s = held_s
        self._nodes: dict[Key, Node] = {}
        self._order: deque[tuple[float, Node]] = deque()

    def meet(self, wire: bytes, header: Header, end_wall: float, now: float, payload_at: int = 0) -> tuple[Node, bool]:
        """The message's node, and whether these bytes are its bytes; the first one to come sets them."""
        key = key_of(header)
        node = self._nodes.get(key)
        if node is not None:
            return node, node.is_same(wire)
        node = self._nodes[key] = Node(wire, header, end_wall, now, payload_at)
        self._order.append((now, node))
        return node, True

    def forget(self, now: float) -> None:
        """Let go of bytes that have been held long enough, of their digests when there are too many."""
        while self._order and self._order[0][0] < now - self._held_s:
            _, node = self._order.popleft()
            node.wire, node.next = _GONE, None
        while len(self._nodes) > DIGESTS_MAX:
            del self._nodes[next(iter(self._nodes))]

    def digests(self) -> dict[Key, bytes]:
        return {key: node.digest for key, node in self._nodes.items()}

    def payloads(self, name: Callable[[int], str]) -> dict[Address, bytes]:
        """Of all parts, their renditions by name."""
        return {
            (name(node.header.rendition), node.header.msn, node.header.part): node.payload
            for node in self._nodes.values()
            if node.header.kind is Kind.PART
        }


def differing(tables: list[dict[Key, bytes]]) -> int:
    """How many messages were not the same in two processes."""
    seen: dict[Key, bytes] = {}
    different = set()
    for table in tables:
        for key, found in table.items():
            if seen.setdefault(key, found) != found:
                different.add(key)
    return len(different)


def differing_from(source: Source, got: Mapping[Address, bytes]) -> tuple[int, int]:
    """How many parts are not what the source made, and how many it knows at all."""
    pairs = [(made, found) for address, found in got.items() if (made := source(address)) is not None]
    return sum(made != found for made, found in pairs), len(pairs)


class Stream:
    """One rendition on one line: the last part of it."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


class LineCheck:
    """What one line, over all connections that carried it, was sent."""

    def __init__(self, is_auto: bool = False, may_skip: bool = False) -> None:
        self.streams: dict[int, Stream] = {}
        self.faults: Counter[str] = Counter()
        self.gaps = 0
        self.switches = 0
        self.choices: deque[str] = deque(maxlen=CHOICES_MAX)
        """What the server said to choose, in order; "" for no picture."""
        self.without_picture = False
        """The server said that the line carries none for now."""
        self._is_auto = is_auto
        self._may_skip = may_skip
        self._video: dict[int, str] = {}
        self._announced: Selected | None = None
        self._gapped: set[int] = set()
        self._repeats: set[int] = set()
        """Renditions of which a new connection may send again what came by the old one …"""
        self._again_from: Place = (0, 0)
        """… from here on: the segment before the one in which the line broke, for who is a little behind."""
        self._high: dict[int, tuple[int, Place]] = {}
        """The newest epoch and place of each rendition that this line ever got: gaps, switches and reconnects do not lower it."""

    def adopt(self, programme: Programme) -> None:
        self._video = {r.id: r.name for r in programme.renditions if r.kind is RenditionKind.VIDEO}

    def reopened(self) -> None:
        """Another connection carries on."""
        for number in self.streams:
            self._note(number)
        self._repeats = set(self._high)
        if self._high:
            self._again_from = max(0, max(place[0] for _, place in self._high.values()) - 1), 0
        self._announced = None

    def is_video(self, rendition: int) -> bool:
        return rendition in self._video

    def selected(self, selected: Selected) -> None:
        self._announced = selected
        self.switches += 1
        if not selected.rendition:
            self.without_picture = True

    def gap(self, header: Header) -> None:
        self.gaps += 1
        self._note(header.rendition)
        self.streams.pop(header.rendition, None)
        self._gapped.add(header.rendition)
        if not self._may_skip:
            self.faults["the server skipped parts"] += 1

    def part(self, node: Node, has_init: bool) -> bool:
        """Judge a part that did not come as the next link; False when it came before and is let pass."""
        header = node.header
        if not has_init:
            self.faults["a part came before its init segment"] += 1
        self._note(header.rendition)
        is_back = self._is_back(header)
        stream = self.streams.get(header.rendition)
        if stream is None:
            self._open(node)
            return True
        before = stream.node
        if header.rendition in self._repeats:
            if is_back:
                return False
            self._repeats.discard(header.rendition)
        fault = hole(before.header, header)
        if fault:
            self.faults[fault] += 1
        elif before.next is None and before.header.init_id == header.init_id and before.header.epoch == header.epoch:
            before.next = node
        stream.node = node
        return True

    def _note(self, rendition: int) -> None:
        """The parts that came as the next link are noted when something else comes."""
        stream = self.streams.get(rendition)
        if stream is not None:
            newest = stream.node.header.epoch, _place(stream.node.header)
            self._high[rendition] = max(self._high.get(rendition, newest), newest)

    def _is_back(self, header: Header) -> bool:
        """Not newer than what came of this rendition; a fault, unless a new connection may send it again."""
        if header.rendition not in self._high:
            return False
        epoch, place = self._high[header.rendition]
        is_back = header.epoch < epoch or _place(header) <= place
        may_repeat = header.rendition in self._repeats and header.epoch == epoch and _place(header) >= self._again_from
        if is_back and not may_repeat:
            self.faults[BACK] += 1
        return is_back

    def _open(self, node: Node) -> None:
        """The first part of a rendition on this line."""
        header = node.header
        if self._is_auto and header.rendition in self._video:
            self._switch(node)
        elif header.rendition not in self._gapped and header.part != 0:
            self.faults["the first part does not open a segment"] += 1
        elif Flag.INDEPENDENT not in header.flags:
            self.faults["a rendition began where no decoder can begin"] += 1
        self._gapped.discard(header.rendition)
        self.streams[header.rendition] = Stream(node)

    def _switch(self, node: Node) -> None:
        """Another picture than until now: announced, from a key frame on, without a hole unless the old one was given up."""
        header, told = node.header, self._announced
        if Flag.INDEPENDENT not in header.flags:
            self.faults["a rendition began where no decoder can begin"] += 1
        if told is None or self._video[header.rendition] != told.rendition:
            self.faults["a picture came that was not announced"] += 1
        olds = [number for number in self.streams if number in self._video]
        broken = (told is not None and told.abandoned) or self.without_picture or header.rendition in self._gapped
        end = max((self.streams[number].node.end_wall for number in olds), default=None)
        if end is not None and not broken and header.wall_us / 1e6 > end + _AT_MOST_APART_S:
            self.faults["the picture has a hole where it was switched"] += 1
        for number in olds:
            self._note(number)
            del self.streams[number]
        self.without_picture = False


def _place(header: Header) -> Place:
    return header.msn, header.part
