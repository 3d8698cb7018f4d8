"""Requests that wait: who is woken, and how many there may be."""

from __future__ import annotations

import asyncio

import pytest

from plenum.errors import Unavailable
from sfu.waiting import SLICE, Bound, Waiting


async def settle() -> None:
    """Let everything run that can run now."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_is_there_already_needs_no_place_in_the_queue() -> None:
    assert await Waiting(Bound(0)).until(1, lambda: True, 1)


async def test_a_wake_up_lets_go_whose_condition_holds_and_keeps_the_others() -> None:
    waiting, reached = Waiting(Bound(10)), set[int]()
    tasks = [asyncio.create_task(waiting.until(1, lambda n=n: n in reached, 10)) for n in (0, 1)]  # type: ignore[misc]
    await settle()
    reached.add(0)
    waiting.wake(1)
    await settle()
    assert [task.done() for task in tasks] == [True, False]
    reached.add(1)
    waiting.wake(1)
    assert await asyncio.gather(*tasks) == [True, True]


async def test_a_wake_up_of_another_rendition_disturbs_nobody() -> None:
    waiting, looks = Waiting(Bound(10)), []
    task = asyncio.create_task(waiting.until(1, lambda: bool(looks.append(1)), 10))
    await settle()
    seen = len(looks)
    waiting.wake(2)
    await settle()
    assert len(looks) == seen
    task.cancel()


async def test_time_runs_out() -> None:
    assert not await Waiting(Bound(10)).until(1, lambda: False, 0.01)


async def test_the_bound_counts_over_all_events_and_gives_places_back() -> None:
    bound = Bound(1)
    one, other = Waiting(bound), Waiting(bound)
    task = asyncio.create_task(one.until(1, lambda: False, 10))
    await settle()
    with pytest.raises(Unavailable) as caught:
        await other.until(1, lambda: False, 10)
    assert caught.value.code == "too_many_held"
    assert caught.value.retry_s is not None
    task.cancel()
    await settle()
    assert not await other.until(1, lambda: False, 0.01)


async def test_a_crowd_is_woken_in_slices_with_turns_for_others_in_between() -> None:
    waiting, here, order = Waiting(Bound(1000)), False, list[str]()

    async def wait() -> None:
        await waiting.until(1, lambda: here, 10)
        order.append("woken")

    crowd = [asyncio.create_task(wait()) for _ in range(3 * SLICE)]
    await settle()
    here = True
    waiting.wake(1)
    asyncio.get_running_loop().call_soon(order.append, "other work")
    await asyncio.gather(*crowd)
    assert order.count("woken") == 3 * SLICE
    assert order.index("other work") <= SLICE


async def test_a_client_that_left_does_not_break_the_waking_of_others() -> None:
    waiting, here = Waiting(Bound(10)), False
    gone = asyncio.create_task(waiting.until(1, lambda: here, 10))
    stays = asyncio.create_task(waiting.until(1, lambda: here, 10))
    await settle()
    gone.cancel()
    await settle()
    here = True
    waiting.wake(1)
    assert await stays


async def test_who_ran_out_of_time_or_left_is_let_go_of() -> None:
    waiting = Waiting(Bound(10))
    left = asyncio.create_task(waiting.until(1, lambda: False, 10))
    stays = asyncio.create_task(waiting.until(1, lambda: False, 10))
    for _ in range(5):
        assert not await waiting.until(2, lambda: False, 0.001)
    left.cancel()
    await settle()
    assert {key: len(waiters) for key, waiters in waiting._waiters.items()} == {1: 1}
    stays.cancel()
    await settle()
    assert not waiting._waiters
