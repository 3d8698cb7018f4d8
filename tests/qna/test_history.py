"""An unbroken line of entries, or none."""

from __future__ import annotations

import pytest

from plenum.event import Moderation
from qna import history
from qna.board import Audience, Board, BoxSet, Contents, Entry
from qna.history import History


def entry(seq: int) -> Entry:
    return Entry(f"{seq}-{1000 + seq}", Audience.EVERYBODY, 1000 + seq, BoxSet(Moderation.POST, True))


def read_up_to(last_seq: int) -> History:
    return History(Board(Contents(ep="5", last_id=entry(last_seq).id, v=0)))


def numbers(line: list[Entry] | None) -> list[int] | None:
    return None if line is None else [one.seq for one in line]


def taken(*seqs: int, after: int = 3) -> History:
    found = read_up_to(after)
    for seq in seqs:
        found.take(entry(seq))
    return found


def test_what_came_since_is_told_in_order() -> None:
    assert numbers(taken(4, 5, 6).since(entry(4).id)) == [5, 6]
    assert numbers(taken(4, 5, 6).since(entry(6).id)) == []
    assert numbers(read_up_to(3).since(entry(3).id)) == []


def test_entries_from_the_stream_go_before_those_held_and_none_comes_twice() -> None:
    assert numbers(taken(4, 5).since(entry(1).id, [entry(2), entry(3), entry(4)])) == [2, 3, 4, 5]


def test_a_line_with_a_hole_is_none() -> None:
    assert taken(4, 5).since(entry(1).id) is None
    assert taken(4, 5).since(entry(1).id, [entry(2)]) is None
    assert taken(4, 5).since(entry(1).id, [entry(1), entry(3)]) is None  # as many as it should be
    assert read_up_to(3).since(entry(7).id) is None


def test_a_position_of_another_history_is_not_ours_though_its_number_fits() -> None:
    assert taken(4, 5).since("4-9999") is None


def test_only_so_many_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "RING", 2)
    short = taken(4, 5, 6)
    assert numbers(short.since(entry(5).id)) == [6]
    assert short.since(entry(3).id) is None
