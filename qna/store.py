"""The question store: the only place that knows the keys and the scripts (FACTS.md part B section 12).

Acknowledged means: the script has returned from a server that writes before it answers. When the server is away a call
raises Unavailable `store_unavailable` within a second, and at once as long as the server is known to be away; `watch`
notices its return. Nothing is queued here: the client keeps what was not acknowledged and sends it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from plenum.errors import Conflict, PlenumError, TooMany, Unavailable
from plenum.event import Moderation
from plenum.log import get_logger
from plenum.store import ScriptBook
from qna.board import (
    DISPLACED,
    START,
    VOTABLE,
    Asked,
    Audience,
    Box,
    BoxSet,
    Contents,
    Entry,
    EventMoved,
    EventOnBoard,
    Item,
    Moved,
    State,
    audience_of,
)
from qna.policy import rate_limited, unknown_question

log = get_logger("qna.store")

RETRY_S = 1.0
PROBE_S = 0.25
AWAY = (RedisConnectionError, RedisTimeoutError, BusyLoadingError, ReadOnlyError, OSError)
"""The server is not there, or not able to write: as opposed to a command that it refuses."""
T = TypeVar("T")


class _Body(msgspec.Struct, omit_defaults=True):
    """A question as `*q` keeps it. No display name: that one is found by the author's number, for named ones only."""

    text: str
    author: int
    conf: bool
    lang: str
    n: int = 0
    state: State = State.PENDING
    at: float = 0
    state_at: float = 0
    reason: str = ""
    votes: float = 0
    by: float = -1
    """Who moved it last."""


class _AskedEntry(msgspec.Struct, tag_field="k", tag="q.new"):
    d: Asked
    at: float


class _MovedEntry(msgspec.Struct, tag_field="k", tag="q.state"):
    d: Moved
    at: float


class _BoxEntry(msgspec.Struct, tag_field="k", tag="box"):
    d: BoxSet
    at: float


class _EventEntry(msgspec.Struct, tag_field="k", tag="event.state"):
    d: EventMoved
    at: float


_body = msgspec.json.Decoder(_Body)
_entry: msgspec.json.Decoder[_AskedEntry | _MovedEntry | _BoxEntry | _EventEntry] = msgspec.json.Decoder(
    _AskedEntry | _MovedEntry | _BoxEntry | _EventEntry, strict=False
)


def read_entry(entry_id: bytes, audience: bytes, text: bytes) -> Entry:
    """One stored log entry as a value."""
    stored = _entry.decode(text)
    return Entry(entry_id.decode(), Audience(audience.decode()), int(stored.at), stored.d)


class Keys:
    """The keys of one event; the braces keep them in one Cluster slot."""

    def __init__(self, tenant: str, event: str) -> None:
        self.prefix = f"pl:{{{tenant}:{event}}}:"
        for name in ("meta", "u", "un", "q", "rank", "ver", "log", "rl", "pres"):
            setattr(self, name, self.prefix + name)

    meta: str
    u: str
    un: str
    q: str
    rank: str
    ver: str
    log: str
    rl: str
    pres: str

    def in_state(self, state: State) -> str:
        return f"{self.prefix}st:{state}"

    def voters(self, q: str) -> str:
        return f"{self.prefix}vb:{q}"

    def idem(self, cid: str) -> str:
        return f"{self.prefix}idem:{cid}"


class Tail(msgspec.Struct, frozen=True):
    """The log after a position."""

    ep: str
    known: bool
    """Whether that position is part of this history."""
    entries: tuple[Entry, ...]


