"""Many small calls as one: what arrives within 4 ms, or 512 of it, goes to the store together (FACTS.md 12, throughput).

One call is under way at a time, so order is kept; what comes meanwhile makes the next group. Full: refused at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from plenum.errors import PlenumError, Unavailable
from plenum.log import get_logger

log = get_logger("qna.groups")

LINGER_S = 0.004
MOST = 512
QUEUE = 8192

Call = TypeVar("Call")
Answer = TypeVar("Answer")


class Groups(Generic[Call, Answer]):
    """Collects calls and runs them together; `run` must be kept running by its owner."""

    def __init__(self, together: Callable[[list[Call]], Awaitable[Sequence[Answer]]]) -> None:
        self._together = together
        self._waiting: deque[tuple[Call, asyncio.Future[Answer]]] = deque()
        self._something = asyncio.Event()
        self._enough = asyncio.Event()

    def submit(self, call: Call) -> asyncio.Future[Answer]:
        """The answer, or the PlenumError that its group ran into. Raises Unavailable `busy` when full."""
        if len(self._waiting) >= QUEUE:
            raise Unavailable("Too much at once. Try again in a moment.", code="busy", retry_s=1.0)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, future))
        self._something.set()
        if len(self._waiting) >= MOST:
            self._enough.set()
        return future

    async def run(self) -> None:
        try:
            while True:
                await self._something.wait()
                await self._linger()
                await self._run_group(self._take())
        finally:
            for _, future in self._waiting:
                future.cancel()

    async def _linger(self) -> None:
        if len(self._waiting) < MOST:
            try:
                async with asyncio.timeout(LINGER_S):
                    await self._enough.wait()
            except TimeoutError:
                pass

    def _take(self) -> list[tuple[Call, asyncio.Future[Answer]]]:
        group = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        if not self._waiting:
            self._something.clear()
        if len(self._waiting) < MOST:
            self._enough.clear()
        return group

    async def _run_group(self, group: list[tuple[Call, asyncio.Future[Answer]]]) -> None:
        try:
            answers = await self._together([call for call, _ in group])
            for (_, future), answer in zip(group, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        except PlenumError as error:
            _fail(group, error)
        except Exception as error:
            log.exception("group_failed", error=type(error).__name__)
            _fail(group, Unavailable("That did not work. Try again.", code="internal", retry_s=1.0))
        finally:
            for _, future in group:
                future.cancel()  # without effect on those that are answered


def _fail(group: list[tuple[Call, asyncio.Future[Answer]]], error: PlenumError) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)
