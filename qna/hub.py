"""What each audience is told, and the telling: one frame per audience, made once, written to every seat. Rules only.

A *seat* is one connected page. The hub decides what its view may contain (staff, everybody, the question's author), keeps
its chain of event ids whole, and gives up on seats that do not read: first they miss events and get `resync` once they
have caught up, then `bye`. Frames are finished WebSocket messages (FACTS.md 13: building them once is most of the gain).

`tell` and the others are generators: they stop after a slice of seats so that the caller can let others run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Protocol

import msgspec

from qna import protocol
from qna.board import PUBLIC, START, Asked, Audience, Board, BoxSet, Entry, EventMoved, Item, Moved, State, sequence

SLICE = 200
SLICE_S = 0.002
BACKLOG_LIMIT = 256 * 1024
"""A seat whose unsent bytes exceed this (and its snapshot) has stopped reading."""
TALLY_BACKLOG = 16 * 1024
"""A seat with more than this unsent skips tallies: the next one carries everything."""
LAG_LIMIT_S = 60.0
COME_BACK_MS = 5000


class View(StrEnum):
    """Through whose eyes: what may be shown differs by these three only."""

    STAFF = "staff"
    EVERYBODY = "everybody"
    AUTHOR = "author"


class Wire(Protocol):
    """The one thing a seat needs of its connection."""

    def write(self, frame: bytes) -> None: ...

    def backlog(self) -> int: ...

    def abort(self) -> None: ...


def text_frame(payload: bytes) -> bytes:
    """A finished text message of a server: FIN, opcode 1, no mask (RFC 6455 5.2)."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def message_frame(message: protocol.ServerMessage) -> bytes:
    return text_frame(protocol.encode(message))


PING = message_frame(protocol.Ping())
STORE_UP = message_frame(protocol.StoreState("up"))
STORE_DOWN = message_frame(protocol.StoreState("down"))


class Seat:
    """One connected page: who sits there, what it has been told."""

    __slots__ = (
        "counts",
        "is_admitted",
        "is_stale",
        "lagging_since",
        "last_id",
        "limit",
        "may_moderate",
        "participant",
        "staff",
        "v",
        "wire",
    )

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.participant = -1
        self.staff = False
        """Whether it sees what staff sees."""
        self.may_moderate = False
        """Whether the person is staff, whatever they look at."""
        self.counts = False
        """Whether this person is part of the audience (not staff, not the presenter)."""
        self.is_admitted = False
        """Whether it has the board, so that events may follow."""
        self.is_stale = False
        """Whether that board was an old one because the store was away."""
        self.last_id = START
        self.v = -1
        self.limit = BACKLOG_LIMIT
        self.lagging_since: float | None = None

    def say(self, message: protocol.ServerMessage) -> None:
        """Something for this seat alone."""
        self.wire.write(message_frame(message))

    def has_room(self, now: float) -> bool:
        """Whether to go on telling it things; a seat that lags is told nothing until `Hub.sweep` frees it."""
        if self.lagging_since is not None:
            return False
        if self.wire.backlog() > self.limit:
            self.lagging_since = now
            return False
        return True

    def view_of(self, item: Item | None) -> View:
        if self.staff:
            return View.STAFF
        return View.AUTHOR if item is not None and item.author == self.participant else View.EVERYBODY


def shown(item: Item, state: State, state_at: int, reason: str = "") -> protocol.Question:
    """A question as it may appear on a screen: a confidential one without its author, on any."""
    return protocol.Question(
        id=item.id,
        n=item.n,
        text=item.text,
        author=None if item.conf else item.name,
        conf=item.conf,
        lang=item.lang,
        state=state,
        at=item.at,
        state_at=state_at,
        reason=reason,
    )


