"""What an archive has on disk of an event, whatever happens to the process, the disk and the programme."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from ingest import archive_file, archive_folder
from ingest.archive import WAITING_MAX, Archive
from ingest.archive_folder import sweep
from ingest.channel import Channel
from plenum.clock import SystemClock
from plenum.media import Programme, ProgrammeState
from plenum.recording import Entry, Recording, decode, encode, numbers, pack, unpack
from plenum.settings import DvrSettings
from tests.ingest.recorded_channel import (
    AUDIO,
    EVENT,
    LADDER,
    VIDEO,
    WALL_US,
    add_init,
    announce,
    init_bytes,
    play,
    segment_bytes,
)

HOUR_US = 3_600_000_000


def gaps(reason: str) -> float:
    return REGISTRY.get_sample_value("plenum_archive_gaps_total", {"reason": reason}) or 0.0


class Recorded:
    """What lies in one archive's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / EVENT

    def entries(self, name: str = VIDEO.name) -> list[Entry]:
        folder = self.folder / name
        there = numbers(path.name for path in folder.iterdir()) if folder.is_dir() else []
        return [entry for number in there for entry in unpack((folder / f"{number}.idx").read_bytes())]

    def msns(self, name: str = VIDEO.name) -> list[int]:
        return [entry.msn for entry in self.entries(name)]

    def check(self) -> None:
        """Each entry names the very bytes that were put in."""
        for rendition in LADDER:
            media = (self.folder / rendition.name / "1.mp4").read_bytes()
            for entry in self.entries(rendition.name):
                init = media[entry.init_offset : entry.init_offset + entry.init_length]
                assert init == init_bytes(rendition, entry.init_id)
                assert media[entry.offset : entry.end] == segment_bytes(rendition, entry.msn)

    @property
    def recording(self) -> Recording | None:
        path = self.folder / "recording.json"
        return decode(path.read_bytes()) if path.exists() else None


class Disk:
    """How much of it is free, as the archive is told."""

    def __init__(self) -> None:
        self.free = 50.0

    def percent(self, _: Path) -> float:
        return self.free


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / "dvr")


@pytest.fixture
async def archive(tmp_path: Path, disk: Disk) -> AsyncIterator[Archive]:
    archive = Archive(tmp_path / "dvr", DvrSettings(), SystemClock(), disk.percent)
    await archive.start()
    yield archive
    await archive.close()


async def written(archive: Archive) -> None:
    await archive._do(lambda: None)
    await asyncio.sleep(0)


@pytest.fixture
def channel(archive: Archive) -> Channel:
    return Channel(EVENT)


async def test_every_rendition_s_whole_segments_are_on_disk_while_the_event_runs(
    archive: Archive, channel: Channel, recorded: Recorded
) -> None:
    archive.follow(channel)
    announce(channel)
    for msn in (1, 2, 3):
        play(channel, msn)
    play(channel, 4, parts=5)
    await written(archive)
    assert (recorded.msns(), recorded.msns(AUDIO.name)) == ([1, 2, 3], [1, 2, 3])
    recorded.check()


