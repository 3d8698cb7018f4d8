"""One event on this process: its board kept in step with the log, its seats told. One loop does both, so order is kept.

The loop takes what the subscription brought, reads the stream where something may be missing, fans out, and on each tick
tells the counts that moved and the size of the audience. With the store away it says so, waits, and on its return reads
on from the last entry; if that entry is not part of the store's history any more (a failover lost it), a new epoch begins
and every page starts from a fresh snapshot. Who comes is given a seat by `admission.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from plenum.clock import Clock
from plenum.errors import PlenumError
from plenum.log import get_logger
from plenum.pace import Limiter
from qna import metrics, policy
from qna.admission import PEOPLE, Admission
from qna.board import PUBLIC, Board, Entry, Moved
from qna.groups import Groups
from qna.history import History
from qna.hub import PING, STORE_DOWN, STORE_UP, Hub
from qna.log import Bus, Inbox
from qna.store import QuestionStore, Tail

log = get_logger("qna.room")

PAGE = 500
BACKSTOP_S = 5.0
PRESENCE_S = 2.0
PRESENCE_SOON_S = 0.5
PRESENCE_FRESH_MS = 10_000
PING_S = 20.0
SWEEP_S = 1.0


def tick_hz(seats: int) -> int:
    """How often counts are told: each tick costs a write per seat."""
    if seats < 1000:
        return 10
    return 5 if seats <= 20_000 else 2


class Room:
    """An event's board, log position and seats in this process."""

    def __init__(
        self, event: str, store: QuestionStore, bus: Bus, clock: Clock, process: str, limits: policy.Limits
    ) -> None:
        self.event = event
        self.limits = limits
        self.store = store
        self.clock = clock
        self.hub = Hub(clock.monotonic)
        self.pace = Limiter(limits.votes_per_minute, keys_max=PEOPLE)
        self.votes: Groups[tuple[str, int, bool], int] = Groups(self._commit)
        self.history: History | None = None
        self.aud = 0
        self.admission = Admission(event, store, self.hub, self)
        self._bus = bus
        self._process = process
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._lookers: list[asyncio.Future[None]] = []
        self._inbox = Inbox(self._wake.set)
        self._told_up = True
        self._returned: set[str] = set()
        self._last_count = 0
        start = clock.monotonic()
        self._looked_at = self._tick_at = self._present_at = self._swept_at = self._pinged_at = start

    @property
    def board(self) -> Board | None:
        """None until the store has been read."""
        return self.history.board if self.history else None

    # the loop

    async def run(self) -> None:
        """Run for ever; cancelled by the owner."""
        self.store.listeners.append(self._store_moved)
        channel = self.store.keys(self.event).log
        try:
            await self._bus.follow(channel, self._inbox.listen)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.votes.run())
                tasks.create_task(self.admission.run())
                while True:
                    await self._turn()
                    await self._until_due()
        finally:
            self.store.listeners.remove(self._store_moved)
            await self._bus.unfollow(channel, self._inbox.listen)
            metrics.pending.remove(self.event)

    def _store_moved(self, _up: bool) -> None:
        self._inbox.must_look = True
        self._wake.set()

    async def _until_due(self) -> None:
        due = self._swept_at + SWEEP_S
        if self._inbox.votes_moved:
            due = min(due, self._tick_at)
        try:
            async with asyncio.timeout(max(0.0, due - self.clock.monotonic())):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _turn(self) -> None:
        try:
            await self._keep_house()
            if self.store.is_up:
                await self._follow()
                await self._announce_up()
                await self._count_votes()
                await self._count_people()
        except PlenumError:
            self._inbox.must_look = True  # the store went away in the middle: look again when it is back
        except Exception as error:  # the loop's outermost frame: one bad entry must not end an event's questions
            log.exception("turn_failed", event_id=self.event, error=type(error).__name__)
            self._inbox.must_look = True

    async def _keep_house(self) -> None:
        now = self.clock.monotonic()
        if not self.store.is_up and self._told_up:
            self._told_up = False
            await _spread(self.hub.broadcast(STORE_DOWN))
        if now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            self.hub.sweep(now)
        if now - self._pinged_at >= PING_S:
            self._pinged_at = now
            await _spread(self.hub.broadcast(PING))

    async def _announce_up(self) -> None:
        if not self._told_up:
            self._told_up = True
            await _spread(self.hub.broadcast(STORE_UP))
        self.admission.renew()

    # the log

    async def _follow(self) -> None:
        history = self.history or await self._load()
        board = history.board
        if self._inbox.must_look or self.clock.monotonic() - self._looked_at > BACKSTOP_S:
            await self._read_stream(history)
            return
        following: list[Entry] = []
        for arrived in self._inbox.take():
            last = following[-1].seq if following else board.last_seq
            if arrived.ep != board.ep or arrived.entry.seq > last + 1:
                self._inbox.must_look = True
                break
            if arrived.entry.seq == last + 1:
                following.append(arrived.entry)
        await self._take(history, following)
        if self._inbox.must_look:
            await self._read_stream(history)

    async def _load(self) -> History:
        await self.store.open(self.event)
        self._inbox.must_look = False
        self._inbox.entries.clear()
        self._looked_at = self.clock.monotonic()
        self.history = History(Board(await self.store.contents(self.event)))
        self.admission.forget()
        self._ready.set()
        metrics.pending.labels(event=self.event).set(self.history.board.pending())
        return self.history

    async def _read_stream(self, history: History) -> None:
        board = history.board
        self._inbox.must_look = False
        self._looked_at = self.clock.monotonic()
        while True:
            tail = await self.store.tail(self.event, board.last_id, PAGE)
            if tail.ep != board.ep or not tail.known:
                await self._start_anew(board, tail)
                break
            await self._take(history, tail.entries)
            if len(tail.entries) < PAGE:
                break
        for looker in self._lookers:
            if not looker.done():
                looker.set_result(None)
        self._lookers.clear()

    async def _start_anew(self, board: Board, tail: Tail) -> None:
        """The store's history is not ours any more: everybody gets a fresh snapshot."""
        log.warning("new_epoch", event_id=self.event, had=board.ep, store=tail.ep, last_id=board.last_id)
        if tail.ep == board.ep:
            await self.store.new_epoch(self.event, board.ep)
        await self._load()
        self.hub.resync(self.hub.seats, "history")

    async def _take(self, history: History, entries: Sequence[Entry]) -> None:
        """Apply entries, which follow the board's last one, and tell them."""
        if not entries:
            return
        board, arrived = history.board, self.clock.monotonic()
        unknown = {entry.question for entry in entries if entry.question} - board.items.keys()
        fetched = {item.id: item for item in await self.store.items(self.event, sorted(unknown))}
        for entry in entries:
            if entry.question in fetched:
                board.add([fetched[entry.question]])
            history.take(entry)
            if isinstance(entry.fact, Moved):
                self._moved(entry.fact)
            await _spread(self.hub.tell(entry, board.items.get(entry.question)))
        metrics.fanout.observe(self.clock.monotonic() - arrived)
        metrics.pending.labels(event=self.event).set(board.pending())

    def _moved(self, move: Moved) -> None:
        self._inbox.votes_moved = True
        if move.to in PUBLIC and move.from_ not in PUBLIC:
            # It may have votes from before it was hidden, of which whoever came meanwhile was not told.
            self._returned.add(move.q)

    async def until_known(self) -> None:
        await self._ready.wait()

    def seated(self) -> None:
        self._wake.set()

    async def look(self) -> None:
        looker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lookers.append(looker)
        self._inbox.must_look = True
        self._wake.set()
        await looker

    # counts

    async def _count_votes(self) -> None:
        now = self.clock.monotonic()
        board = self.board
        if board is None or not self._inbox.votes_moved or now < self._tick_at:
            return
        self._inbox.votes_moved = False
        self._tick_at = now + 1 / tick_hz(len(self.hub.seats))
        since = board.v
        try:
            v, counts = await self.store.tally(self.event, since)
        except PlenumError:
            self._inbox.votes_moved = True
            raise
        changed = board.count(v, counts) | self._take_returned(board)
        self._inbox.votes_moved |= board.v < v  # a question that the log tells us of next
        if changed:
            await _spread(self.hub.tally(since, changed, board, self.aud))

    def _take_returned(self, board: Board) -> dict[str, int]:
        """Counts of questions that everybody sees (again) since the last tally, whether they moved or not."""
        returned, self._returned = self._returned, set()
        return {q: board.items[q].votes for q in returned if q in board.items and board.items[q].votes}

    async def _count_people(self) -> None:
        now = self.clock.monotonic()
        count = self.hub.audience()
        pause = PRESENCE_S if count == self._last_count else PRESENCE_SOON_S
        if self.board is None or now - self._present_at < pause:
            return
        self._present_at = now
        self._last_count = count
        aud = await self.store.presence(self.event, self._process, count, PRESENCE_FRESH_MS)
        if aud != self.aud:
            self.aud = aud
            await _spread(self.hub.tally(self.board.v, {}, self.board, aud))

    async def _commit(self, calls: list[tuple[str, int, bool]]) -> list[int]:
        """A group of votes; per vote the count of its question after all of them."""
        batch: dict[str, list[tuple[int, bool]]] = {}
        for q, voter, on in calls:
            batch.setdefault(q, []).append((voter, on))
        counts = await self.store.vote(self.event, batch)
        metrics.votes.inc(sum(1 for q, _, _ in calls if counts[q] >= 0))
        return [counts[q] for q, _, _ in calls]


async def _spread(steps: Iterator[None]) -> None:
    """Run a fan-out in slices, others in between."""
    for _ in steps:
        await asyncio.sleep(0)
