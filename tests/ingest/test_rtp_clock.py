from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ingest.rtp_clock import SourceClock, Unwrapper, ntp_to_unix_us
from ingest.samples import SampleStream

SECOND = 1_000_000
VIDEO, AUDIO = SampleStream.VIDEO, SampleStream.AUDIO


def ntp(unix_s: float) -> int:
    return int((unix_s + 2_208_988_800) * 2**32)


def fed(
    clock: SourceClock, stream: SampleStream, first: int, seconds: float, delay_ms: float, jitter_ms: float
) -> None:
    """A stream captured from local time 0 on, arriving late by a delay and some jitter."""
    chance = random.Random(1)
    rate, step = (90_000, 3000) if stream is VIDEO else (48_000, 960)
    for number in range(int(seconds * rate / step)):
        captured_us = number * step * SECOND // rate
        late_us = int((delay_ms + chance.uniform(0, jitter_ms)) * 1000)
        clock.arrived(stream, (first + number * step) & 0xFFFFFFFF, captured_us + late_us)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(-5000, 90_000), max_size=50))
def test_timestamps_are_unwrapped_and_a_late_one_is_not_a_wrap(first: int, steps: list[int]) -> None:
    unwrapper = Unwrapper()
    value = unwrapper.unwrap(first)
    true = newest = value
    for step in steps:
        true = newest + step
        newest = max(newest, true)
        assert unwrapper.unwrap(true & 0xFFFFFFFF) == true


def test_the_fastest_arrival_sets_the_clock() -> None:
    clock = SourceClock()
    fed(clock, VIDEO, 0xFFFFFFFF - 50_000, 5, delay_ms=40, jitter_ms=30)
    captured = clock.capture_us(VIDEO, 0xFFFFFFFF - 50_000 + 90_000)
    assert abs(captured - SECOND - 40_000) < 2_000


def test_an_opus_packet_is_as_old_as_its_first_sample() -> None:
    clock = SourceClock()
    fed(clock, AUDIO, 100, 5, delay_ms=60, jitter_ms=0)  # 20 ms of it are the packet itself
    assert clock.capture_us(AUDIO, 100) == 40_000


def test_sender_reports_bring_sound_and_picture_together() -> None:
    clock = SourceClock()
    clock.report(VIDEO, 5000, ntp(1000.0))
    clock.report(AUDIO, 900, ntp(1000.0))
    fed(clock, VIDEO, 5000, 5, delay_ms=150, jitter_ms=10)  # its encoder is slow
    fed(clock, AUDIO, 900, 5, delay_ms=20, jitter_ms=10)
    assert abs(clock.capture_us(VIDEO, 5000 + 90_000) - clock.capture_us(AUDIO, 900 + 48_000)) < 1_000


def test_a_report_for_one_stream_alone_moves_nothing() -> None:
    clock = SourceClock()
    fed(clock, VIDEO, 5000, 5, delay_ms=40, jitter_ms=0)
    before = clock.capture_us(VIDEO, 5000)
    clock.report(VIDEO, 5000, ntp(1000.0))
    clock.arrived(VIDEO, 5000 + 15_000 * 30, 5 * SECOND + 40_000)
    assert abs(clock.capture_us(VIDEO, 5000) - before) < 1_000


def test_a_sender_that_starts_its_counter_anew_is_followed() -> None:
    clock = SourceClock()
    fed(clock, VIDEO, 1_000_000, 5, delay_ms=40, jitter_ms=0)
    value = clock.arrived(VIDEO, 77, 6 * SECOND)
    assert clock.capture_us(VIDEO, value) == 6 * SECOND


def test_a_restarted_counter_drops_the_reports_of_the_old_one() -> None:
    clock = SourceClock()
    clock.report(VIDEO, 1_000_000, ntp(1000.0))
    fed(clock, VIDEO, 1_000_000, 5, delay_ms=40, jitter_ms=0)
    value = clock.arrived(VIDEO, 3_000_000_000, 6 * SECOND)
    assert clock.capture_us(VIDEO, value) == 6 * SECOND
    assert clock.unix_to_local_us is None


def test_clocks_that_drift_apart_are_followed() -> None:
    clock = SourceClock()
    for number in range(30 * 120):  # two minutes at 200 ppm: 24 ms
        value = clock.arrived(VIDEO, number * 3000, int(number * 33_333.333 * 1.0002))
    assert abs(clock.capture_us(VIDEO, value) - int(number * 33_333.333 * 1.0002)) < 3_000


def test_ntp_time_is_unix_time_with_a_binary_fraction() -> None:
    assert ntp_to_unix_us(ntp(1_700_000_000.5)) == 1_700_000_000_500_000
