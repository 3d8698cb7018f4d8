"""When a transcoder counts as stuck, and when the next one starts."""

from __future__ import annotations

import pytest

from ingest.recovery import (
    DEGRADED_AFTER,
    LONGEST_PAUSE_S,
    RESTARTS_MAX,
    WINDOW_S,
    Restarts,
    Watchdog,
)


def checked(watchdog: Watchdog, start: float, end: float) -> bool:
    """Check twice a second, as the supervision does; True when it is stuck at the end."""
    stuck = False
    steps = round((end - start) * 2)
    for step in range(1, steps + 1):
        stuck = watchdog.is_stuck(start + step / 2)
    return stuck


def test_a_starting_transcoder_has_ten_seconds() -> None:
    watchdog = Watchdog(100.0)
    assert not checked(watchdog, 100.0, 110.0)
    assert checked(watchdog, 110.0, 110.5)


def test_a_running_transcoder_without_a_part_for_two_seconds_is_stuck() -> None:
    watchdog = Watchdog(0.0)
    watchdog.progress(0.3)
    assert not checked(watchdog, 0.0, 2.0)
    assert checked(watchdog, 2.0, 2.5)


def test_a_late_check_says_that_we_slept_and_nobody_else_is_blamed() -> None:
    watchdog = Watchdog(0.0)
    watchdog.progress(0.5)
    assert not watchdog.is_stuck(0.5)
    assert not watchdog.is_stuck(60.0)
    assert checked(watchdog, 60.0, 63.5)


def test_time_spent_waiting_for_a_processor_is_not_held_against_it() -> None:
    watchdog = Watchdog(0.0)
    watchdog.progress(0.0)
    for step in range(1, 31):
        assert not watchdog.is_stuck(step / 2, starved_s=step / 2 * 0.9)
    for step in range(31, 35):
        stuck = watchdog.is_stuck(step / 2, starved_s=13.5)
    assert stuck


def test_a_process_that_does_not_wait_for_a_processor_is_stuck_however_long_it_waited_before() -> None:
    watchdog = Watchdog(0.0)
    watchdog.progress(0.5)
    watchdog.is_stuck(0.5, starved_s=100.0)
    assert not watchdog.is_stuck(1.0, starved_s=100.0)
    assert [watchdog.is_stuck(at / 2, starved_s=100.0) for at in (3, 4, 5, 6)] == [False, False, False, True]


@pytest.mark.parametrize(("last_part", "sound"), [(1.0, False), (2.9, False), (3.0, True), (500.0, True)])
def test_a_run_is_sound_when_it_gave_parts_for_two_seconds(last_part: float, sound: bool) -> None:
    watchdog = Watchdog(0.0)
    watchdog.progress(1.0)
    watchdog.progress(last_part)
    assert watchdog.was_sound is sound


def test_a_run_without_a_part_is_not_sound() -> None:
    assert not Watchdog(0.0).was_sound


def test_pauses_double_up_to_the_longest() -> None:
    restarts, now, pauses = Restarts(), 0.0, []
    for _ in range(RESTARTS_MAX):
        pauses.append(restarts.crashed(now, sound=False).pause_s)
        now += 30.0
    assert pauses == [pytest.approx(pause) for pause in (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)]
    assert restarts.crashed(now + WINDOW_S, sound=False).pause_s == LONGEST_PAUSE_S


def test_a_sound_run_is_followed_at_once_however_often() -> None:
    restarts = Restarts()
    verdicts = [restarts.crashed(now * 3.0, sound=True) for now in range(20)]
    assert {verdict.pause_s for verdict in verdicts} == {0.1}
    assert not any(verdict.quarantine for verdict in verdicts)
    assert restarts.degraded(57.0)


def test_a_sound_run_resets_the_pause() -> None:
    restarts = Restarts()
    for now in range(4):
        restarts.crashed(float(now), sound=False)
    restarts.crashed(10.0, sound=True)
    assert restarts.crashed(11.0, sound=False).pause_s == pytest.approx(0.1)


def test_a_crash_loop_starts_at_most_six_times_in_any_minute() -> None:
    restarts, now, starts = Restarts(), 0.0, []
    for _ in range(30):
        now += restarts.crashed(now, sound=False).pause_s
        starts.append(now)
    for at in starts:
        assert sum(at <= other < at + WINDOW_S - 1e-6 for other in starts) <= RESTARTS_MAX


def test_the_fifth_crash_in_a_minute_degrades_and_quarantines() -> None:
    restarts = Restarts()
    verdicts = [restarts.crashed(float(now), sound=False) for now in range(DEGRADED_AFTER)]
    assert [verdict.quarantine for verdict in verdicts] == [False] * 4 + [True]
    assert restarts.degraded(4.0)


def test_a_minute_without_crashes_is_no_longer_degraded() -> None:
    restarts = Restarts()
    for now in range(DEGRADED_AFTER):
        restarts.crashed(float(now), sound=False)
    assert not restarts.degraded(WINDOW_S + 1.0)


def test_five_crashes_over_a_long_time_degrade_nothing() -> None:
    restarts = Restarts()
    verdicts = [restarts.crashed(now * 20.0, sound=False) for now in range(DEGRADED_AFTER)]
    assert not any(verdict.quarantine for verdict in verdicts)
    assert not restarts.degraded(80.0)
