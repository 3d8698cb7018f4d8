"""`plenum run`: store, ingest, fronts, and where asked the demo; one command, one Ctrl-C.

Starts in an order in which each finds what it needs, tells what it waits for, prints the links, and on SIGINT or SIGTERM
ends everything it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import time
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web
from redis.exceptions import RedisError
from rich.console import Console
from rich.table import Table

from deploy import demo, secret, tls
from deploy.admin import Admin
from deploy.assemble import admin_socket
from deploy.check import check
from deploy.supervisor import Supervisor, spec
from plenum import log as logs
from plenum.clock import SystemClock
from plenum.errors import BadInput, Unavailable
from plenum.event import Event
from plenum.identity import ANY_EVENT, Role
from plenum.log import get_logger
from plenum.private_folder import make_private
from plenum.registry import Registry
from plenum.settings import Settings, without_password
from plenum.store import Embedded, check_policy, connect

log = get_logger("run")

FILES_WANTED = 65_536
STORE_LOOK_S = 0.2


async def run(settings: Settings, *, with_demo: bool, console: Console) -> None:
    """The whole platform until SIGINT or SIGTERM. Raises BadInput, Unavailable with what to do."""
    began = time.monotonic()
    logs.configure("supervisor", settings.log.level, settings.log.format)
    _raise_file_limit(console)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        settings = _prepare(stack, settings)
        settings = await _store(stack, settings, console)
        settings_file = _write_settings(stack, settings)
        supervisor = Supervisor()
        stack.push_async_callback(supervisor.stop)
        await _or_stop(stop, _launch_platform(supervisor, settings, settings_file, console))
        if stop.is_set():
            return
        await _admin_port(stack, settings, supervisor)
        event = await _invite(settings, console, with_demo=with_demo, seconds=time.monotonic() - began)
        if event is not None:
            await _or_stop(stop, _launch_demo(supervisor, settings_file, event))
        await stop.wait()
        console.print("Stopping …")


def _prepare(stack: AsyncExitStack, settings: Settings) -> Settings:
    """Check what can be wrong before anything starts, and settle the ports that were left open."""
    check(settings)
    server = settings.server
    with _usable_data_dir(settings):
        for folder in (settings.data_dir, settings.runtime):
            make_private(folder)
        secret.signer(settings.auth.secret, settings.data_dir)
        tls.context(server, settings.data_dir, tls.certificate_names(server))
    port = _reserve(stack, server.host, server.port)
    admin_port = server.admin_port or _free_port(server.admin_host)
    settled = server.model_copy(update={"port": port, "admin_port": admin_port})
    return settings.model_copy(update={"server": settled, "data_dir": settings.data_dir.resolve()})


@contextlib.contextmanager
def _usable_data_dir(settings: Settings) -> Iterator[None]:
    """What is written there raises BadInput `data_dir_unusable` where that is not possible."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"The data folder {settings.data_dir} cannot be used: {error}. Choose another with --data-dir.",
            code="data_dir_unusable",
        ) from None


def _reserve(stack: AsyncExitStack, host: str, port: int) -> int:
    """Hold the main port for our fronts, which share it (SO_REUSEPORT). Raises BadInput `port_in_use`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    probe = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    try:
        if port:
            with socket.socket(family, socket.SOCK_STREAM) as alone:  # without REUSEPORT: another Plenum would not fail
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind((host, port))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind((host, port))
    except OSError as error:
        raise BadInput(
            f"Port {port} on {host} cannot be used ({error.strerror}). Choose another with --port.", code="port_in_use"
        ) from None
    return int(probe.getsockname()[1])


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def _store(stack: AsyncExitStack, settings: Settings, console: Console) -> Settings:
    """The store's address; the embedded server is started, and started again should it die."""
    url = settings.redis.url
    if not url:
        embedded = Embedded(settings.data_dir / "store", settings.redis.appendfsync)
        with _usable_data_dir(settings):
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


def _write_settings(stack: AsyncExitStack, settings: Settings) -> Path:
    """What the children and the command line read while we run; only our own user may, it may hold the secret."""
    path = settings.runtime.resolve() / "settings.json"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(settings.model_dump_json())
    stack.callback(path.unlink, missing_ok=True)
    return path


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


async def _admin_port(stack: AsyncExitStack, settings: Settings, supervisor: Supervisor) -> None:
    names = [child.spec.name for child in supervisor.children]
    admin = Admin(lambda: {name: admin_socket(settings, name) for name in names}, supervisor.healthy)
    runner = web.AppRunner(admin.app(), access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    server = settings.server
    try:
        await web.TCPSite(runner, server.admin_host, server.admin_port).start()
    except OSError as error:
        raise BadInput(
            f"The admin port {server.admin_port} cannot be used ({error.strerror}). Choose another with --admin-port.",
            code="port_in_use",
        ) from None


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


async def _or_stop(stop: asyncio.Event, work: Coroutine[object, object, None]) -> None:
    """Do the work, unless somebody presses Ctrl-C meanwhile."""
    doing = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not doing.done():
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
    else:
        doing.result()


def _raise_file_limit(console: Console) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(FILES_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < FILES_WANTED:
        console.print(f"  [yellow]![/] this system allows {hard} open files: enough for about {hard // 3} viewers")
