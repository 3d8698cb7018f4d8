"""The board: questions, their states, who may see them, and what each event of the log does to them. Rules only.

A `Board` is one server process's copy of an event's questions: a snapshot of the store, then one log entry after the other,
so that all processes agree. Nothing here decides by itself that a question moves: `check_move` says whether a moderator
may, the store's script moves it, and the log entry that comes back is applied.

    pending ─► published ⇄ next ─► now ─► answered        (moves: ALLOWED)
       └─► declined    └──► hidden, and back to published
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from plenum.errors import BadInput
from plenum.event import Moderation


class State(StrEnum):
    PENDING = "pending"
    PUBLISHED = "published"
    NEXT = "next"
    NOW = "now"
    ANSWERED = "answered"
    DECLINED = "declined"
    HIDDEN = "hidden"


ALLOWED: dict[State, frozenset[State]] = {
    # Where a moderator may move a question from a state (left). Showing a pending question approves it too.
    State.PENDING: frozenset({State.PUBLISHED, State.DECLINED, State.NEXT, State.NOW}),
    State.PUBLISHED: frozenset({State.NEXT, State.NOW, State.ANSWERED, State.HIDDEN}),
    State.NEXT: frozenset({State.PUBLISHED, State.NOW, State.ANSWERED, State.HIDDEN}),
    State.NOW: frozenset({State.PUBLISHED, State.NEXT, State.ANSWERED, State.HIDDEN}),
    State.ANSWERED: frozenset({State.PUBLISHED, State.HIDDEN}),
    State.DECLINED: frozenset({State.PUBLISHED}),
    State.HIDDEN: frozenset({State.PUBLISHED}),
}
PUBLIC = frozenset({State.PUBLISHED, State.NEXT, State.NOW, State.ANSWERED})
"""What everybody sees; the other states are for staff and the author."""
VOTABLE = frozenset({State.PUBLISHED, State.NEXT})
DISPLACED: dict[State, State] = {
    # There is exactly one of each: what becomes of the one that stood there before.
    State.NOW: State.ANSWERED,
    State.NEXT: State.PUBLISHED,
}
START = "0-0"
"""The log position before the first entry."""


def check_move(current: State, to: State) -> None:
    """Raises BadInput `bad_move` unless a moderator may move a question so."""
    if to not in ALLOWED[current]:
        raise BadInput(f"A question cannot go from '{current}' to '{to}'.", code="bad_move")


class Audience(StrEnum):
    """Whom a log entry is for, as the log's field `a` has it."""

    EVERYBODY = "p"
    STAFF = "m"
    STAFF_AND_AUTHOR = "ma"
    """The author is found through the question: the log never sets a person beside it."""


def audience_of(*states: State) -> Audience:
    """Who learns of a move between these states: everybody, if one of them is public."""
    return Audience.EVERYBODY if PUBLIC.intersection(states) else Audience.STAFF_AND_AUTHOR


class Item(msgspec.Struct, frozen=True):
    """A question with what only the system knows of it."""

    id: str
    n: int
    text: str
    author: int
    """The asker's participant number; known to the system only when `conf`."""
    conf: bool
    lang: str
    state: State
    at: int
    state_at: int
    reason: str = ""
    name: str = ""
    """The asker's display name; always empty when `conf`."""
    votes: int = 0


class Box(msgspec.Struct, frozen=True):
    """How questions are taken."""

    mode: Moderation = Moderation.PRE
    open: bool = True


class EventOnBoard(msgspec.Struct, frozen=True):
    """What the pages need to know of the event itself. Times are Unix milliseconds, 0: not yet."""

    state: str = "scheduled"
    live_at: int = 0
    ended_at: int = 0


class Asked(msgspec.Struct, frozen=True):
    """Log: a question came in."""

    q: str
    state: State


class Moved(msgspec.Struct, frozen=True):
    """Log: a question changed its state. `reason` is the moderator's."""

    q: str
    from_: State = msgspec.field(name="from")
    to: State
    reason: str = ""


