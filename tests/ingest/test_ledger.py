"""One event's record on disk: whole or not at all, durable when it says so, and nobody waits for it."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest import ledger
from ingest.ledger import FILE, Ledger, boot_id, known_events, load, write
from ingest.record import Record


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


class Disk:
    """A disk that stands still until it is told to go on."""

    def __init__(self, error: OSError | None = None) -> None:
        self.written: list[Record] = []
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self._error = error

    def write(self, _folder: Path, record: Record) -> None:
        self.asked.set()
        assert self.go_on.wait(10)
        if self._error is not None:
            raise self._error
        self.written.append(record)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    record = Record("town-hall", title="Über uns", msn=7, epoch=1)
    write(tmp_path, record)
    assert load(tmp_path, "town-hall", 0.0) == record
    assert known_events(tmp_path) == ["town-hall"]


def test_an_unknown_event_has_an_empty_record_and_no_file(tmp_path: Path) -> None:
    assert load(tmp_path, "town-hall", 0.0) == Record("town-hall")
    assert known_events(tmp_path) == []
    assert known_events(tmp_path / "nowhere") == []


def test_a_write_that_is_cut_short_leaves_the_record_before(tmp_path: Path) -> None:
    write(tmp_path, Record("town-hall", msn=7))
    (tmp_path / "town-hall" / f"{FILE}.new").write_bytes(b'{"event":"town-ha')
    assert load(tmp_path, "town-hall", 0.0).msn == 7
    write(tmp_path, Record("town-hall", msn=8))
    assert load(tmp_path, "town-hall", 0.0).msn == 8


def test_a_write_is_synced_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        sync(descriptor)

    def rename(self: Path, target: Path) -> Path:
        steps.append(f"rename {self.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", rename)
    write(tmp_path, Record("town-hall"))
    assert steps == [f"fsync {tmp_path.name}", f"fsync {FILE}.new", f"rename {FILE}.new", "fsync town-hall"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b'{"event": 5}', b'{"x":' + b"[" * 2000])
def test_a_damaged_file_is_put_aside_and_the_numbers_start_at_the_clock(tmp_path: Path, damage: bytes) -> None:
    write(tmp_path, Record("town-hall", msn=7))
    (tmp_path / "town-hall" / FILE).write_bytes(damage)
    assert load(tmp_path, "town-hall", 1_700_000_000.0).msn == 1_700_000_000
    assert (tmp_path / "town-hall" / f"{FILE}.bad").read_bytes() == damage


def test_the_boot_id_is_the_same_all_the_time() -> None:
    assert boot_id() == boot_id() != ""


async def test_saving_returns_when_it_is_on_disk(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    book = Ledger(tmp_path, pool)
    assert await book.save(Record("town-hall", msn=3))
    assert load(tmp_path, "town-hall", 0.0).msn == 3


async def test_nobody_waits_for_a_slow_disk_and_only_the_newest_record_is_written_next(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    disk = Disk()
    book = Ledger(tmp_path, pool, disk.write)
    book.put(Record("town-hall", msn=1))
    await asyncio.to_thread(disk.asked.wait, 10)
    for msn in range(2, 50):
        book.put(Record("town-hall", msn=msn))
    assert disk.written == []
    disk.go_on.set()
    await book.close()
    assert [record.msn for record in disk.written] == [1, 49]


async def test_a_disk_that_refuses_is_counted_and_said(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    disk = Disk(OSError(errno.ENOSPC, "No space left on device"))
    disk.go_on.set()
    failures = ledger.metrics.ledger_failures._value.get()
    assert not await Ledger(tmp_path, pool, disk.write).save(Record("town-hall"))
    assert ledger.metrics.ledger_failures._value.get() == failures + 1


async def test_a_full_disk_is_tried_again_with_the_next_record(tmp_path: Path, pool: ThreadPoolExecutor) -> None:
    (tmp_path / "town-hall").write_bytes(b"a file where the folder should be")
    book = Ledger(tmp_path, pool)
    assert not await book.save(Record("town-hall", msn=1))
    (tmp_path / "town-hall").unlink()
    assert await book.save(Record("town-hall", msn=2))
