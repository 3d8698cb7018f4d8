"""The swarm against a real front that plays a made tape."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from loadtests.bench.lone_front import EVENT, LoneFront, lone_front
from loadtests.bench.tape import encoded, made
from loadtests.swarm.group import Group, PullGroup, PushGroup
from loadtests.swarm.swarm import Swarm
from loadtests.swarm.tally import PhaseResult
from loadtests.swarm.tickets import tickets

PUSH, PULL = 40, 8


def watch(kind: str, group: Group, viewers: int) -> PhaseResult:
    with Swarm(kind) as swarm:
        swarm.add(group)
        swarm.until_playing(viewers, 15)
        swarm.phase("watching")
        time.sleep(1.5)
        return swarm.stop().phase("watching")


async def both(front: LoneFront) -> tuple[PhaseResult, PhaseResult]:
    people = tickets(front.data_dir, EVENT, PUSH)
    push = PushGroup(((front.feed,),), people, renditions=("240p",))
    pull = PullGroup((front.playlist(time.time()),), PULL)
    return await asyncio.gather(
        asyncio.to_thread(watch, "push", push, PUSH), asyncio.to_thread(watch, "pull", pull, PULL)
    )


@pytest.mark.timeout(60)
async def test_push_and_pull_viewers_of_a_real_front_find_nothing_wrong(tmp_path: Path) -> None:
    tape = tmp_path / "tape"
    tape.write_bytes(encoded(made({"240p": 300_000, "audio": 64_000})))
    async with lone_front(tmp_path, tape) as (front,):
        push, pull = await both(front)
    assert (push.faults, pull.faults) == ({}, {})
    # 1.5 s of parts of 200 ms, picture and sound, are 15 a viewer: at least 10, however the turns fall.
    assert push.messages >= 10 * PUSH
    assert pull.messages >= 10 * PULL
    assert push.by_rendition.keys() == pull.by_rendition.keys() == {"240p", "audio"}
    assert 0 < push.delay_ms.p50 <= push.delay_ms.p99 < 5_000
