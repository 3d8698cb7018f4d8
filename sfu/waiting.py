"""Requests that wait for the next part: a bound on how many, and waking them without holding up everybody else.

Blocking playlist reloads and hinted parts wait here. A part wakes all who wait for its rendition, in slices, so that the
fan-out of push and the question sockets get their turn in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plenum import metrics
from plenum.errors import Unavailable
from sfu import measures

SLICE = 64
RETRY_S = 1.0


class Bound:
    """How many requests this front holds at a time, over all events. Full: 503 with Retry-After."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Raises Unavailable `too_many_held`."""
        if self._held >= self._limit:
            metrics.rejected.labels(reason="too_many_held").inc()
            raise Unavailable("Too many requests are waiting here. Try again.", code="too_many_held", retry_s=RETRY_S)
        self._held += 1
        measures.held.inc()
        try:
            yield
        finally:
            self._held -= 1
            measures.held.dec()


class Waiting:
    """Who waits for what of one event; the key is a rendition's id, or None for the programme."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._waiters: dict[int | None, dict[asyncio.Future[None], None]] = {}
        self._is_over = False

    async def until(self, key: int | None, ready: Callable[[], bool], timeout_s: float) -> bool:
        """True as soon as `ready()`, False after the time. Raises Unavailable where too many wait already."""
        if ready():
            return True
        if self._is_over:
            return False
        with self._bound.hold():
            try:
                async with asyncio.timeout(timeout_s):
                    await self._ready(key, ready)
            except TimeoutError:
                return ready()
        return ready()

    async def _ready(self, key: int | None, ready: Callable[[], bool]) -> None:
        while not ready() and not self._is_over:
            waiter = asyncio.get_running_loop().create_future()
            waiters = self._waiters.setdefault(key, {})
            waiters[waiter] = None
            try:
                await waiter
            finally:  # who ran out of time, or left, is let go of at once: a stalled rendition wakes nobody
                waiters.pop(waiter, None)
                if not waiters and self._waiters.get(key) is waiters:
                    del self._waiters[key]

    def wake(self, key: int | None) -> None:
        """Something new under this key."""
        _release(list(self._waiters.pop(key, ())))

    def close(self) -> None:
        """Nothing is waited for any more: who waits is answered now that it is not ready."""
        self._is_over = True
        self.wake_all()

    def wake_all(self) -> None:
        """The event ended, or its renditions changed."""
        for key in list(self._waiters):
            self.wake(key)


def _release(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters[:SLICE]:
        if not waiter.done():
            waiter.set_result(None)
    if len(waiters) > SLICE:
        asyncio.get_running_loop().call_soon(_release, waiters[SLICE:])