class QuestionStore:
    """Typed calls to the scripts, one circuit breaker around all of them."""

    def __init__(self, redis: Redis, tenant: str) -> None:
        self.redis = redis
        self._tenant = tenant
        self._scripts = ScriptBook(Path(__file__).parent / "scripts")
        self._down = asyncio.Event()
        self._up = asyncio.Event()
        self._up.set()
        self.listeners: list[Callable[[bool], None]] = []
        """Called with True when the server came back, False when it went away."""

    def keys(self, event: str) -> Keys:
        return Keys(self._tenant, event)

    # availability

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def until_up(self) -> None:
        await self._up.wait()

    async def watch(self) -> None:
        """Run for ever: while the server is away, ask until it answers."""
        while True:
            await self._down.wait()
            await self._until_it_answers()
            self._down.clear()
            self._up.set()
            log.info("store_back")
            self._tell(True)

    async def _until_it_answers(self) -> None:
        while True:
            try:
                await self.redis.ping()
                heed_cancellation()
                return
            except (*AWAY, RedisError):
                heed_cancellation()
                await asyncio.sleep(PROBE_S)

    def went_away(self, error: BaseException) -> None:
        """Somebody noticed that the server does not answer."""
        if not self.is_up:
            return
        self._up.clear()
        log.warning("store_away", error=type(error).__name__)
        self._down.set()
        self._tell(False)

    def _tell(self, up: bool) -> None:
        for listener in self.listeners:
            listener(up)

    async def _run(self, name: str, keys: Sequence[str], args: Sequence[str | int | bytes]) -> Any:
        """Raises Unavailable `store_unavailable`."""
        if not self.is_up:
            raise store_unavailable()
        return await self._guarded(self._scripts.run(self.redis, name, keys, args), name)

    # people

    async def open(self, event: str, mode: Moderation = Moderation.PRE) -> str:
        """Open the board if it is not; returns its epoch."""
        return _text(await self._run("open", [self.keys(event).meta], [mode]))

    async def join(self, event: str, person: str, name: str) -> int:
        """The participant number of a person, given by their keyed hash."""
        keys = self.keys(event)
        return int(await self._run("join", [keys.u, keys.un, keys.meta], [person, name]))

    async def voted(self, event: str, questions: Sequence[str], voters: Sequence[int]) -> list[list[str]]:
        """Per voter, which of the questions they voted for."""
        if not questions or not voters:
            return [[] for _ in voters]
        keys = self.keys(event)
        rows = await self._run("voted", [keys.voters(q) for q in questions], list(voters))
        return [[q for q, bit in zip(questions, row, strict=True) if bit == ord("1")] for row in rows]

    async def presence(self, event: str, process: str, count: int, fresh_ms: int) -> int:
        """Say how many people this process sees, learn how many all see."""
        return int(await self._run("presence", [self.keys(event).pres], [process, count, fresh_ms]))

    async def names(self, event: str, people: Sequence[int]) -> dict[int, str]:
        """Display names by participant number."""
        if not people:
            return {}
        keys = self.keys(event)
        found = await self._guarded(self.redis.hmget(keys.un, [str(person) for person in people]), "names")
        return {person: name.decode() for person, name in zip(people, found, strict=True) if name}

    async def _guarded(self, call: Awaitable[Any], what: str) -> Any:
        """Await a call to the server. Raises Unavailable `store_unavailable`."""
        try:
            answer = await call
        except AWAY as error:
            heed_cancellation()
            self.went_away(error)
            raise store_unavailable() from None
        except ResponseError as error:  # a full disk, a missing right: this command failed, the server is there
            log.error("command_refused", command=what, error=str(error)[:200])
            raise store_unavailable() from None
        heed_cancellation()
        return answer

    # commands

    async def ask(
        self, event: str, asker: int, cid: str, text: str, conf: bool, lang: str, now: float, per_minute: int, most: int
    ) -> str:
        """Keep a question; returns its id. Said again under the same cid: the same id.

        Raises TooMany `rate_limited`, Conflict `box_closed`, `event_ended`, `board_full`, `cid_used`.
        """
        keys = self.keys(event)
        body = msgspec.json.encode({"text": text, "author": asker, "conf": conf, "lang": lang})
        answer = await self._run(
            "ask",
            [keys.meta, keys.q, keys.rank, keys.in_state(State.PENDING), keys.log, keys.idem(cid), keys.rl],
            [asker, body, int(now * 1000), per_minute, most],
        )
        if answer[0] in (0, 1):
            return _text(answer[1])
        raise _why_not_asked(answer)

    async def vote(self, event: str, batch: dict[str, list[tuple[int, bool]]]) -> dict[str, int]:
        """Apply votes, per question in order; returns per question its count, -1 where it is not votable."""
        keys = self.keys(event)
        args: list[str | int] = []
        for q, votes in batch.items():
            args += [q, len(votes)]
            for voter, on in votes:
                args += [voter, int(on)]
        answer = await self._run("votes", [keys.meta, keys.rank, keys.ver, keys.log, *map(keys.voters, batch)], args)
        return dict(zip(batch, map(int, answer), strict=True))

    async def moderate(
        self, event: str, cid: str, q: str, from_: State, to: State, reason: str, actor: int, role: str
    ) -> State:
        """Move a question, if it still stands in `from_`. Said again under the same cid: no change.

        Raises Conflict `stale_state` with `current` and `by`, `cid_used`, BadInput `unknown_question`.
        """
        keys = self.keys(event)
        displaced = DISPLACED.get(to)
        lists = [keys.in_state(s) for s in (State.PENDING, State.ANSWERED, State.DECLINED, State.HIDDEN)]
        answer = await self._run(
            "moderate",
            [keys.meta, keys.q, keys.rank, keys.ver, keys.log, keys.idem(cid), keys.voters(q), *lists],
            [
                *(q, from_, to, int(to in VOTABLE), reason, audience_of(from_, to), actor, role),
                *(displaced or "", int(displaced in VOTABLE)),
            ],
        )
        if answer[0] in (0, 1):
            return State(_text(answer[2]))
        if answer[0] == -1:
            raise await self._stale(event, State(_text(answer[1])), int(answer[2]))
        if answer[0] == -2:
            raise unknown_question()
        raise _cid_used()

    async def _stale(self, event: str, current: State, by: int) -> Conflict:
        names = await self.names(event, [by] if by >= 0 else [])
        who = names.get(by)
        message = f"{who} made it '{current}' first." if who else f"It is '{current}' by now."
        return Conflict(message, code="stale_state", current=current, by=who)

    async def set_box(
        self, event: str, cid: str, mode: Moderation | None, is_open: bool | None, actor: int, role: str
    ) -> Box:
        """Change how questions are taken. Raises Conflict `cid_used`."""
        keys = self.keys(event)
        wanted = "" if is_open is None else str(int(is_open))
        answer = await self._run("box", [keys.meta, keys.log, keys.idem(cid)], [mode or "", wanted, actor, role])
        if not answer:
            raise _cid_used()
        return Box(Moderation(_text(answer[0])), answer[1] == b"1")

    async def event_state(self, event: str, state: str, since_ms: int) -> bool:
        """Tell the log that the event went live or ended; False when it knew."""
        keys = self.keys(event)
        return bool(await self._run("event_state", [keys.meta, keys.log], [state, since_ms]))

    # reading

    async def contents(self, event: str) -> Contents:
        """The whole board at one log position."""
        keys = self.keys(event)
        last, meta, bodies, rank = await self._run("snapshot", [keys.meta, keys.q, keys.rank, keys.log], [])
        fields = {k.decode(): v.decode() for k, v in _pairs(meta)}
        counts = {q.decode(): int(float(n)) for q, n in _pairs(rank)}
        items = await self._items(event, {q.decode(): body for q, body in _pairs(bodies)}, counts)
        return Contents(
            ep=fields["ep"],
            last_id=_text(last) or START,
            v=int(fields.get("v", 0)),
            items=tuple(items),
            box=Box(Moderation(fields["mode"]), fields["open"] == "1"),
            event=EventOnBoard(fields["state"], _ms(fields, "live_at"), _ms(fields, "ended_at")),
        )

    async def items(self, event: str, questions: Sequence[str]) -> list[Item]:
        """Some questions; their states are those of now, which a log entry on the way may precede."""
        if not questions:
            return []
        bodies = await self._guarded(self.redis.hmget(self.keys(event).q, list(questions)), "items")
        return await self._items(event, {q: body for q, body in zip(questions, bodies, strict=True) if body}, {})

    async def _items(self, event: str, bodies: dict[str, bytes], counts: dict[str, int]) -> list[Item]:
        read = {q: _body.decode(body) for q, body in bodies.items()}
        # A confidential question's author is not even looked up: what is not read cannot be shown.
        names = await self.names(event, sorted({body.author for body in read.values() if not body.conf}))
        items = [_item(q, body, names, counts.get(q, int(body.votes))) for q, body in read.items()]
        return sorted(items, key=lambda item: item.n)

    async def tail(self, event: str, after: str, most: int) -> Tail:
        keys = self.keys(event)
        ep, known, rows = await self._run("tail", [keys.meta, keys.log], [after, most])
        entries = []
        for entry_id, fields in rows:
            values = dict(_pairs(fields))
            entries.append(read_entry(entry_id, values[b"a"], values[b"d"]))
        return Tail(_text(ep), bool(known), tuple(entries))

    async def new_epoch(self, event: str, broken: str) -> str:
        """Begin a new epoch after `broken`, once for all processes."""
        return _text(await self._run("epoch", [self.keys(event).meta], [broken]))

    async def tally(self, event: str, since: int) -> tuple[int, dict[str, int]]:
        """The tally version now, and the counts that changed after `since`."""
        keys = self.keys(event)
        answer = await self._run("tally", [keys.meta, keys.rank, keys.ver, keys.q], [since])
        return int(answer[0]), {_text(q): int(n) for q, n in _pairs(answer[1:])}


