from __future__ import annotations

import pytest

from loadtests.swarm.playout import TARGET_S, Playout

PART = 0.2


def play(playout: Playout, begin: int, end: int, late_s: float = 0.0) -> None:
    """Parts begin to end of picture and sound, each so late after its last sample."""
    for number in range(begin, end):
        now = (number + 1) * PART
        for kind in (0, 1):
            playout.arrived(kind, now + late_s, now)
        if number % 5 == 4:
            playout.tick(now + late_s, 1.0)


def test_parts_in_time_never_stall() -> None:
    playout = Playout()
    play(playout, 10, 500)
    assert (playout.stalls, playout.stall_s) == (0, 0.0)
    assert playout.lag == pytest.approx(TARGET_S, abs=0.12)


def test_a_pause_longer_than_the_buffer_is_one_stall_of_the_rest() -> None:
    playout = Playout()
    play(playout, 10, 100)
    in_hand = 100 * PART + (playout.lag or 0) - 100 * PART
    for kind in (0, 1):
        playout.arrived(kind, 101 * PART + 1.0, 101 * PART)
    assert playout.stalls == 1
    assert playout.stall_s == pytest.approx(PART + 1.0 - in_hand, abs=0.01)


def test_a_pause_shorter_than_the_buffer_is_none() -> None:
    playout = Playout()
    play(playout, 10, 100)
    play(playout, 100, 101, late_s=0.2)
    play(playout, 101, 200)
    assert playout.stalls == 0


def test_a_picture_without_sound_stands_still() -> None:
    playout = Playout()
    play(playout, 10, 100)
    for number in range(100, 110):
        playout.arrived(0, (number + 1) * PART, (number + 1) * PART)
    assert playout.stalls == 1
    assert playout.stall_s > 1.0


def test_a_stall_that_lasts_counts_before_it_ends() -> None:
    playout = Playout()
    play(playout, 10, 100)
    for second in range(1, 6):
        playout.tick(100 * PART + second, 1.0)
    assert playout.stalls == 1
    assert playout.stall_s == pytest.approx(5.0 - TARGET_S, abs=0.15)


def test_a_picture_that_is_taken_away_stands_still_until_it_comes_again_while_the_sound_plays() -> None:
    playout = Playout()
    play(playout, 10, 100)
    lag = playout.lag
    playout.without_picture(100 * PART)
    for number in range(100, 150):
        playout.arrived(1, (number + 1) * PART, (number + 1) * PART)
    playout.tick(150 * PART, 1.0)
    assert (playout.stalls, playout.stall_s) == (1, pytest.approx(10.0))
    playout.with_picture(160 * PART, 160 * PART)
    assert playout.no_picture_s == playout.stall_s == pytest.approx(12.0)
    assert playout.lag == pytest.approx(lag, abs=0.1)


def test_who_is_far_behind_jumps_to_live() -> None:
    playout = Playout()
    play(playout, 10, 50)
    play(playout, 50, 100, late_s=3.0)
    play(playout, 100, 140)
    assert (playout.lag or 9) < 1.5
