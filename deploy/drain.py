"""How a front or an edge stops: nobody new, everybody sent elsewhere and served until they have left, then the last word.

SIGTERM ──► refuse new, say so in the store ──► MOVE, wait ──► bye 1012, spread ──► held requests answered ──► end
                                                 └─ a second SIGTERM, or nowhere to go: at once ─┘
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from plenum.log import get_logger
from sfu.delivery import Delivery

log = get_logger("drain")


class Drain:
    """To be pushed last on the exit stack of a process, so that it runs first."""

    def __init__(
        self,
        delivery: Delivery,
        within_s: float,
        leave: Callable[[], Awaitable[None]] | None,
        is_elsewhere: Callable[[], Awaitable[bool]],
    ) -> None:
        """`leave` tells the store; `is_elsewhere`: whether there is anywhere to send viewers to."""
        self._delivery = delivery
        self._within_s = within_s
        self._leave = leave
        self._is_elsewhere = is_elsewhere

    async def __call__(self) -> None:
        hurry = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):  # the first one was that which brought us here
            with suppress(ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(number, hurry.set)
        self._delivery.refuse_new()
        if self._leave is not None:
            await self._leave()
        if self._within_s and await self._is_elsewhere():
            log.info("draining", people=self._delivery.people, within_s=self._within_s)
            await _first(self._delivery.move_all(self._within_s), hurry.wait())
        self._delivery.release_held()
        await self._delivery.drain()


async def _first(*works: Awaitable[object]) -> None:
    """Until one of them is done; the others are not waited for."""
    tasks = [asyncio.ensure_future(work) for work in works]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