def heed_cancellation() -> None:
    """Raise CancelledError if this task was cancelled but goes on.

    redis-py awaits through `asyncio.wait_for`, which before Python 3.12 swallows a cancellation that arrives together with
    its result: a task in a loop of calls would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def store_unavailable() -> Unavailable:
    return Unavailable(
        "Questions are paused for a moment. Nothing is lost; it is tried again.",
        code="store_unavailable",
        retry_s=RETRY_S,
    )


def _why_not_asked(answer: Sequence[Any]) -> PlenumError:
    match answer[0]:
        case -2:
            return _too_fast(int(answer[1]))
        case -3:
            return Conflict("Questions are closed at the moment.", code="box_closed")
        case -4:
            return Conflict("This event has ended.", code="event_ended")
        case -6:
            return Conflict("This event cannot take more questions.", code="board_full")
    return _cid_used()


def _too_fast(wait_ms: int) -> TooMany:
    return rate_limited(wait_ms / 1000)


def _cid_used() -> Conflict:
    return Conflict("This command id was used for another command.", code="cid_used")


def _item(q: str, body: _Body, names: dict[int, str], votes: int) -> Item:
    return Item(
        id=q,
        n=body.n,
        text=body.text,
        author=body.author,
        conf=body.conf,
        lang=body.lang,
        state=body.state,
        at=int(body.at),
        state_at=int(body.state_at),
        reason=body.reason,
        name="" if body.conf else names.get(body.author, ""),
        votes=votes,
    )


def _pairs(flat: Sequence[T]) -> list[tuple[T, T]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _ms(fields: dict[str, str], name: str) -> int:
    return int(float(fields.get(name, "0")))
