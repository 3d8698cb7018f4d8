"""An event's figures over all fronts, for the pages' API: what its programme shows, and how many watch by push.

The programme is the ingest's own word. Viewers are summed in the store: each front and edge writes those it has into
`pl:<tenant>:watching:<event>` (hash front -> "count at_ms", expires). What surprises: nothing here is needed for the picture;
with the store or the ingest away a front tells what it sees itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from plenum.clock import Clock
from plenum.errors import Unavailable
from plenum.event import Event, EventState
from plenum.log import get_logger
from plenum.media import Programme, ProgrammeState

log = get_logger("figures")

SAY_EVERY_S = 2.0
FRESH_S = 10.0
"""A front that is silent for so long is gone, and its viewers are with another."""
EXPIRES_S = 60
KNOWN_S = 1.0
"""Two thousand pages that poll are one question a second to the ingest and to the store."""
KNOWN_MAX = 1_024


class Delivery(Protocol):
    """What this front sees itself: `sfu.delivery.Delivery`."""

    def programme(self, event: str) -> Programme | None: ...

    def viewers(self, event: str) -> int: ...

    def audiences(self) -> dict[str, int]: ...


class Ingest(Protocol):
    """`deploy.forward.IngestClient`."""

    async def ask(self, path: str) -> bytes: ...


class _Status(msgspec.Struct, frozen=True):
    """What is read of the ingest's status."""

    state: ProgrammeState
    on_air: str
    degraded: bool
    epoch: int


class Figures:
    """`start`, ask, `close`."""

    def __init__(
        self, redis: Redis, tenant: str, front: str, delivery: Delivery, ingest: Ingest | None, clock: Clock
    ) -> None:
        """`front` names this process for as long as the platform runs: after a restart it writes where it wrote before.

        Without an ingest (at an edge) it only says what it has.
        """
        self._redis = redis
        self._tenant = tenant
        self._delivery = delivery
        self._ingest = ingest
        self._clock = clock
        self._front = front
        self._said: set[str] = set()
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._is_store_away = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_saying(), name="figures")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def programme(self, event: Event) -> Programme | None:
        """What the event's programme shows, as its ingest says; only a live event has one there."""
        if self._ingest is None or event.state is not EventState.LIVE:
            return self._delivery.programme(event.id)
        known = self._remembered("programme", event.id)
        if known is not None:
            return known  # type: ignore[no-any-return]
        try:
            status = msgspec.json.decode(await self._ingest.ask(f"/internal/events/{event.id}/status"), type=_Status)
        except (Unavailable, msgspec.DecodeError):
            return self._delivery.programme(event.id)
        shown = Programme((), status.state, status.epoch, on_air=status.on_air, degraded=status.degraded)
        self._remember("programme", event.id, shown)
        return shown

    async def viewers(self, event: str) -> int:
        """People watching by push: here as it is now, on other fronts as they said last."""
        others = self._remembered("others", event)
        if others is None:
            try:
                others = self._sum_of_others(await self._redis.hgetall(self._key(event)))
            except (RedisError, OSError, TimeoutError):
                others = 0
            self._remember("others", event, others)
        return self._delivery.viewers(event) + int(others)

    async def say(self) -> None:
        """Write this front's viewers, and take back where it has none any more. Raises redis errors as they come."""
        now_ms = round(self._clock.wall() * 1000)
        audiences = self._delivery.audiences()
        gone = self._said - audiences.keys()
        if not audiences and not gone:
            return
        async with self._redis.pipeline(transaction=False) as batch:
            for event, count in audiences.items():
                batch.hset(self._key(event), self._front, f"{count} {now_ms}")
                batch.expire(self._key(event), EXPIRES_S)
            for event in gone:
                batch.hdel(self._key(event), self._front)
            await batch.execute()
        self._said = set(audiences)

    async def _keep_saying(self) -> None:
        while True:
            try:
                await self.say()
                self._is_store_away = False
            except (RedisError, OSError, TimeoutError) as error:
                if not self._is_store_away:
                    log.warning("viewers_not_told", error=repr(error))
                self._is_store_away = True
            await asyncio.sleep(SAY_EVERY_S)

    def _sum_of_others(self, said: Mapping[Any, Any]) -> int:
        oldest_ms = (self._clock.wall() - FRESH_S) * 1000
        rows = [row.split() for front, row in said.items() if front.decode() != self._front]
        return sum(int(count) for count, at_ms in rows if int(at_ms) >= oldest_ms)

    def _remembered(self, what: str, event: str) -> Any:
        until, value = self._known.get((what, event), (0.0, None))
        return value if self._clock.monotonic() < until else None

    def _remember(self, what: str, event: str, value: Any) -> None:
        if len(self._known) >= KNOWN_MAX:
            self._known.clear()
        self._known[what, event] = (self._clock.monotonic() + KNOWN_S, value)

    def _key(self, event: str) -> str:
        return f"pl:{self._tenant}:watching:{event}"