def happening(entry: Entry, item: Item | None, view: View) -> protocol.Happening | None:
    """What a view is told of a log entry; None: nothing. `item` is the entry's question as it is now.

    An old entry told late never shows a text that has left the view since (resume must not leak).
    """
    fact = entry.fact
    if isinstance(fact, BoxSet):
        return protocol.Box(fact.mode, fact.open)
    if isinstance(fact, EventMoved):
        return protocol.EventMoved(fact.state, fact.since)
    if item is None or (view is View.EVERYBODY and entry.audience is not Audience.EVERYBODY):
        return None
    may_show = view is not View.EVERYBODY or item.state in PUBLIC
    if isinstance(fact, Asked):
        return protocol.Asked(shown(item, fact.state, entry.at)) if may_show else None
    is_new_here = view is View.EVERYBODY and fact.from_ not in PUBLIC and fact.to in PUBLIC
    return protocol.Moved(
        q=fact.q,
        from_=fact.from_,
        to=fact.to,
        at=entry.at,
        # The reason is between the moderators and the author.
        reason=fact.reason if fact.reason and view is not View.EVERYBODY else msgspec.UNSET,
        question=shown(item, fact.to, entry.at) if is_new_here and may_show else msgspec.UNSET,
    )


KINDS: dict[type, str] = {Asked: "q.new", Moved: "q.state", BoxSet: "box", EventMoved: "event.state"}


class Telling:
    """One log entry on its way to many seats: a frame per view and predecessor, each made once."""

    def __init__(self, entry: Entry, item: Item | None) -> None:
        self._entry = entry
        self._item = item
        self._seq = entry.seq
        self._happenings: dict[View, protocol.Happening | None] = {}
        self._frames: dict[tuple[View, str], bytes] = {}

    def to(self, seat: Seat) -> None:
        """Write the entry to a seat that has not had it, if it may know."""
        if sequence(seat.last_id) >= self._seq:
            return
        view = seat.view_of(self._item)
        frame = self._frames.get((view, seat.last_id)) or self._make(view, seat.last_id)
        if frame:
            seat.wire.write(frame)
            seat.last_id = self._entry.id

    def _make(self, view: View, prev: str) -> bytes:
        if view not in self._happenings:
            self._happenings[view] = happening(self._entry, self._item, view)
        told = self._happenings[view]
        if told is None:
            return b""
        frame = message_frame(protocol.Ev(self._entry.id, prev, KINDS[type(self._entry.fact)], told))
        self._frames[view, prev] = frame
        return frame


