"""How a page comes to its seat: with the whole board, with what it missed, or, the store away, with what we knew last.

The room's loop tells seats what happens from then on; between the two no entry may fall.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from typing import Protocol

from plenum.errors import Unavailable
from qna import protocol
from qna.board import Board, Entry, sequence
from qna.groups import Groups
from qna.history import RING, History
from qna.hub import Hub, Seat, Telling, epoch_of
from qna.store import QuestionStore

PEOPLE = 20_000
PATIENCE_S = 2.0
AGAIN_S = 0.25
_LOG_ID = re.compile(r"\d{1,15}-\d{1,15}")


class Following(Protocol):
    """What is asked of the loop that follows the log."""

    history: History | None
    aud: int

    async def until_known(self) -> None:
        """Return when there is a history."""

    async def look(self) -> None:
        """Return when the stream has been read up to now."""

    def seated(self) -> None:
        """A seat more."""


class Admission:
    """The door to one event's seats in this process."""

    def __init__(self, event: str, store: QuestionStore, hub: Hub, room: Following) -> None:
        self._event = event
        self._store = store
        self._hub = hub
        self._room = room
        self._joiners: Groups[int, list[str]] = Groups(self._look_up)
        self._people: dict[str, int] = {}
        self._has_stale = False

    async def run(self) -> None:
        """Run for ever; cancelled by the owner."""
        await self._joiners.run()

    def forget(self) -> None:
        """A new history: people's numbers may be others."""
        self._people.clear()

    def renew(self) -> None:
        """The store is back: who was given what we knew last gets everything anew."""
        if self._has_stale:  # also after an outage that was over before the loop could see it
            self._has_stale = False
            self._hub.resync([seat for seat in self._hub.seats if seat.is_stale], "stale")

    async def admit(self, seat: Seat, person: str, name: str, last: protocol.Position | None) -> None:
        """Give a seat the board, or what it missed since `last`; waits while the store is away and we know nothing."""
        self._hub.remove(seat)
        seat.is_stale = False
        told = False
        while not await self._try_to_admit(seat, person, name, last):
            if not told:
                seat.say(protocol.StoreState("down"))
                told = True
            await asyncio.sleep(AGAIN_S)
            await self._store.until_up()
        if told and not seat.is_stale:
            seat.say(protocol.StoreState("up"))

    async def _try_to_admit(self, seat: Seat, person: str, name: str, last: protocol.Position | None) -> bool:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._room.until_known()
            before = self._room.history
            seat.participant = await self._participant(person, name)
            older = await self._missed(seat, last)
            voted = [] if older is not None else await self._joiners.submit(seat.participant)
        except TimeoutError:
            return False
        except Unavailable:
            return self._admit_stale(seat, person)
        # From here to `_seat` nothing awaits: no entry can fall between what the seat gets and what it is told next.
        history = self._room.history
        line = None if older is None or last is None or history is None else history.since(last.id, older)
        if history is None or history is not before or (older is not None and line is None):
            # A new epoch began meanwhile, or what was missed does not line up: everything anew.
            return await self._try_to_admit(seat, person, name, None)
        if last is not None and line is not None:
            self._resume(seat, last, line, history.board)
        else:
            history.snapshots.give(seat, voted, self._room.aud)
        self._seat(seat)
        return True

    async def _participant(self, person: str, name: str) -> int:
        """Asks the store even for a known person: with the store away nobody is given a board as if it were fresh."""
        number = await self._store.join(self._event, person, name)
        if len(self._people) >= PEOPLE:
            self._people.pop(next(iter(self._people)))
        self._people[person] = number
        return number

    def _admit_stale(self, seat: Seat, person: str) -> bool:
        """The store is away: show a known person what we knew last, and say so."""
        history = self._room.history
        if history is None or person not in self._people:
            return False
        seat.participant = self._people[person]
        seat.is_stale = self._has_stale = True
        seat.say(protocol.StoreState("stale"))
        history.snapshots.give(seat, [], self._room.aud)
        self._seat(seat)
        return True

    def _seat(self, seat: Seat) -> None:
        self._hub.add(seat)
        self._room.seated()

    async def _missed(self, seat: Seat, last: protocol.Position | None) -> list[Entry] | None:
        """Entries after `last` that the ring may not hold any more; None where only a snapshot helps."""
        history = self._room.history
        if (
            history is None
            or last is None
            or last.ep != epoch_of(seat, history.board)
            or not _LOG_ID.fullmatch(last.id)
        ):
            return None
        if sequence(last.id) > history.board.last_seq:  # another process was ahead of us
            async with asyncio.timeout(PATIENCE_S):
                await self._room.look()
        now = self._room.history
        if now is not None and now.since(last.id) is not None:
            return []
        tail = await self._store.tail(self._event, last.id, RING)
        return list(tail.entries) if tail.known and len(tail.entries) < RING else None

    def _resume(self, seat: Seat, last: protocol.Position, line: Iterable[Entry], board: Board) -> None:
        seat.last_id, seat.lagging_since = last.id, None
        for entry in line:
            Telling(entry, board.items.get(entry.question)).to(seat)
        self._hub.recount(seat, board, self._room.aud)

    async def _look_up(self, voters: list[int]) -> list[list[str]]:
        history = self._room.history
        once_public = [item.id for item in history.board.once_public()] if history else []
        return await self._store.voted(self._event, once_public, voters)
