"""How a programme lies on disk."""

from __future__ import annotations

import pytest

from plenum.recording import ENTRY_SIZE, Entry, decode, numbers, pack, unpack


def entry(msn: int, **changes: int) -> Entry:
    values = {"offset": 700 + msn * 1000, "length": 1000, "wall_us": 1_800_000_000_000_000 + msn * 2_000_000} | changes
    return Entry(
        msn=msn,
        epoch=1,
        init_id=1,
        discontinuities=0,
        init_offset=0,
        init_length=700,
        timescale=90_000,
        start=msn * 180_000,
        duration=180_000,
        **values,
    )


def test_entries_come_back_as_they_were_written() -> None:
    entries = [entry(0), entry(1, wall_us=-5), entry(2, offset=1 << 40)]
    assert unpack(b"".join(map(pack, entries))) == entries


def test_an_entry_has_less_than_a_hundred_bytes() -> None:
    assert len(pack(entry(0))) == ENTRY_SIZE < 100


def test_a_torn_entry_is_not_believed() -> None:
    whole = pack(entry(0)) + pack(entry(1))
    assert unpack(whole[:-1]) == [entry(0)]


@pytest.mark.parametrize("at", [0, 20, ENTRY_SIZE - 1])
def test_nothing_from_a_damaged_entry_on_is_believed(at: int) -> None:
    damaged = bytearray(pack(entry(0)) + pack(entry(1)) + pack(entry(2)))
    damaged[ENTRY_SIZE + at] ^= 1
    assert unpack(bytes(damaged)) == [entry(0)]


def test_zeros_are_no_entry() -> None:
    assert unpack(bytes(3 * ENTRY_SIZE)) == []


def test_an_entry_beyond_the_file_is_not_believed() -> None:
    whole = pack(entry(0)) + pack(entry(1))
    assert unpack(whole, file_size=entry(1).end - 1) == [entry(0)]


def test_files_are_found_by_number() -> None:
    assert numbers(["10.idx", "2.idx", "2.mp4", "x.idx", "¹.idx", "recording.json"]) == [2, 10]


def test_what_is_no_recording_is_none() -> None:
    assert decode(b"{") is None
    assert decode(b'{"programme": 1}') is None
    assert decode(b"\xff") is None
