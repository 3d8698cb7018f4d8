"""Recordings as a front reads them while the ingest writes."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from plenum.media import Programme, ProgrammeState
from plenum.recording import Recording, encode, pack
from sfu.dvr_folder import EventRecording, TrackRecording
from tests.sfu.feed_parts import LADDER
from tests.sfu.test_dvr_playlist import entry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "720p").mkdir()
    (tmp_path / "recording.json").write_bytes(encode(Recording(Programme(LADDER, ProgrammeState.LIVE, 1))))
    return tmp_path


def write(folder: Path, number: int, *msns: int, torn: bytes = b"") -> None:
    with (folder / "720p" / f"{number}.idx").open("ab") as index:
        index.write(b"".join(pack(entry(msn)) for msn in msns) + torn)
    (folder / "720p" / f"{number}.mp4").write_bytes(bytes(100_000))


def track(folder: Path) -> TrackRecording:
    found = EventRecording(folder).track("720p", 2.0)
    assert found is not None
    return found


def segments(found: TrackRecording) -> int:
    text = found.playlist(skip=False, ended=False, compressed=False)
    return text.body.count(b"#EXTINF") if text else 0


def test_a_playlist_grows_with_its_index_over_several_files(folder: Path) -> None:
    found = track(folder)
    assert found.playlist(skip=False, ended=False, compressed=False) is None
    write(folder, 1, 1, 2)
    assert segments(found) == 2
    write(folder, 1, 3)
    write(folder, 2, 4, 5)
    write(folder, 3)
    assert segments(found) == 5
    write(folder, 3, 6)
    assert segments(found) == 6


def test_half_an_entry_is_waited_for(folder: Path) -> None:
    found = track(folder)
    packed = pack(entry(2))
    write(folder, 1, 1, torn=packed[:40])
    assert segments(found) == 1
    with (folder / "720p" / "1.idx").open("ab") as index:
        index.write(packed[40:])
    assert segments(found) == 2


def test_an_hour_that_was_removed_is_no_longer_listed(folder: Path) -> None:
    found = track(folder)
    write(folder, 1, 1, 2)
    write(folder, 2, 3)
    assert segments(found) == 3
    for name in ("1.idx", "1.mp4"):
        (folder / "720p" / name).unlink()
    text = found.playlist(skip=False, ended=False, compressed=False)
    assert text is not None
    assert b"#EXT-X-MEDIA-SEQUENCE:3\n" in text.body
    assert b"EVENT" not in text.body


def test_compressed_it_says_the_same_and_follows_what_is_added(folder: Path) -> None:
    found = track(folder)
    for msn in (1, 2):
        write(folder, 1, msn)
        plain = found.playlist(skip=False, ended=False, compressed=False)
        zipped = found.playlist(skip=False, ended=False, compressed=True)
        assert plain is not None
        assert zipped is not None
        assert gzip.decompress(zipped.body) == plain.body


def test_an_ended_playlist_is_whole_also_for_who_asks_for_news(folder: Path) -> None:
    found = track(folder)
    write(folder, 1, *range(1, 30))
    text = found.playlist(skip=True, ended=True, compressed=False)
    assert text is not None
    assert text.body.count(b"#EXTINF") == 29
    assert text.body.endswith(b"#EXT-X-ENDLIST\n")


def test_a_file_ends_where_its_last_entry_does(folder: Path) -> None:
    write(folder, 1, 1, 2, torn=b"x" * 30)
    piece = EventRecording(folder).open("720p", 1)
    assert piece is not None
    os.close(piece.descriptor)
    assert piece.size == entry(2).end


def test_a_file_keeps_its_tag_while_it_grows_and_another_has_another(folder: Path) -> None:
    event = EventRecording(folder)
    tags = []
    for number, msn in ((1, 1), (1, 2), (2, 3)):
        write(folder, number, msn)
        piece = event.open("720p", number)
        assert piece is not None
        os.close(piece.descriptor)
        tags.append(piece.tag)
    assert tags[0] == tags[1] != tags[2]


def test_what_is_not_there_is_none(folder: Path, tmp_path: Path) -> None:
    assert EventRecording(folder).track("1080p", 2.0) is None
    assert EventRecording(folder).open("720p", 7) is None
    assert EventRecording(tmp_path / "nothing").load() is None
