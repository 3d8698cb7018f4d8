"""`plenum run`: store, ingest, fronts, and where asked the demo; one command, one Ctrl-C.

Starts in an order in which each finds what it needs, tells what it waits for, prints the links, and on SIGINT or SIGTERM
ends everything it started.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from deploy import demo, tls
from deploy.check import check
from deploy.launch import (
    or_stop,
    prepare,
    raise_file_limit,
    serve_admin,
    stop_children,
    stop_signals,
    usable_data_dir,
    write_settings,
)
from deploy.supervisor import Supervisor, spec
from plenum import log as logs
from plenum.clock import SystemClock
from plenum.errors import Unavailable
from plenum.event import Event
from plenum.identity import ANY_EVENT, Role
from plenum.log import get_logger
from plenum.registry import Registry
from plenum.settings import Settings, without_password
from plenum.store import Embedded, check_policy, connect

log = get_logger("run")

STORE_LOOK_S = 0.2


async def run(settings: Settings, *, with_demo: bool, console: Console) -> None:
    """The whole platform until SIGINT or SIGTERM. Raises BadInput, Unavailable with what to do."""
    began = time.monotonic()
    logs.configure("supervisor", settings.log.level, settings.log.format)
    raise_file_limit(console)
    stop = stop_signals()
    async with AsyncExitStack() as stack:
        check(settings)
        settings = prepare(stack, settings)
        settings = await _store(stack, settings, console)
        settings_file = write_settings(stack, settings)
        supervisor = Supervisor()
        stack.push_async_callback(supervisor.stop)
        await or_stop(stop, _launch_platform(supervisor, settings, settings_file, console))
        if stop.is_set():
            return
        await serve_admin(stack, settings, supervisor)
        event = await _invite(settings, console, with_demo=with_demo, seconds=time.monotonic() - began)
        if event is not None:
            await or_stop(stop, _launch_demo(supervisor, settings_file, event))
        await stop.wait()
        console.print("Stopping …")
        await stop_children(supervisor)


async def _store(stack: AsyncExitStack, settings: Settings, console: Console) -> Settings:
    """The store's address; the embedded server is started, and started again should it die."""
    url = settings.redis.url
    if not url:
        embedded = Embedded(settings.data_dir / "store", settings.redis.appendfsync)
        with usable_data_dir(settings):
            await stack.enter_async_context(embedded)
        watch = asyncio.create_task(_keep_store(embedded))
        stack.callback(watch.cancel)
        url = embedded.url
    redis = connect(url)
    try:
        await redis.ping()
        await check_policy(redis)
    except (RedisError, OSError) as error:
        raise Unavailable(
            f"The store {without_password(url)} does not answer: {error}", code="store_unavailable"
        ) from None
    finally:
        await redis.aclose()
    console.print("  [green]✓[/] store")
    return settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": url})})


async def _keep_store(embedded: Embedded) -> None:
    while True:
        await asyncio.sleep(STORE_LOOK_S)
        if embedded.died():
            log.error("store_died")
            try:
                await embedded.restart()
            except Unavailable as error:
                log.error("store_restart_failed", detail=error.message)
                await asyncio.sleep(1)


async def _launch_platform(supervisor: Supervisor, settings: Settings, settings_file: Path, console: Console) -> None:
    names = ["ingest", *(f"front-{number}" for number in range(settings.server.fronts))]

    async def one(name: str) -> None:
        await supervisor.launch(spec(name, name.partition("-")[0], settings_file))
        console.print(f"  [green]✓[/] {name}")

    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(one(name))


async def _launch_demo(supervisor: Supervisor, settings_file: Path, event: Event) -> None:
    for role in ("demo-presenter", "demo-bots"):
        await supervisor.launch(spec(role, role, settings_file, "--event", event.id))


async def _invite(settings: Settings, console: Console, *, with_demo: bool, seconds: float) -> Event | None:
    """Print the links that people need."""
    redis = connect(settings.redis.url)
    try:
        registry = Registry(redis, settings.tenant, SystemClock(), settings.limits.events)
        base = settings.server.public_url.rstrip("/") or _shown_base(settings)
        table = Table(box=None, show_header=False, pad_edge=False)
        event = await demo.ensure_event(registry) if with_demo else None
        if event is not None:
            for role in (Role.PRESENTER, Role.VIEWER, Role.PRODUCER):
                code, _ = await registry.link(event.id, role)
                table.add_row(_LABEL[role], f"{base}/j/{code}")
        code, _ = await registry.link(ANY_EVENT, Role.PRODUCER)
        table.add_row("All events", f"{base}/j/{code}")
        console.print(f"\nPlenum runs at [bold]{base}[/] (started in {seconds:.1f} s)\n")
        console.print(table, soft_wrap=True)
        console.print("\nCtrl-C stops everything.")
        return event
    finally:
        await redis.aclose()


_LABEL = {Role.PRESENTER: "Presenter", Role.VIEWER: "Employee", Role.PRODUCER: "Producer"}


def _shown_base(settings: Settings) -> str:
    server = settings.server
    scheme = "https" if server.tls in ("auto", "files") else "http"
    host = server.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = next(iter(tls.machine_addresses()), "localhost")
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{server.port}"
