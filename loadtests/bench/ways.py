"""The ways of delivery that are compared: each an async context that gives what to watch and which processes pay for it.

`push` names its renditions and takes them over one socket, as the bare loop and aiohttp do: same parts, same sockets. `push-page`
is what a page does: the picture is `auto`, and the sound comes over a second socket. What viewers cost is told by the latter.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import msgspec

from loadtests.bench import nginx as proxies
from loadtests.bench.certificate import certificate
from loadtests.bench.children import started
from loadtests.bench.lone_front import EVENT, LoneFront, lone_front
from loadtests.bench.send_loop import compiler
from loadtests.swarm.group import Group, PullGroup, PushGroup
from loadtests.swarm.tickets import tickets
from plenum.wire import AUTO


class NotHere(Exception):
    """This machine cannot show this way; the message says why."""


class Target(msgspec.Struct, frozen=True):
    """Something that delivers, right now."""

    kind: str
    """Of viewers: push or pull."""
    group: Group
    pids: tuple[int, ...]
    """Who is charged, with their children."""
    fixed_pids: tuple[int, ...] = ()
    """Who works for it whatever the number of viewers; told beside it, not charged."""


class Case(msgspec.Struct, frozen=True):
    """What all ways are given."""

    folder: Path
    tape: Path
    viewers: int
    seconds: float
    names: tuple[str, ...] = ("720p", "audio")


Way = Callable[[Case], AbstractAsyncContextManager[Target]]
Viewers = Callable[[Case, str, tuple[str, ...]], PushGroup]


def _push(case: Case, address: str, people: tuple[str, ...] = (), ca_file: str = "") -> PushGroup:
    """One line each for picture and sound together, by name: the loop and aiohttp know no more."""
    return PushGroup(
        ((address,),),
        people or ("nobody",) * case.viewers,
        renditions=case.names,
        beside=(),
        ca_file=ca_file,
        connect_per_s=250,
    )


def _pages(_: Case, address: str, people: tuple[str, ...]) -> PushGroup:
    """Two lines each, as a page has them."""
    return PushGroup(((address,),), people, renditions=(AUTO,), beside=("audio",), connect_per_s=250)


@contextlib.asynccontextmanager
async def bare_loop(case: Case) -> AsyncIterator[Target]:
    if compiler() is None:
        raise NotHere("no C compiler")
    arguments = ("--tape", str(case.tape), "--viewers", str(case.viewers), "--seconds", str(case.seconds + 30))
    async with started("loadtests.bench.send_loop", *arguments) as (pid, words):
        yield Target("push", _push(case, f"ws://127.0.0.1:{words[0]}/live/{EVENT}/feed"), (pid,))


@contextlib.asynccontextmanager
async def _front(case: Case, viewers: Viewers, tls: bool) -> AsyncIterator[Target]:
    async with lone_front(case.folder, case.tape, {"tls": "auto"} if tls else None) as (front,):
        yield Target("push", viewers(case, front.feed, _people(front, case)), (front.pid,))


@contextlib.asynccontextmanager
async def _behind_nginx(case: Case, viewers: Viewers) -> AsyncIterator[Target]:
    """TLS ends in nginx, which passes the sockets on: both are charged."""
    async with contextlib.AsyncExitStack() as stack:
        cert, key = certificate(case.folder)
        (front,) = await stack.enter_async_context(lone_front(case.folder, case.tape))
        port = free_port()
        servers = proxies.sockets_with_tls(front.url.removeprefix("http://"), cert, key, port)
        pid = await stack.enter_async_context(proxies.nginx(case.folder, servers, port))
        address = f"wss://127.0.0.1:{port}/live/{EVENT}/feed"
        yield Target("push", viewers(case, address, _people(front, case)), (front.pid, pid))


def plenum_push(case: Case) -> AbstractAsyncContextManager[Target]:
    return _front(case, _push, tls=False)


def plenum_push_tls(case: Case) -> AbstractAsyncContextManager[Target]:
    return _front(case, _push, tls=True)


def nginx_tls_push(case: Case) -> AbstractAsyncContextManager[Target]:
    return _behind_nginx(case, _push)


def plenum_page(case: Case) -> AbstractAsyncContextManager[Target]:
    return _front(case, _pages, tls=False)


def plenum_page_tls(case: Case) -> AbstractAsyncContextManager[Target]:
    return _front(case, _pages, tls=True)


def nginx_tls_page(case: Case) -> AbstractAsyncContextManager[Target]:
    return _behind_nginx(case, _pages)


@contextlib.asynccontextmanager
async def aiohttp_send(case: Case) -> AsyncIterator[Target]:
    async with started("loadtests.bench.source", "--tape", str(case.tape)) as (pid, words):
        yield Target("push", _push(case, f"ws://127.0.0.1:{words[0]}/live/{EVENT}/feed"), (pid,))


@contextlib.asynccontextmanager
async def nginx_files(case: Case) -> AsyncIterator[Target]:
    """Parts and playlists as files in memory. A file server cannot hold a request: viewers ask twice a part."""
    memory = Path("/dev/shm")  # noqa: S108 - files in memory are the point
    root = (memory if memory.is_dir() else case.folder) / case.folder.name
    root.mkdir()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(_remove, root)
        arguments = ("--folder", str(root), "--tape", str(case.tape))
        writer, _ = await stack.enter_async_context(started("loadtests.bench.files", *arguments))
        port = free_port()
        pid = await stack.enter_async_context(proxies.nginx(case.folder, proxies.files(root, port), port))
        group = PullGroup((f"http://127.0.0.1:{port}/index.m3u8",), case.viewers, blocking=False)
        yield Target("pull", group, (pid,), (writer,))


@contextlib.asynccontextmanager
async def nginx_cache(case: Case) -> AsyncIterator[Target]:
    """nginx's cache before Plenum's LL-HLS; nginx is charged, the front behind it is told."""
    async with contextlib.AsyncExitStack() as stack:
        (front,) = await stack.enter_async_context(lone_front(case.folder, case.tape))
        port = free_port()
        servers = proxies.cache(front.url.removeprefix("http://"), case.folder, port)
        pid = await stack.enter_async_context(proxies.nginx(case.folder, servers, port))
        address = front.playlist(time.time()).replace(front.url, f"http://127.0.0.1:{port}")
        yield Target("pull", PullGroup((address,), case.viewers), (pid,), (front.pid,))


@contextlib.asynccontextmanager
async def plenum_pull(case: Case) -> AsyncIterator[Target]:
    async with lone_front(case.folder, case.tape) as (front,):
        yield Target("pull", PullGroup((front.playlist(time.time()),), case.viewers), (front.pid,))


def mediamtx(_: Case) -> AbstractAsyncContextManager[Target]:
    raise NotHere("the registries that this project reaches do not serve it")


WAYS: dict[str, tuple[str, Way]] = {
    "loop": ("bare send loop (C), one socket", bare_loop),
    "push": ("push by name, one socket", plenum_push),
    "push-page": ("push as a page: auto, two sockets", plenum_page),
    "aiohttp": ("aiohttp send_bytes, one socket", aiohttp_send),
    "files": ("nginx, parts as files", nginx_files),
    "cache": ("nginx cache before Plenum LL-HLS", nginx_cache),
    "pull": ("Plenum LL-HLS", plenum_pull),
    "mediamtx": ("MediaMTX LL-HLS", mediamtx),
    "push-tls": ("push by name, TLS in process", plenum_push_tls),
    "nginx-tls": ("push by name, TLS by nginx", nginx_tls_push),
    "push-page-tls": ("push as a page, TLS in process", plenum_page_tls),
    "nginx-page-tls": ("push as a page, TLS by nginx", nginx_tls_page),
}


def _people(front: LoneFront, case: Case) -> tuple[str, ...]:
    return tickets(front.data_dir, EVENT, case.viewers)


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
