"""One event's record on disk, `events/{event}/programme.json`: atomic, durable, and in nobody's way.

A write runs in a thread of its own, so that no part waits for a disk; how far the reserved numbers are ahead of it is
`ingest/record.py`'s matter. While one write lasts, those asked for meanwhile become one. A disk that refuses is logged and
counted; the next segment tries again, and the picture goes on.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import msgspec

from ingest import metrics
from ingest.record import Record, unreadable
from plenum.log import get_logger

log = get_logger("ledger")

FILE = "programme.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@functools.cache
def boot_id() -> str:
    """Names this run of the kernel; empty where there is none, which means: never the same."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def load(folder: Path, event: str, now: float) -> Record:
    """The event's record; a new one where there is none."""
    path = folder / event / FILE
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Record)
        return msgspec.structs.replace(record, event=event)
    except FileNotFoundError:
        return Record(event)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        log.error("ledger_unreadable", event_id=event, kept_as=f"{FILE}.bad")
        path.replace(path.with_name(f"{FILE}.bad"))
        return unreadable(event, now)


def known_events(folder: Path) -> list[str]:
    """The events that have a record, or had one before it was damaged."""
    if not folder.is_dir():
        return []
    return sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))


def write(folder: Path, record: Record) -> None:
    """Atomic and durable: a new file, fsync, rename, fsync of the folder. Blocks; raises OSError."""
    path = folder / record.event / FILE
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True)
        _sync_folder(folder)
    fresh = path.with_name(f"{FILE}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(record))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A name is durable when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Ledger:
    """Writes one event's record, the newest only: while one write lasts, those asked for meanwhile become one."""

    def __init__(self, folder: Path, pool: Executor, write_record: Callable[[Path, Record], None] = write) -> None:
        self._folder = folder
        self._pool = pool
        self._write = write_record
        self._wanted: Record | None = None
        self._task: asyncio.Task[bool] | None = None

    def put(self, record: Record) -> None:
        """Write soon; a failure is logged and counted, the next segment tries again."""
        self._wanted = record
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def save(self, record: Record) -> bool:
        """Write and wait; False when the disk refused."""
        self.put(record)
        assert self._task is not None  # noqa: S101 - put has just made it
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        if self._task is not None:
            await self._task

    async def _drain(self) -> bool:
        written = True
        while (record := self._wanted) is not None:
            self._wanted = None
            written = await self._try(record)
        return written

    async def _try(self, record: Record) -> bool:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await loop.run_in_executor(self._pool, self._write, self._folder, record)
        except OSError as error:
            metrics.ledger_failures.inc()
            log.warning("ledger_not_written", event_id=record.event, error=str(error))
            return False
        metrics.ledger_seconds.observe(loop.time() - began)
        return True
