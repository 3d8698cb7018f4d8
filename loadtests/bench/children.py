"""Processes of a benchmark: started as modules of ours, ended with their block; what they cost, by the kernel's accounts."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from loadtests.running_platform import ROOT
from plenum.store import die_with_parent

READY_S = 30.0


@contextlib.asynccontextmanager
async def started(module: str, *arguments: str) -> AsyncIterator[tuple[int, list[str]]]:
    """`python -m module …` that says `ready` and perhaps more on its first line; (process id, the words after it)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=die_with_parent,
    )
    try:
        if process.stdout is None:
            raise RuntimeError(f"{module} has no output")
        words = (await asyncio.wait_for(process.stdout.readline(), READY_S)).decode().split()
        if words[:1] != ["ready"]:
            raise RuntimeError(f"{module} did not start: {' '.join(words)}")
        yield process.pid, words[1:]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def cpu_s(pids: Iterable[int]) -> float:
    """Time on a processor of these processes' threads, to the nanosecond (schedstat)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(task.read_text().split()[0])
    return total / 1e9


def socket_bytes() -> int:
    """What the kernel holds in buffers of all TCP sockets of this machine, both directions; to the page."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            return int(line.split()[-1]) * resource.getpagesize()
    return 0


def memory_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes that is theirs alone, or their share of it."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += 1024 * int(line.split()[1])
    return total
