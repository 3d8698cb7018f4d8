"""What `plenum run` and `plenum edge` do alike: ports, the data folder, the settings for the children, the admin port, stopping.

The supervisor process has no media code.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web
from rich.console import Console

from deploy import secret, tls
from deploy.admin import Admin
from deploy.assemble import admin_socket
from deploy.supervisor import Supervisor
from plenum.errors import BadInput
from plenum.private_folder import make_private
from plenum.settings import Settings

FILES_WANTED = 65_536


def stop_signals() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def stop_children(supervisor: Supervisor) -> None:
    """The children end, in peace; a further signal takes their patience away. The admin port says meanwhile: not ready."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, supervisor.hurry)
    await supervisor.stop()


def prepare(stack: AsyncExitStack, settings: Settings) -> Settings:
    """The data folder, secret and certificate can be used, the ports are ours: those that were left open are settled."""
    server = settings.server
    with usable_data_dir(settings):
        for folder in (settings.data_dir, settings.runtime):
            make_private(folder)
        secret.signer(settings.auth.secret, settings.data_dir)
        tls.context(server, settings.data_dir, tls.certificate_names(server))
    port = reserve(stack, server.host, server.port)
    admin_port = server.admin_port or free_port(server.admin_host)
    settled = server.model_copy(update={"port": port, "admin_port": admin_port})
    return settings.model_copy(update={"server": settled, "data_dir": settings.data_dir.resolve()})


@contextlib.contextmanager
def usable_data_dir(settings: Settings) -> Iterator[None]:
    """What is written there raises BadInput `data_dir_unusable` where that is not possible."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"The data folder {settings.data_dir} cannot be used: {error}. Choose another with --data-dir.",
            code="data_dir_unusable",
        ) from None


def reserve(stack: AsyncExitStack, host: str, port: int) -> int:
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


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def write_settings(stack: AsyncExitStack, settings: Settings) -> Path:
    """What the children and the command line read while we run; only our own user may, it may hold the secret."""
    path = settings.runtime.resolve() / "settings.json"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(settings.model_dump_json())
    stack.callback(path.unlink, missing_ok=True)
    return path


async def serve_admin(stack: AsyncExitStack, settings: Settings, supervisor: Supervisor) -> None:
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


async def or_stop(stop: asyncio.Event, work: Coroutine[object, object, None]) -> None:
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


def raise_file_limit(console: Console) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(FILES_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < FILES_WANTED:
        console.print(f"  [yellow]![/] this system allows {hard} open files: enough for about {hard // 3} viewers")
