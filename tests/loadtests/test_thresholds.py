"""When a load test has passed, and what it says when not."""

from __future__ import annotations

from loadtests.thresholds import Measured, Thresholds, missed

AGREED = Thresholds(limits_ms={"vote→ack": 500}, required=frozenset({"part arrival"}))
GOOD = [Measured("vote→ack", 100, 0, 120.0), Measured("part arrival", 5000, 0, 400.0)]


def test_a_good_run_misses_nothing() -> None:
    assert missed(GOOD, AGREED, generator_busy=False) == []


def test_one_failure_is_a_failure() -> None:
    rows = [*GOOD, Measured("join", 50, 1, 30.0)]
    assert missed(rows, AGREED, generator_busy=False) == ["join: 1 of 50 failed"]


def test_a_slow_step_is_named_with_its_limit() -> None:
    rows = [Measured("vote→ack", 100, 0, 700.0), GOOD[1]]
    assert missed(rows, AGREED, generator_busy=False) == ["vote→ack: p95 700 ms, at most 500 allowed"]


def test_a_step_that_never_succeeded_counts_as_never_measured() -> None:
    rows = [GOOD[0], Measured("part arrival", 3, 3, 0.0)]
    assert "part arrival: never measured" in missed(rows, AGREED, generator_busy=False)


def test_a_busy_generator_spoils_the_run() -> None:
    assert len(missed(GOOD, AGREED, generator_busy=True)) == 1
