"""A program of this repository as a child process, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from loadtests.running_platform import ROOT
from plenum.store import die_with_parent

STOP_S = 5.0


@asynccontextmanager
async def child(
    module: str, *arguments: str, log: Path, stop_s: float = STOP_S
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m module …`, ended at the end of the block; what it says goes to `log`."""
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), stop_s)
        except TimeoutError:
            process.kill()
            await process.wait()
