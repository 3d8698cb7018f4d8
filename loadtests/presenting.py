"""`plenum present` as a child process, for scenarios and system tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from loadtests.child import child
from loadtests.running_platform import Platform
from plenum.identity import Role


@asynccontextmanager
async def presenting(
    platform: Platform, event: str, source: str, *flags: str, name: str = "Film"
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Publish a file or `testsrc` for as long as the block lasts."""
    where = ("--event", event, "--url", f"{platform.url}/whip/{event}")
    token = platform.ticket(event, Role.PRESENTER, name)
    log = platform.data_dir.parent / f"present-{event}.log"
    async with child("deploy.cli", "present", source, *where, "--token", token, *flags, log=log) as process:
        yield process