async def test_nothing_that_belongs_to_a_person_is_kept_and_nobody_else_may_look(
    archive: Archive, channel: Channel, recorded: Recorded
) -> None:
    archive.follow(channel)
    announce(channel)
    play(channel, 1)
    await written(archive)
    assert recorded.recording is not None
    assert recorded.recording.programme.renditions == LADDER
    assert b"Anna" not in (recorded.folder / "recording.json").read_bytes()
    for path in (recorded.folder.parent, recorded.folder, recorded.folder / "720p"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE((recorded.folder / "720p" / "1.mp4").stat().st_mode) == 0o600


async def test_a_segment_that_a_dead_encoder_left_open_keeps_its_own_init_segment(
    archive: Archive, channel: Channel, recorded: Recorded
) -> None:
    archive.follow(channel)
    announce(channel)
    play(channel, 1)
    play(channel, 2, parts=4)
    add_init(channel, 2)
    play(channel, 3, init_id=2)
    await written(archive)
    assert [(e.msn, e.init_id, e.discontinuities) for e in recorded.entries()] == [(1, 1, 0), (2, 1, 0), (3, 2, 1)]
    assert recorded.entries()[1].duration == 4 * VIDEO.timescale // 5


async def test_the_end_of_the_event_is_on_disk_after_its_last_segment(
    archive: Archive, channel: Channel, recorded: Recorded
) -> None:
    archive.follow(channel)
    announce(channel)
    play(channel, 1)
    play(channel, 2, parts=3)
    channel.end(msgspec.structs.replace(channel.programme, state=ProgrammeState.ENDED), 0.0)
    await written(archive)
    assert recorded.msns() == [1, 2]
    assert recorded.recording is not None
    assert recorded.recording.has_ended
    assert recorded.recording.ended_at_ms > 0


async def test_a_ladder_that_the_disk_refused_is_written_with_the_next_segment(
    archive: Archive, channel: Channel, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(archive_folder, "write_whole", refuse)
    archive.follow(channel)
    announce(channel)
    await written(archive)
    assert recorded.recording is None
    monkeypatch.undo()
    play(channel, 1)
    await written(archive)
    assert recorded.recording is not None


async def test_an_end_that_nobody_recorded_is_noted_later(
    archive: Archive, channel: Channel, recorded: Recorded
) -> None:
    archive.follow(channel)
    announce(channel)
    play(channel, 1)
    archive.leave(EVENT)
    archive.note_ended(EVENT)
    await written(archive)
    assert recorded.recording is not None
    assert recorded.recording.has_ended


async def test_switched_off_it_writes_nothing(tmp_path: Path, channel: Channel) -> None:
    archive = Archive(tmp_path / "off", DvrSettings(enabled=False), SystemClock())
    await archive.start()
    archive.follow(channel)
    announce(channel)
    play(channel, 1)
    await archive.close()
    assert not (tmp_path / "off").exists()


async def test_a_folder_that_cannot_be_made_leaves_the_programme_alone(tmp_path: Path) -> None:
    (tmp_path / "dvr").write_text("in the way")
    archive = Archive(tmp_path / "dvr", DvrSettings(), SystemClock())
    await archive.start()
    channel = Channel(EVENT)
    archive.follow(channel)
    announce(channel)
    play(channel, 1)
    assert len(channel) == 0
    await archive.close()


async def test_with_too_little_room_nothing_is_recorded_until_there_is_again(
    archive: Archive, channel: Channel, recorded: Recorded, disk: Disk
) -> None:
    archive.follow(channel)
    announce(channel)
    before = gaps("disk_full")
    for msn, free in enumerate((50.0, 9.9, 10.5, 11.0), 1):
        disk.free = free
        play(channel, msn)
        await written(archive)
        assert REGISTRY.get_sample_value("plenum_archive_stopped") == (msn in (2, 3))
    assert recorded.msns() == [1, 4]
    assert gaps("disk_full") - before == 4  # two segments of two renditions
    recorded.check()


async def test_a_disk_that_stands_still_costs_segments_and_holds_up_nobody(
    archive: Archive, channel: Channel, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = threading.Event()
    whole = archive_file._write_all

    def wait(*arguments: object) -> None:
        assert moves.wait(20)
        whole(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(archive_file, "_write_all", wait)
    archive.follow(channel)
    announce(channel)
    before = gaps("queue_full")
    for msn in range(1, WAITING_MAX + 1):  # of two renditions: twice as many segments as may wait
        play(channel, msn)
    assert gaps("queue_full") - before == WAITING_MAX
    moves.set()
    await written(archive)
    play(channel, WAITING_MAX + 1)
    await written(archive)
    assert recorded.msns() == [*range(1, WAITING_MAX // 2 + 1), WAITING_MAX + 1]
    recorded.check()


async def killed_while_writing(folder: Path, first_msn: int, *, after: int) -> int:
    """Kill -9 a process that records, at any moment after so many segments; the last number it has put in."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ingest.archive_child", str(folder), str(first_msn), "0"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    last = 0
    while last < first_msn + after:
        last = int(await asyncio.wait_for(process.stdout.readline(), 20))
    process.send_signal(signal.SIGKILL)
    rest, _ = await process.communicate()
    return max(map(int, rest.split()), default=last)


async def test_kill_9_loses_the_open_segment_at_most_and_a_restart_goes_on(recorded: Recorded) -> None:
    folder = recorded.folder.parent
    for turn in range(1, 4):
        first = turn * 1000
        last = await killed_while_writing(folder, first, after=30 + 7 * turn)
        mine = [msn for msn in recorded.msns() if msn >= first]
        assert mine == list(range(first, mine[-1] + 1))
        assert last - mine[-1] <= 2  # what the thread had not got to: it is given a segment each 2 ms
        recorded.check()
    assert sorted({entry.discontinuities for entry in recorded.entries()}) == [0, 1, 2]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="a small disk of our own needs root")
async def test_on_a_full_disk_what_was_recorded_stays_and_recording_goes_on_with_room(tmp_path: Path) -> None:
    """A disk of two megabytes in a mount namespace of its own, filled by the recording itself."""
    script = f"""
set -e
mount -t tmpfs -o size=2m tmpfs {tmp_path}
exec {sys.executable} -m tests.ingest.full_disk {tmp_path}
"""
    done = await asyncio.to_thread(
        subprocess.run,
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "all right" in done.stdout


def recording_of(folder: Path, *ends_us: int, ended_at_ms: int = 0, name: str = EVENT) -> Path:
    """An event with one file for each of these times, at which its last segment ends."""
    for number, end_us in enumerate(ends_us, 1):
        entry = Entry(number, 1, 1, 0, 0, 4, 4, 10, 90_000, 0, 180_000, end_us - 2_000_000)
        file = folder / name / "720p" / f"{number}.idx"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pack(entry))
        file.with_suffix(".mp4").write_bytes(bytes(14))
    state = ProgrammeState.ENDED if ended_at_ms else ProgrammeState.LIVE
    (folder / name / "recording.json").write_bytes(encode(Recording(Programme(LADDER, state, 1), ended_at_ms)))
    return folder / name


def files(event: Path) -> list[str]:
    return sorted(path.name for path in (event / "720p").iterdir())


def test_hours_that_are_too_old_go_as_a_whole(tmp_path: Path) -> None:
    event = recording_of(tmp_path, WALL_US, WALL_US + HOUR_US, WALL_US + 2 * HOUR_US)
    sweep(tmp_path, hours=1, keep_hours=24, now=(WALL_US + 2 * HOUR_US) / 1e6 + 1, followed=())
    assert files(event) == ["3.idx", "3.mp4"]


def test_the_file_that_is_written_to_stays_however_old(tmp_path: Path) -> None:
    event = recording_of(tmp_path, WALL_US, WALL_US + HOUR_US)
    sweep(tmp_path, hours=1, keep_hours=24, now=WALL_US / 1e6 + 1e6, followed=(EVENT,))
    assert files(event) == ["2.idx", "2.mp4"]


@pytest.mark.parametrize(("hours_later", "there"), [(23.9, True), (24.1, False)])
def test_an_event_is_kept_for_a_while_after_its_end_then_removed(
    tmp_path: Path, hours_later: float, there: bool
) -> None:
    event = recording_of(tmp_path, WALL_US, ended_at_ms=WALL_US // 1000)
    sweep(tmp_path, hours=1, keep_hours=24, now=WALL_US / 1e6 + hours_later * 3600, followed=())
    assert event.exists() is there
