"""The event log as it reaches this process: one subscription for all events, and the rule for what comes in order.

The scripts publish each entry on the event's shard channel with its whole content; a subscription can miss some. So the
order of things is: subscribe first, read the stream from the cursor when the subscription stands, then deliver; an entry
that is the next one is taken, a later one means a gap (read the stream), an earlier one is known (FACTS.md 17).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from plenum.log import get_logger
from qna.board import Entry
from qna.store import AWAY, QuestionStore, heed_cancellation, read_entry

log = get_logger("qna.log")

QUIET_S = 1.0
"""After so long without a message the subscription is asked for a sign of life."""
INBOX = 10_000

Listener = Callable[[bytes | None], None]
"""Called with a published message, or None: the subscription was made anew, something may be missing."""


class Arrived(msgspec.Struct, frozen=True):
    """One published entry."""

    ep: str
    entry: Entry


def read_message(data: bytes) -> Arrived:
    """`<epoch> <id> <audience> <JSON>` as the scripts publish it."""
    ep, entry_id, audience, text = data.split(b" ", 3)
    return Arrived(ep.decode(), read_entry(entry_id, audience, text))


class Inbox:
    """What one event's subscription brought, until its room looks. Full: dropped, and the stream is read instead."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.entries: list[Arrived] = []
        self.must_look = True
        """Whether the stream has to be read: at the start, after a gap, after the subscription was made anew."""
        self.votes_moved = False

    def listen(self, data: bytes | None) -> None:
        if data is None:
            self.must_look = True
        elif data == b"v":
            self.votes_moved = True
        elif len(self.entries) < INBOX:
            self.entries.append(read_message(data))
        else:
            self.entries.clear()
            self.must_look = True
        self._wake()

    def take(self) -> list[Arrived]:
        taken, self.entries = self.entries, []
        return taken


class Bus:
    """One connection that listens for all events of this process."""

    def __init__(self, redis: Redis, store: QuestionStore) -> None:
        self._redis = redis
        self._store = store
        self._listeners: dict[bytes, Listener] = {}
        self._wanted = asyncio.Event()
        self._pubsub: PubSub | None = None

    async def follow(self, channel: str, listener: Listener) -> None:
        """Hear of an event. When the subscription stands the listener is called with None."""
        self._listeners[channel.encode()] = listener
        self._wanted.set()
        await self._quietly("ssubscribe", channel)

    async def unfollow(self, channel: str, listener: Listener) -> None:
        if self._listeners.get(channel.encode()) != listener:
            return  # somebody else listens there by now
        del self._listeners[channel.encode()]
        if not self._listeners:
            self._wanted.clear()
        await self._quietly("sunsubscribe", channel)

    async def _quietly(self, verb: str, channel: str) -> None:
        """On the standing subscription, if there is one; `run` subscribes to all wanted ones when it makes a new one."""
        if self._pubsub is None:
            return
        try:
            await getattr(self._pubsub, verb)(channel)
        except (*AWAY, RedisError) as error:
            heed_cancellation()
            self._store.went_away(error)

    async def run(self) -> None:
        """Run for ever: listen, and start again after the server was away."""
        while True:
            await self._wanted.wait()
            await self._store.until_up()
            try:
                await self._listen()
            except (*AWAY, RedisError) as error:
                heed_cancellation()
                self._store.went_away(error)

    async def _listen(self) -> None:
        pubsub = self._redis.pubsub()
        try:
            await pubsub.ssubscribe(*self._listeners)
            self._pubsub = pubsub
            await self._hear(pubsub)
        finally:
            self._pubsub = None
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _hear(self, pubsub: PubSub) -> None:
        asked = False
        while True:
            message: dict[str, Any] | None = await pubsub.get_message(timeout=QUIET_S)
            heed_cancellation()
            if message is not None:
                asked = False
                self._deliver(message)
            elif asked:
                raise RedisConnectionError("the subscription is silent")
            else:
                await pubsub.ping()
                asked = True

    def _deliver(self, message: dict[str, Any]) -> None:
        listener = self._listeners.get(message["channel"]) if message["channel"] else None
        if listener is None:
            return
        if message["type"] == "smessage":
            listener(message["data"])
        elif message["type"] == "ssubscribe":  # also after redis-py reconnected by itself
            listener(None)