class BoxSet(msgspec.Struct, frozen=True):
    """Log: pre-moderation or the box changed."""

    mode: Moderation
    open: bool


class EventMoved(msgspec.Struct, frozen=True):
    """Log: the event went live or ended, `since` Unix milliseconds."""

    state: str
    since: int


Fact = Asked | Moved | BoxSet | EventMoved


class Entry(msgspec.Struct, frozen=True):
    """One entry of the event's log."""

    id: str
    """`<seq>-<ms>`: the number orders, the time tells two histories apart after a failover."""
    audience: Audience
    at: int
    fact: Fact

    @property
    def seq(self) -> int:
        return sequence(self.id)

    @property
    def question(self) -> str:
        return self.fact.q if isinstance(self.fact, Asked | Moved) else ""


def sequence(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])


class Contents(msgspec.Struct, frozen=True):
    """Everything the store knows of a board at one log position."""

    ep: str
    last_id: str
    v: int
    items: tuple[Item, ...] = ()
    box: Box = Box()
    event: EventOnBoard = EventOnBoard()


class Board:
    """One event's questions as this process knows them."""

    def __init__(self, contents: Contents) -> None:
        self.ep = contents.ep
        self.last_id = contents.last_id
        self.v = contents.v
        self.items = {item.id: item for item in contents.items}
        self.box = contents.box
        self.event = contents.event

    @property
    def last_seq(self) -> int:
        return sequence(self.last_id)

    def add(self, items: Iterable[Item]) -> None:
        """Texts of questions that a coming entry names; known ones stay as they are."""
        for item in items:
            self.items.setdefault(item.id, item)

    def apply(self, entry: Entry) -> None:
        """The board after the entry, which must be the next one."""
        self.last_id = entry.id
        match entry.fact:
            case Asked(q=q, state=state):
                self._move(q, state, entry.at, "")
            case Moved(q=q, to=to, reason=reason):
                self._move(q, to, entry.at, reason)
            case BoxSet(mode=mode, open=is_open):
                self.box = Box(mode, is_open)
            case EventMoved(state=state_name, since=since):
                self.event = _event_after(self.event, state_name, since)

    def _move(self, q: str, state: State, at: int, reason: str) -> None:
        item = self.items.get(q)
        if item is not None:
            self.items[q] = msgspec.structs.replace(item, state=state, state_at=at, reason=reason)

    def count(self, v: int, votes: dict[str, int]) -> dict[str, int]:
        """New vote counts, as of tally version `v`; returns those that differ from what we knew.

        A count of a question that the log has not told us of yet keeps our version where it is: it is read again.
        """
        changed = {q: n for q, n in votes.items() if q in self.items and self.items[q].votes != n}
        for q, n in changed.items():
            self.items[q] = msgspec.structs.replace(self.items[q], votes=n)
        if all(q in self.items for q in votes):
            self.v = max(self.v, v)
        return changed

    def public(self) -> list[Item]:
        return [item for item in self.items.values() if item.state in PUBLIC]

    def once_public(self) -> list[Item]:
        """Questions that somebody may have voted for: a hidden one may return."""
        return [item for item in self.items.values() if item.state in PUBLIC or item.state is State.HIDDEN]

    def private_of(self, author: int) -> list[Item]:
        """This person's questions that others do not see."""
        return [item for item in self.items.values() if item.author == author and item.state not in PUBLIC]

    def asked_by(self, author: int) -> list[str]:
        return [item.id for item in self.items.values() if item.author == author]

    def votable(self) -> list[str]:
        return [item.id for item in self.items.values() if item.state in VOTABLE]

    def pending(self) -> int:
        return sum(1 for item in self.items.values() if item.state is State.PENDING)


def _event_after(event: EventOnBoard, state: str, since: int) -> EventOnBoard:
    if state == "live":
        return EventOnBoard("live", since, 0)
    if state == "ended":
        return EventOnBoard("ended", event.live_at, since)
    return EventOnBoard(state, event.live_at, event.ended_at)
