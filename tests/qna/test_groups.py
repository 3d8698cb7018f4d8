"""Grouped calls: together, in order, bounded, and each answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from plenum.errors import Conflict, PlenumError, Unavailable
from qna import groups
from qna.groups import Groups


@asynccontextmanager
async def running(made: Groups[int, int]) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_calls_at_once_go_together_in_order_and_each_gets_its_answer() -> None:
    seen: list[list[int]] = []

    async def double(calls: list[int]) -> list[int]:
        seen.append(calls)
        return [2 * call for call in calls]

    made: Groups[int, int] = Groups(double)
    async with running(made):
        answers = await asyncio.gather(*(made.submit(n) for n in range(1200)))
    assert answers == [2 * n for n in range(1200)]
    assert [len(group) for group in seen] == [512, 512, 176]
    assert [n for group in seen for n in group] == list(range(1200))


async def test_one_group_is_under_way_at_a_time() -> None:
    gate, running_now, most = asyncio.Event(), 0, 0

    async def slow(calls: list[int]) -> list[int]:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await gate.wait()
        running_now -= 1
        return calls

    made: Groups[int, int] = Groups(slow)
    async with running(made):
        futures = [made.submit(n) for n in range(2000)]
        asyncio.get_running_loop().call_later(0.05, gate.set)
        await asyncio.gather(*futures)
    assert most == 1


@pytest.mark.parametrize(
    ("error", "code"), [(Conflict("no", code="some_code"), "some_code"), (ValueError("a defect"), "internal")]
)
async def test_a_group_that_fails_tells_each_of_its_calls_and_the_next_goes_on(error: Exception, code: str) -> None:
    calls_so_far = 0

    async def fails_first(calls: list[int]) -> list[int]:
        nonlocal calls_so_far
        calls_so_far += 1
        if calls_so_far == 1:
            raise error
        return calls

    made: Groups[int, int] = Groups(fails_first)
    async with running(made):
        results = await asyncio.gather(*(made.submit(n) for n in range(3)), return_exceptions=True)
        assert [isinstance(r, PlenumError) and r.code for r in results] == [code] * 3
        assert await made.submit(5) == 5


async def test_a_full_queue_refuses_at_once() -> None:
    async def never(calls: list[int]) -> list[int]:
        return calls

    made: Groups[int, int] = Groups(never)
    for n in range(groups.QUEUE):
        made.submit(n)
    with pytest.raises(Unavailable) as caught:
        made.submit(0)
    assert caught.value.code == "busy"


async def test_at_its_end_nobody_is_left_waiting() -> None:
    started = asyncio.Event()

    async def hangs(calls: list[int]) -> list[int]:
        started.set()
        await asyncio.Event().wait()
        return calls

    made: Groups[int, int] = Groups(hangs)
    async with running(made):
        under_way = made.submit(1)
        await started.wait()
        waiting = made.submit(2)
    assert under_way.cancelled()
    assert waiting.cancelled()