class Snapshots:
    """Snapshots of a board, their common part encoded once per change."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._made_at: tuple[str, int] = ("", -1)
        self._parts: dict[bool, tuple[msgspec.Raw, msgspec.Raw]] = {}

    def give(self, seat: Seat, voted: list[str], aud: int) -> None:
        """Send the whole board to a seat and let events follow."""
        board = self._board
        questions, votes = self._common(seat.staff)
        if not seat.staff:
            own = [shown(item, item.state, item.state_at, item.reason) for item in board.private_of(seat.participant)]
            questions = _joined(questions, own)
        frame = message_frame(
            protocol.Snap(
                id=board.last_id,
                ep=epoch_of(seat, board),
                v=board.v,
                questions=questions,
                votes=votes,
                me=protocol.Me(voted, board.asked_by(seat.participant)),
                box=protocol.Box(board.box.mode, board.box.open),
                event=protocol.EventOnBoard(board.event.state, board.event.live_at, board.event.ended_at),
                aud=aud,
            )
        )
        seat.wire.write(frame)
        seat.limit = BACKLOG_LIMIT + len(frame)
        seat.last_id, seat.v, seat.lagging_since = board.last_id, board.v, None

    def _common(self, staff: bool) -> tuple[msgspec.Raw, msgspec.Raw]:
        made_at = (self._board.last_id, self._board.v)
        if made_at != self._made_at:
            self._made_at = made_at
            self._parts.clear()
        if staff not in self._parts:
            items = list(self._board.items.values()) if staff else self._board.public()
            reasons = {item.id: item.reason if staff else "" for item in items}
            questions = [shown(item, item.state, item.state_at, reasons[item.id]) for item in items]
            votes = {item.id: item.votes for item in items}
            self._parts[staff] = (protocol.encode_part(questions), protocol.encode_part(votes))
        return self._parts[staff]


def epoch_of(seat: Seat, board: Board) -> str:
    """The epoch as a seat sees it: a position is good for the same person and the same eyes only."""
    return f"{board.ep}.{'s' if seat.staff else 'v'}{seat.participant}"


def _joined(common: msgspec.Raw, own: list[protocol.Question]) -> msgspec.Raw:
    """Two JSON lists as one."""
    if not own:
        return common
    head, tail = bytes(common), bytes(protocol.encode_part(own))
    return msgspec.Raw(tail if head == b"[]" else head[:-1] + b"," + tail[1:])


class Hub:
    """The seats of one event."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.seats: set[Seat] = set()
        self._audience: Counter[int] = Counter()

    def add(self, seat: Seat) -> None:
        """The seat has the board: events follow."""
        seat.is_admitted = True
        if seat not in self.seats:
            self.seats.add(seat)
            if seat.counts:
                self._audience[seat.participant] += 1

    def remove(self, seat: Seat) -> None:
        seat.is_admitted = False
        if seat in self.seats:
            self.seats.discard(seat)
            if seat.counts:
                self._audience[seat.participant] -= 1
                self._audience += Counter()  # drops those at zero

    def audience(self) -> int:
        """People, not seats: two tabs are one person."""
        return len(self._audience)

    def tell(self, entry: Entry, item: Item | None) -> Iterator[None]:
        """A log entry, to whom it concerns."""
        yield from self._spread(Telling(entry, item).to)

    def tally(self, since: int, changed: dict[str, int], board: Board, aud: int) -> Iterator[None]:
        """Counts that changed after version `since`; a seat that missed a tally gets all counts."""
        frames: dict[tuple[bool, bool], bytes] = {}

        def make(staff: bool, whole: bool) -> bytes:
            known = {item.id: item.votes for item in (board.items.values() if staff else board.public())}
            counts = known if whole else {q: n for q, n in changed.items() if q in known}
            return message_frame(protocol.Tally(board.v, counts, aud))

        def step(seat: Seat) -> None:
            if seat.wire.backlog() > TALLY_BACKLOG:
                return
            key = (seat.staff, seat.v < since)
            if key not in frames:
                frames[key] = make(*key)
            seat.wire.write(frames[key])
            seat.v = board.v

        yield from self._spread(step)

    def recount(self, seat: Seat, board: Board, aud: int) -> None:
        """All counts to one seat that resumed: its own are of an unknown age."""
        counts = {item.id: item.votes for item in (board.items.values() if seat.staff else board.public())}
        seat.say(protocol.Tally(board.v, counts, aud))
        seat.v = board.v

    def broadcast(self, frame: bytes) -> Iterator[None]:
        """The same to everybody."""
        yield from self._spread(lambda seat: seat.wire.write(frame))

    def _spread(self, step: Callable[[Seat], None]) -> Iterator[None]:
        """Do `step` for every seat that reads, stopping between slices."""
        now = self._now()
        slice_ends = now + SLICE_S
        for number, seat in enumerate(tuple(self.seats), start=1):
            if seat.is_admitted and seat.has_room(now):
                step(seat)
            if number % SLICE == 0 or (number % 16 == 0 and self._now() > slice_ends):
                yield
                now = self._now()
                slice_ends = now + SLICE_S

    def resync(self, seats: Iterable[Seat], reason: str) -> None:
        """These must say hello again; nothing is told to them before."""
        frame = message_frame(protocol.Resync(reason))
        for seat in tuple(seats):
            self.remove(seat)
            seat.lagging_since = None
            seat.is_stale = False
            seat.wire.write(frame)

    def sweep(self, now: float) -> None:
        """Seats that lagged and have read everything start anew; those that lag for too long leave."""
        lagging = [(seat, seat.lagging_since) for seat in self.seats if seat.lagging_since is not None]
        self.resync([seat for seat, _ in lagging if seat.wire.backlog() == 0], "lagging")
        for seat, since in lagging:
            if seat.lagging_since is not None and since is not None and now - since > LAG_LIMIT_S:
                seat.say(protocol.Bye("too_slow", COME_BACK_MS))
                seat.wire.abort()
                self.remove(seat)
