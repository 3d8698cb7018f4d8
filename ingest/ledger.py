"""What one programme must not forget, on disk: `events/{event}/programme.json`.

The numbers that viewers' caches know (media sequence number, init id) must never come twice, whatever dies. They are
therefore *reserved*: the file names a number above those in use, and is written anew, fsynced, whenever a segment starts.
The write runs in a thread of its own, so that no part waits for a disk; because the reservation is ahead by
`MSN_AHEAD` segments, the disk may take that many times two seconds before a number is in use that the file does not cover.
Should it take longer still (a full disk refuses for minutes), the file's age covers the rest: `resumed` adds a number for
every segment that can have been cut since it was written. A graceful stop writes the exact numbers and leaves no hole.

Who uses it: `ingest/program.py`. What surprises: CLOCK_MONOTONIC outlives us but not the machine, so the timeline's zero
is kept as long as the kernel's boot id is the same; after a reboot a new epoch begins.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import msgspec

from ingest import metrics
from plenum.log import get_logger
from plenum.media import SEGMENT_S, Rendition

log = get_logger("ledger")

FILE = "programme.json"
MSN_AHEAD = 4
INIT_AHEAD = 16
"""Transcoders are started at most six times a minute for long, so this covers a disk that stands for two minutes."""
AGE_MAX_S = 86_400.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Record(msgspec.Struct, frozen=True):
    """The programme as a restarted ingest needs it."""

    event: str
    title: str = ""
    language: str = "en"
    msn: int = 0
    """No media sequence number above this was ever given to anybody."""
    init_id: int = 0
    """No init id above this was ever given to anybody."""
    epoch: int = 0
    """0 as long as nobody has been on air."""
    zero_us: int = 0
    """CLOCK_MONOTONIC of programme time 0, valid in `boot`."""
    zero_wall_us: int = 0
    """Unix time of the same instant, µs."""
    boot: str = ""
    fps: int = 0
    renditions: tuple[Rendition, ...] = ()
    """As last announced: what a relay is told until the new transcoder is ready."""
    started_at_ms: int = 0
    ended_at_ms: int = 0
    vacant_at_ms: int = 0
    """Since when nobody is on air; 0 while somebody is."""
    written_at: float = 0.0
    """Unix seconds."""
    closed: bool = False
    """Written by a graceful stop: `msn` and `init_id` are exact."""

    @property
    def is_running(self) -> bool:
        return bool(self.epoch) and not self.ended_at_ms


def reserved(record: Record, now: float) -> Record:
    """What is written while the programme runs."""
    return msgspec.structs.replace(
        record, msn=record.msn + MSN_AHEAD, init_id=record.init_id + INIT_AHEAD, written_at=now, closed=False
    )


def exact(record: Record, now: float) -> Record:
    """What is written once nothing more can be sent."""
    return msgspec.structs.replace(record, written_at=now, closed=True)


def resumed(record: Record, now: float) -> Record:
    """The record of a running programme after a restart: numbers that nobody can have seen."""
    if record.closed or not record.written_at:
        return record
    age_s = min(max(0.0, now - record.written_at), AGE_MAX_S)
    beyond = int(age_s / SEGMENT_S) + 1 - MSN_AHEAD
    return msgspec.structs.replace(record, msn=record.msn + max(0, beyond))


def unreadable(event: str, now: float) -> Record:
    """In place of a file that is damaged: no counter that grew by one per segment ever got as far as the clock."""
    return Record(event, msn=int(now), init_id=int(now), epoch=int(now))


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
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return Record(event)
    except (msgspec.DecodeError, UnicodeError):
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
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{FILE}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, msgspec.json.encode(record))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


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
