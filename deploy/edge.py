"""`plenum edge`: delivery alone, on another machine, kept running; no store of its own, no ingest, no pages.

It needs what upstream has: the address, and the secret that tickets are signed with. The store is asked for nothing but to say
that this edge is there: without one it serves whoever comes, and nobody is sent to it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from deploy.assemble import edge_name
from deploy.check import check, check_edge
from deploy.launch import (
    or_stop,
    prepare,
    raise_file_limit,
    serve_admin,
    stop_children,
    stop_signals,
    write_settings,
)
from deploy.supervisor import Supervisor, spec
from plenum import log as logs
from plenum.log import get_logger
from plenum.settings import Settings

log = get_logger("edge")


async def run_edge(settings: Settings, *, console: Console) -> None:
    """This edge until SIGINT or SIGTERM. Raises BadInput, Unavailable with what to do."""
    logs.configure("supervisor", settings.log.level, settings.log.format)
    raise_file_limit(console)
    stop = stop_signals()
    async with AsyncExitStack() as stack:
        check_edge(settings)
        check(settings)
        settings = prepare(stack, settings)
        _say_what_is_missing(settings)
        settings_file = write_settings(stack, settings)
        supervisor = Supervisor()
        stack.push_async_callback(supervisor.stop)
        await or_stop(stop, _launch(supervisor, settings, settings_file))
        if stop.is_set():
            return
        await serve_admin(stack, settings, supervisor)
        server = settings.server
        console.print(
            f"Edge {edge_name(settings)} serves at {server.host}:{server.port}. Ctrl-C stops it.", soft_wrap=True
        )
        await or_stop(stop, _until_finished(supervisor))
        await stop_children(supervisor)


async def _launch(supervisor: Supervisor, settings: Settings, settings_file: Path) -> None:
    for number in range(settings.server.fronts):
        await supervisor.launch(spec(f"edge-{number}", "edge", settings_file))


async def _until_finished(supervisor: Supervisor) -> None:
    """Somebody stopped the processes themselves: nothing is left to watch over."""
    await asyncio.gather(*(child.finished.wait() for child in supervisor.children))


def _say_what_is_missing(settings: Settings) -> None:
    if not settings.redis.url:
        log.warning("edge_not_placed", detail="redis.url is not set: this edge serves, but no viewer is sent to it")
    elif not settings.edge.public_url:
        log.warning("edge_not_placed", detail="edge.public_url is not set: no viewer is sent to this edge")
    if not settings.edge.pages_url:
        log.warning("no_pages_url", detail="edge.pages_url is not set: browsers may open no socket to this edge")
