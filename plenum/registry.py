"""Events and join links in Redis: what the pages' API, the command line and the supervisor ask.

Keys, per tenant: `pl:<tenant>:events` (hash id -> JSON of `Event`), `pl:<tenant>:join:<hash of code>` (string, expires),
`pl:<tenant>:links:<event>` (hash role -> code), `pl:<tenant>:once:<key>` (idempotency, 10 min). Media never comes here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError, WatchError

from plenum.clock import Clock
from plenum.errors import Conflict, NotFound, TooMany, Unavailable
from plenum.event import Event, EventState, Language, Moderation, check_title, end, go_live
from plenum.identity import Role

CODE = re.compile(r"[a-z2-9]{10,24}")
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""No characters that look alike on paper; 31 of them."""
CODE_LENGTH = 16
"""16 characters of 31: 79 bits."""
LINK_DAYS = 30
_ONCE_S = 600


class JoinLink(msgspec.Struct, frozen=True):
    """What an invitation code stands for."""

    event: str
    role: Role
    expires_at: float


class Registry:
    """Creates, finds, lists and changes events; makes and redeems join codes. Raises Unavailable `store_unavailable`."""

    def __init__(self, redis: Redis, tenant: str, clock: Clock, limit: int = 1_000) -> None:
        """`limit` is on events that have not ended."""
        self._redis = redis
        self._tenant = tenant
        self._clock = clock
        self._limit = limit
        self._events = f"pl:{tenant}:events"

    async def create(
        self,
        title: str,
        *,
        language: Language = Language.EN,
        moderation: Moderation = Moderation.PRE,
        starts_at: float = 0.0,
        event_id: str = "",
        once: str = "",
    ) -> Event:
        """A new event. With `once` (an idempotency key) the same call again returns the same event.

        Raises BadInput `bad_title`, TooMany `too_many_events`, Conflict `event_exists`.
        """
        tidy = check_title(title)
        wanted = event_id or f"{_slug(tidy)}-{_random(6)}"
        async with _reachable():
            if once:
                wanted = await self._claim(once, wanted)
                made: Any = await self._redis.hget(self._events, wanted)
                if made is not None:  # before the limit: the event that a lost answer was about may be the last one
                    return msgspec.json.decode(made, type=Event)
            await self._check_room_left()
            event = Event(
                id=wanted,
                title=tidy,
                language=language,
                moderation=moderation,
                starts_at=starts_at,
                created_at=self._clock.wall(),
                tenant=self._tenant,
            )
            if await self._redis.hsetnx(self._events, wanted, msgspec.json.encode(event)):
                return event
        if once:
            return await self.get(wanted)
        raise Conflict(f"There is an event '{wanted}' already.", code="event_exists")

    async def get(self, event_id: str) -> Event:
        """Raises NotFound `unknown_event`."""
        async with _reachable():
            raw: Any = await self._redis.hget(self._events, event_id)
        if raw is None:
            raise NotFound("There is no such event. Check the link, or ask who invited you.", code="unknown_event")
        return msgspec.json.decode(raw, type=Event)

    async def all(self) -> list[Event]:
        """Every event: live ones first, then by start."""
        async with _reachable():
            rows: Any = await self._redis.hvals(self._events)
        order = {EventState.LIVE: 0, EventState.SCHEDULED: 1, EventState.ENDED: 2}
        events = [msgspec.json.decode(raw, type=Event) for raw in rows]
        return sorted(events, key=lambda e: (order[e.state], e.starts_at or e.created_at))

    async def went_live(self, event_id: str) -> Event:
        """Note the first time on air. Raises Conflict `event_ended`, NotFound."""
        return await self._change(event_id, lambda event: go_live(event, self._clock.wall()))

    async def ended(self, event_id: str) -> Event:
        return await self._change(event_id, lambda event: end(event, self._clock.wall()))

    async def link(self, event_id: str, role: Role) -> tuple[str, JoinLink]:
        """The event's invitation for a role: the same code each time until it expires; `*` is the whole installation."""
        links = f"pl:{self._tenant}:links:{event_id}"
        async with _reachable():
            known: Any = await self._redis.hget(links, str(role))
            if known is not None:
                code = known.decode()
                found = await self._find_code(code)
                if found is not None:
                    return code, found
            code = _random(CODE_LENGTH)
            link = JoinLink(event_id, role, self._clock.wall() + LINK_DAYS * 86_400)
            async with self._redis.pipeline(transaction=True) as batch:
                batch.set(self._code_key(code), msgspec.json.encode(link), ex=LINK_DAYS * 86_400)
                batch.hset(links, str(role), code)
                await batch.execute()
        return code, link

    async def redeem(self, code: str) -> JoinLink:
        """Raises NotFound `link_invalid` for a code that is unknown, malformed or expired."""
        link = None
        if CODE.fullmatch(code):
            async with _reachable():
                link = await self._find_code(code)
        if link is None:
            raise NotFound("This invitation link is not valid (any more). Ask for a new one.", code="link_invalid")
        return link

    async def _check_room_left(self) -> None:
        rows: Any = await self._redis.hvals(self._events)
        events = (msgspec.json.decode(raw, type=Event) for raw in rows)
        if sum(event.state is not EventState.ENDED for event in events) >= self._limit:
            raise TooMany(
                f"There are {self._limit} events that have not ended. End some, or raise limits.events.",
                code="too_many_events",
            )

    async def _find_code(self, code: str) -> JoinLink | None:
        raw: Any = await self._redis.get(self._code_key(code))
        if raw is None:
            return None
        link = msgspec.json.decode(raw, type=JoinLink)
        return link if link.expires_at > self._clock.wall() else None

    def _code_key(self, code: str) -> str:
        return f"pl:{self._tenant}:join:{hashlib.sha256(code.encode()).hexdigest()[:32]}"

    async def _claim(self, once: str, wanted: str) -> str:
        key = f"pl:{self._tenant}:once:{hashlib.sha256(once.encode()).hexdigest()[:32]}"
        earlier: Any = await self._redis.set(key, wanted, nx=True, get=True, ex=_ONCE_S)
        return wanted if earlier is None else bytes(earlier).decode()

    async def _change(self, event_id: str, change: Callable[[Event], Event]) -> Event:
        async with _reachable(), self._redis.pipeline(transaction=True) as batch:
            while True:
                try:
                    await batch.watch(self._events)
                    raw = await batch.hget(self._events, event_id)
                    if raw is None:
                        raise NotFound("There is no such event.", code="unknown_event")
                    old = msgspec.json.decode(raw, type=Event)
                    new = change(old)
                    if new == old:
                        return old
                    batch.multi()  # type: ignore[no-untyped-call]
                    batch.hset(self._events, event_id, msgspec.json.encode(new))
                    await batch.execute()
                    return new
                except WatchError:
                    continue  # somebody changed an event meanwhile: read again


class _reachable:
    """Store trouble becomes Unavailable `store_unavailable`, with a time to come back."""

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        if isinstance(error, RedisError | OSError | TimeoutError):
            raise Unavailable(
                "The event store cannot be reached right now. The picture goes on; try again in a moment.",
                code="store_unavailable",
                retry_s=2,
            ) from error


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _slug(title: str) -> str:
    plain = title.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "event"
