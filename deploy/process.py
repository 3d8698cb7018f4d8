"""One process of the platform: `python -m deploy.process ROLE --settings FILE`. The supervisor starts it, people do not.

It assembles its role, says `ready` on the pipe, then a dot a second from the very loop that does the work, so that a loop
that hangs goes silent and is replaced.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from deploy import assemble
from deploy.supervisor import FAILED, READY
from plenum import log as logs
from plenum.errors import PlenumError
from plenum.settings import read_back

logger = logs.get_logger("process")

BEAT_S = 1.0
GC_THRESHOLD = (20_000, 20, 20)
"""Requests leave hardly a cycle behind, but allocate so much that Python's default of 700 looks for some at every third one."""
WORDS_MAX = 2048
"""Of a failure; the supervisor reads it at once."""


async def serve(role: assemble.Role, ready_fd: int) -> int:
    """Run the role until SIGTERM or SIGINT, or until its work is done. Returns the exit code."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as beating, contextlib.AsyncExitStack() as stack:
        work = await role(stack)
        gc.collect()
        gc.freeze()  # what exists now lives to the end: full collections need not look at it again
        gc.set_threshold(*GC_THRESHOLD)
        _say(ready_fd, READY)
        beat = asyncio.create_task(_beat(ready_fd))
        beating.callback(beat.cancel)  # last of all: whoever sends viewers elsewhere first is at work, and says so
        waits: list[asyncio.Task[object]] = [asyncio.create_task(_as_object(stop.wait()))]
        if work is not None:
            waits.append(asyncio.create_task(_as_object(work)))
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
    return 0


async def _as_object(work: Awaitable[object]) -> object:
    return await work


async def _beat(ready_fd: int) -> None:
    while True:
        await asyncio.sleep(BEAT_S)
        _say(ready_fd, b".")


def _say(ready_fd: int, what: bytes) -> None:
    if ready_fd >= 0:
        with contextlib.suppress(OSError):
            os.write(ready_fd, what)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="deploy.process")
    parser.add_argument("role", choices=sorted(assemble.ROLES))
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--name", default="")
    parser.add_argument("--ready-fd", type=int, default=-1)
    parser.add_argument("--event", default="")
    options = parser.parse_args(argv)
    name = options.name or options.role
    make: Callable[..., assemble.Role] = assemble.ROLES[options.role]
    try:
        settings = read_back(options.settings)
        logs.configure(name, settings.log.level, settings.log.format)
        return uvloop.run(serve(make(settings, name, options.event), options.ready_fd))
    except PlenumError as error:
        logger.error("process_failed", code=error.code, detail=error.message)
        _say(options.ready_fd, FAILED + f"{error.code} {error.message}\n".encode()[:WORDS_MAX])
        return 1


if __name__ == "__main__":
    sys.exit(main())
