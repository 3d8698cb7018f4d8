"""Which edges there are, where, and how busy: each writes a card of itself into the store every SAY_EVERY_S.

Key: `pl:<tenant>:edges` (hash: process of an edge -> JSON of `Card`); a card older than STALE_S does not count, by the clock of
the store: those of the machines may differ. Nothing here is about a single viewer: how full an edge is, in hundredths. With
the store away nobody is placed, and the picture goes on.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from redis.asyncio import Redis

SAY_EVERY_S = 2.0
STALE_S = 6.0
FORGOTTEN_S = 3600.0
"""A card so old is taken out by who reads it."""


class NodeState(StrEnum):
    OK = "ok"
    DRAINING = "draining"


class Card(msgspec.Struct, frozen=True):
    """What one process of an edge says of itself."""

    name: str
    """The edge's name; its processes share it."""
    url: str
    """By which viewers reach it."""
    state: NodeState = NodeState.OK
    full: float = 0.0
    """Share of the sockets that it may hold, in hundredths: of an office with one employee it does not tell who watches."""
    cpu: float = 0.0
    """Share of one core since the card before."""
    sent_bps: float = 0.0
    at_ms: int = 0


class Nodes:
    """The cards. Raises redis errors as they come."""

    def __init__(self, redis: Redis, tenant: str) -> None:
        self._redis = redis
        self._key = f"pl:{tenant}:edges"

    async def say(self, process: str, card: Card) -> None:
        """Write the card, dated now."""
        dated = msgspec.structs.replace(card, at_ms=_ms(await self._redis.time()))
        pending: Any = self._redis.hset(self._key, process, msgspec.json.encode(dated))
        await pending

    async def leave(self, process: str) -> None:
        pending: Any = self._redis.hdel(self._key, process)
        await pending

    async def fresh(self) -> list[Card]:
        """The cards of those that spoke lately."""
        asking = self._redis.pipeline(transaction=False)
        asking.time()
        asking.hgetall(self._key)
        time, written = await asking.execute()
        now_ms = _ms(time)
        cards = []
        for process, raw in written.items():
            card = _read(raw)
            if card is None or now_ms - card.at_ms > FORGOTTEN_S * 1000:
                await self.leave(process.decode())
            elif now_ms - card.at_ms <= STALE_S * 1000:
                cards.append(card)
        return cards


def _ms(time: tuple[int, int]) -> int:
    """Redis's seconds and microseconds."""
    return time[0] * 1000 + time[1] // 1000


def _read(raw: bytes) -> Card | None:
    try:
        return msgspec.json.decode(raw, type=Card)
    except (msgspec.DecodeError, UnicodeError):
        return None
