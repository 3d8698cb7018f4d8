"""Children are kept running, and ended with the platform."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from deploy import process, supervisor
from deploy.supervisor import ChildSpec, Supervisor
from plenum.errors import PlenumError, Unavailable

SERVES = """
import argparse, os, signal, sys, time
fd = int(sys.argv[-1])
os.write(fd, b"ready\\n")
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    time.sleep(0.05); os.write(fd, b".")
"""


def child(name: str, code: str) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", code))


async def until_gone(pid: int) -> None:
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return  # the supervisor has reaped it already
    loop.add_reader(fd, lambda: gone.done() or gone.set_result(None))
    await asyncio.wait_for(gone, 10)
    loop.remove_reader(fd)
    os.close(fd)


async def test_a_killed_child_is_started_again() -> None:
    family = Supervisor()
    one = await family.launch(child("one", SERVES))
    first = one.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until_gone(first)
    async with asyncio.timeout(60):
        while not one.ready.is_set() or one.pid == first:  # noqa: ASYNC110 - 'another process' has no event
            await asyncio.sleep(0.02)
    assert one.restarts == 1
    await family.stop()


async def test_a_child_that_says_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SILENCE_S", 0.5)
    family = Supervisor()
    one = await family.launch(child("one", SERVES))
    first = one.pid
    assert first
    os.kill(first, signal.SIGSTOP)
    await until_gone(first)
    await family.stop()


async def test_a_child_that_is_done_stays_done() -> None:
    family = Supervisor()
    one = await family.launch(child("one", "import os, sys; os.write(int(sys.argv[-1]), b'ready\\n')"))
    await asyncio.wait_for(one.finished.wait(), 10)
    assert one.restarts == 0
    assert family.healthy() == {"one": True}
    await family.stop()


async def test_a_child_that_cannot_start_is_not_tried_again_and_its_reason_is_told() -> None:
    family = Supervisor()
    words = "import os, sys; os.write(int(sys.argv[-1]), b'failed no_pages Build the pages.\\n'); sys.exit(1)"
    async with asyncio.timeout(supervisor.START_S / 2):
        with pytest.raises(PlenumError) as caught:
            await family.launch(child("one", words))
        assert (caught.value.code, caught.value.message) == ("no_pages", "Build the pages.")
        with pytest.raises(Unavailable) as caught:
            await family.launch(child("two", "raise SystemExit(3)"))
    assert caught.value.code == "child_failed"
    assert "exit code 3" in caught.value.message
    assert [one.restarts for one in family.children] == [0, 0]
    await family.stop()


async def test_a_process_of_the_platform_tells_why_it_cannot_start(tmp_path: Path) -> None:
    family = Supervisor()
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(PlenumError) as caught:
        await family.launch(supervisor.spec("front-0", "front", tmp_path / "settings.json"))
    assert caught.value.code == "bad_settings"
    await family.stop()


async def test_stopping_leaves_nothing_behind() -> None:
    family = Supervisor()
    pids = [(await family.launch(child(name, SERVES))).pid for name in ("one", "two")]
    await family.stop()
    for pid in pids:
        assert pid
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_crash_loop_is_slowed_down() -> None:
    one = supervisor.Child(child("one", "raise SystemExit(3)"))
    pauses = [one._back_off() for _ in range(8)]
    assert pauses == [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 5.0, 5.0]


async def test_a_process_that_takes_leave_goes_on_saying_that_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "BEAT_S", 0.02)
    reading, writing = os.pipe()
    heard_while_leaving = b""

    async def leave() -> None:
        nonlocal heard_while_leaving
        os.read(reading, 4096)
        await asyncio.sleep(0.3)
        heard_while_leaving = os.read(reading, 4096)

    async def role(stack: contextlib.AsyncExitStack) -> asyncio.Future[None]:
        stack.push_async_callback(leave)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    os.set_blocking(reading, False)
    try:
        assert await process.serve(role, writing) == 0  # type: ignore[arg-type]
    finally:
        os.close(reading)
        os.close(writing)
    assert heard_while_leaving.count(b".") >= 3
