"""What a connection takes and could take, from looks at it."""

from __future__ import annotations

import pytest

from sfu.line import TRAIN_BYTES, Line


def idle_line() -> Line:
    line = Line()
    line.look(0, 0.0)
    return line


def test_what_was_given_at_once_and_timed_tells_what_a_line_could_carry() -> None:
    line = idle_line()
    line.wrote(TRAIN_BYTES)
    assert line.time()
    line.look(TRAIN_BYTES, 0.1)
    line.look(0, 0.2)
    assert line.could_carry_bps() == TRAIN_BYTES * 8 / 0.2


def test_less_than_that_tells_nothing() -> None:
    line = idle_line()
    line.wrote(TRAIN_BYTES - 1)
    assert not line.time()
    line.look(0, 0.001)
    assert line.could_carry_bps() is None


def test_what_a_bucket_on_the_way_let_through_at_once_does_not_count() -> None:
    line = idle_line()
    line.wrote(TRAIN_BYTES)
    line.time()
    line.look(TRAIN_BYTES - 8_192, 0.005)
    line.look(0, 0.205)
    assert line.could_carry_bps() == pytest.approx((TRAIN_BYTES - 8_192) * 8 / 0.2)


def test_a_line_that_got_narrow_is_not_judged_by_what_it_carried_before() -> None:
    line = idle_line()
    line.wrote(TRAIN_BYTES)
    line.time()
    line.look(0, 0.01)
    assert line.could_carry_bps() is not None
    line.narrowed()
    assert line.could_carry_bps() is None


def test_of_what_comes_late_no_more_is_given_than_a_window_and_all_again_once_it_comes_in_time() -> None:
    line = idle_line()
    for part in range(3):
        line.wrote(60_000, (1, part), 0.2)
    line.report((1, 0), 1.0)
    assert not line.is_full(1.0), "nothing is late"
    line.report((1, 0), 1.1, late_s=0.4)
    assert line.is_late(1.1)
    assert not line.is_full(1.1), "what is usual on this line does not count"
    line.wrote(60_000, (1, 3), 0.2)
    line.wrote(60_000, (1, 4), 0.2)
    assert line.is_full(1.1)
    line.report((1, 2), 1.2, late_s=0.4)
    assert not line.is_full(1.2)
    line.report((1, 4), 1.3)
    assert not line.is_late(1.3)


def test_what_arrived_there_counts_where_it_is_less_than_what_left_here() -> None:
    line = idle_line()
    line.wrote(TRAIN_BYTES)
    line.time()
    line.look(0, 0.001)
    line.timed(500_000)
    assert line.could_carry_bps() == 500_000
    line.narrowed()
    assert line.could_carry_bps() is None
