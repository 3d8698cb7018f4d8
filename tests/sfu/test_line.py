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
