"""One rendition's recording on disk: what is there after a stop, a crash, an error."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ingest import archive_file
from ingest.archive_file import RecordingFile
from ingest.segments import Segment
from plenum.recording import ENTRY_SIZE, Entry, unpack
from plenum.wire import Header, Kind

INIT = memoryview(b"init of an encoder")


def segment(msn: int, *, init_id: int = 1, epoch: int = 1) -> Segment:
    made = Segment(Header(Kind.PART, 0, init_id=init_id, epoch=epoch, msn=msn, start=msn * 180_000, wall_us=msn))
    for part in range(10):
        header = Header(Kind.PART, 0, init_id=init_id, epoch=epoch, msn=msn, part=part, duration=18_000)
        made.add(header, memoryview(f"segment {msn} part {part} ".encode()))
    return made


def written(folder: Path, *segments: Segment) -> RecordingFile:
    file = RecordingFile(folder)
    for one in segments:
        file.append(one, INIT, 90_000)
    return file


def entries(folder: Path, number: int = 1) -> list[Entry]:
    return unpack((folder / f"{number}.idx").read_bytes())


def stored(folder: Path, entry: Entry, number: int = 1) -> bytes:
    return (folder / f"{number}.mp4").read_bytes()[entry.offset : entry.end]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "720p"


def test_the_index_names_each_segment_s_bytes_and_its_init_segment(folder: Path) -> None:
    written(folder, segment(1), segment(2)).close()
    for entry, one in zip(entries(folder), (segment(1), segment(2)), strict=True):
        assert stored(folder, entry) == b"".join(one.parts)
        media = (folder / "1.mp4").read_bytes()
        assert media[entry.init_offset : entry.init_offset + entry.init_length] == INIT
        assert entry.duration == 180_000


def test_an_init_segment_is_written_once_for_each_encoder(folder: Path) -> None:
    written(folder, segment(1), segment(2), segment(7, init_id=2)).close()
    assert (folder / "1.mp4").read_bytes().count(INIT) == 2
    assert [entry.discontinuities for entry in entries(folder)] == [0, 0, 1]


def test_a_restart_goes_on_behind_the_last_segment(folder: Path) -> None:
    written(folder, segment(1)).close()
    written(folder, segment(2, init_id=2), segment(3, init_id=2)).close()
    assert [(entry.msn, entry.discontinuities) for entry in entries(folder)] == [(1, 0), (2, 1), (3, 1)]
    assert stored(folder, entries(folder)[-1]) == b"".join(segment(3).parts)


@pytest.mark.parametrize("torn", [b"x", b"x" * 5_000])
def test_a_torn_tail_is_cut_off(folder: Path, torn: bytes) -> None:
    written(folder, segment(1)).close()
    with (folder / "1.mp4").open("ab") as media, (folder / "1.idx").open("ab") as index:
        media.write(torn)
        index.write(torn[: ENTRY_SIZE - 1])
    written(folder, segment(2)).close()
    assert [stored(folder, entry) for entry in entries(folder)] == [b"".join(segment(n).parts) for n in (1, 2)]
    assert (folder / "1.mp4").stat().st_size == entries(folder)[-1].end


def test_an_entry_whose_bytes_never_reached_the_disk_is_dropped(folder: Path) -> None:
    written(folder, segment(1), segment(2)).close()
    with (folder / "1.mp4").open("ab") as media:
        media.truncate(entries(folder)[1].end - 1)
    written(folder, segment(3)).close()
    assert [entry.msn for entry in entries(folder)] == [1, 3]


def test_the_next_file_begins_after_an_hour_with_an_init_segment_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_file, "SEGMENTS_PER_FILE", 2)
    written(folder, *(segment(msn) for msn in range(1, 4))).close()
    written(folder, segment(4), segment(5)).close()
    assert [[entry.msn for entry in entries(folder, number)] for number in (1, 2, 3)] == [[1, 2], [3, 4], [5]]
    assert all(entries(folder, number)[0].init_offset == 0 for number in (1, 2, 3))
    assert {entry.discontinuities for number in (1, 2, 3) for entry in entries(folder, number)} == {0}


def test_a_number_never_comes_twice(folder: Path) -> None:
    written(folder, segment(2), segment(2), segment(1)).close()
    assert [entry.msn for entry in entries(folder)] == [2]


@pytest.mark.parametrize("write", [1, 2], ids=["media", "index"])
def test_a_write_that_fails_leaves_what_was_there(folder: Path, monkeypatch: pytest.MonkeyPatch, write: int) -> None:
    file = written(folder, segment(1))
    whole = archive_file._write_all
    calls = iter(range(1, 9))

    def refuse(descriptor: int, pieces: list[memoryview], offset: int) -> None:
        whole(descriptor, [memoryview(b"half")], offset)
        if next(calls) == write:
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(archive_file, "_write_all", refuse)
    with pytest.raises(OSError, match="full"):
        file.append(segment(2), INIT, 90_000)
    monkeypatch.undo()
    # Given back: on a full disk every byte of a segment that nobody can read is one too many.
    assert (folder / "1.mp4").stat().st_size == entries(folder)[-1].end
    assert (folder / "1.idx").stat().st_size == ENTRY_SIZE
    file.append(segment(3), INIT, 90_000)
    file.close()
    assert [(entry.msn, stored(folder, entry)) for entry in entries(folder)] == [
        (msn, b"".join(segment(msn).parts)) for msn in (1, 3)
    ]


def test_a_small_file_is_whole_also_where_the_disk_takes_it_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwritev

    def some(descriptor: int, pieces: list[memoryview], offset: int) -> int:
        return real(descriptor, [pieces[0][:7]], offset)

    monkeypatch.setattr(os, "pwritev", some)
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, [memoryview(data)[:7]], 0))
    archive_file.write_whole(tmp_path / "recording.json", bytes(range(100)))
    assert (tmp_path / "recording.json").read_bytes() == bytes(range(100))


def test_a_small_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recording.json"
    archive_file.write_whole(path, b"old")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwritev", full)
    with pytest.raises(OSError, match="full"):
        archive_file.write_whole(path, b"new")
    assert path.read_bytes() == b"old"
