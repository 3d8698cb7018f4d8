"""`plenum present` as a child process, for scenarios and system tests."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from loadtests.running_platform import ROOT, Platform
from plenum.identity import Role
from plenum.store import die_with_parent

STOP_S = 5.0


@asynccontextmanager
async def presenting(
    platform: Platform, event: str, source: str, *flags: str, name: str = "Film"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Publish a file or `testsrc` for as long as the block lasts."""
    token = platform.ticket(event, Role.PRESENTER, name)
    log = platform.data_dir.parent / f"present-{event}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "deploy.cli",
            "present",
            source,
            "--event",
            event,
            "--token",
            token,
            "--url",
            f"{platform.url}/whip/{event}",
            *flags,
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
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()
