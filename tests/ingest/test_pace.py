from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise

import pytest

from ingest.pace import FrameQueue, PlayoutDelay, Presence, RateChoice, Ticker, nearest_rate
from ingest.samples import SampleStream

VIDEO, AUDIO = SampleStream.VIDEO, SampleStream.AUDIO
SECOND = 1_000_000


def played(
    source_fps: float,
    programme_fps: int,
    *,
    seconds: float = 20,
    stamp_jitter_ms: float = 0,
    arrival_jitter_ms: float = 0,
    lost: Iterable[int] = (),
    phase_ms: float = 0,
) -> list[int | None]:
    """The frame number shown at each tick (None: repeated), through a queue and a playout delay of its own."""
    chance = random.Random(3)
    queue: FrameQueue[int] = FrameQueue(programme_fps)
    delay = PlayoutDelay(programme_fps)
    frames = []
    arrival_us = 0
    for number in range(int(seconds * source_fps)):
        stamp_us = int(number * SECOND / source_fps + phase_ms * 1000)
        captured_us = stamp_us + int(chance.uniform(-stamp_jitter_ms, stamp_jitter_ms) * 1000)
        arrival_us = max(arrival_us, stamp_us + int(chance.uniform(0, arrival_jitter_ms) * 1000) + 5000)
        if number not in lost:
            frames.append((arrival_us, captured_us, number))
    ticker = Ticker(programme_fps, 0, 0)
    shown: list[int | None] = []
    while ticker.due_us < seconds * SECOND:
        due_us = ticker.due_us
        while frames and frames[0][0] <= due_us:
            arrived_us, captured_us, number = frames.pop(0)
            delay.observe(1, arrived_us - captured_us, arrived_us)
            queue.put(captured_us, captured_us, number)
        shown.append(queue.take(due_us, delay.value_us))
        ticker.take(due_us)
    return shown


def numbers(shown: list[int | None]) -> list[int]:
    return [number for number in shown if number is not None]


def after_first_second(shown: list[int | None], fps: int) -> list[int]:
    return numbers(shown[fps:])


@pytest.mark.parametrize("fps", [25, 30])
@pytest.mark.parametrize("phase_ms", [0, 8, 16, 24, 31])
def test_a_source_at_the_programmes_rate_loses_no_picture_whatever_the_arrival_jitter(fps: int, phase_ms: int) -> None:
    seen = after_first_second(played(fps, fps, arrival_jitter_ms=60, phase_ms=phase_ms), fps)
    assert seen == list(range(seen[0], seen[-1] + 1))


def test_timestamps_that_jitter_around_a_ticks_edge_lose_nothing() -> None:
    seen = after_first_second(played(30, 30, stamp_jitter_ms=14, phase_ms=17), 30)
    missing = set(range(seen[0], seen[-1] + 1)) - set(seen)
    assert len(missing) <= len(seen) * 0.005


def test_a_clock_that_drifts_costs_one_picture_for_each_frame_it_drifts() -> None:
    seen = numbers(played(30.003, 30, seconds=60))  # 100 ppm: less than a fifth of a frame in a minute
    assert seen == list(range(seen[0], seen[-1] + 1))


def test_a_film_of_25_pictures_is_shown_whole_at_30() -> None:
    shown = played(25, 30)
    seen = after_first_second(shown, 30)
    assert seen == list(range(seen[0], seen[-1] + 1))
    assert shown[30:].count(None) == pytest.approx(19 * 5, abs=2)


def test_of_60_pictures_every_second_one_is_shown() -> None:
    seen = after_first_second(played(60, 30), 30)
    assert {later - earlier for earlier, later in pairwise(seen)} == {2}


def test_a_lost_picture_is_filled_by_the_one_before_and_shifts_nothing() -> None:
    shown = played(30, 30, lost=[300, 301])
    at = shown.index(299)
    assert shown[at : at + 4] == [299, None, None, 302]


def test_the_queue_holds_few_pictures_whatever_comes() -> None:
    queue: FrameQueue[int] = FrameQueue(30)
    for number in range(100):
        queue.put(number * 33_333, number * 33_333, number)
    assert len(queue) == FrameQueue.LIMIT
    assert queue.skipped == 100 - FrameQueue.LIMIT


def test_a_picture_older_than_one_that_waits_is_left_out() -> None:
    queue: FrameQueue[str] = FrameQueue(30)
    queue.put(66_666, 66_666, "new")
    queue.put(33_333, 33_333, "old")
    assert queue.take(200_000, 0) == "new"
    assert queue.take(233_333, 0) is None


def test_a_stall_is_caught_up_within_a_second() -> None:
    queue: FrameQueue[int] = FrameQueue(30)
    shown = []
    for tick in range(90):
        if not 30 <= tick < 36:  # for six ticks nothing comes, then all of it at once
            for number in range(30, 37) if tick == 36 else [tick]:
                queue.put(number * 33_333, number * 33_333, number)
        shown.append(queue.take(tick * 33_333, 0))
    assert shown[-1] is not None
    assert 89 - shown[-1] <= 1


class TestPlayoutDelay:
    def test_it_covers_the_jitter_that_was_seen(self) -> None:
        delay = PlayoutDelay()
        for late_ms in (5, 50, 8, 6):
            delay.observe(1, late_ms * 1000, SECOND)
        assert delay.value_us >= 50_000

    def test_a_single_outlier_does_not_cost_more_than_the_slack(self) -> None:
        delay = PlayoutDelay()
        for late_ms in (5, 2000, 5):
            delay.observe(1, late_ms * 1000, SECOND)
        assert delay.value_us <= 105_000

    def test_what_waited_while_a_process_started_is_forgotten_at_once(self) -> None:
        delay = PlayoutDelay()
        for late_ms in (2000, 1000, 5):
            delay.observe(1, late_ms * 1000, SECOND)
        assert delay.value_us <= 105_000

    def test_the_slower_stream_decides(self) -> None:
        delay = PlayoutDelay()
        delay.observe(2, 5_000, SECOND)
        delay.observe(1, 80_000, SECOND)
        assert delay.value_us >= 84_000

    def test_it_shrinks_by_a_frame_every_ten_seconds_when_the_network_calms_down(self) -> None:
        delay = PlayoutDelay(30)
        delay.observe(1, 5_000, 0)
        delay.observe(1, 105_000, 0)
        for second in range(1, 40):
            delay.observe(1, 5_000, second * SECOND)
        assert 105_000 - 3 * 33_333 <= delay.value_us <= 105_000 - 33_333

    def test_sound_that_goes_on_being_late_is_waited_for(self) -> None:
        delay = PlayoutDelay()
        for packet in range(100):
            late_us = 300_000 if packet >= 50 else 5_000
            delay.observe(AUDIO, late_us, packet * 20_000)
        assert 300_000 <= delay.value_us <= 340_000

    def test_sound_that_is_late_for_a_moment_is_not(self) -> None:
        delay = PlayoutDelay()
        for packet in range(100):
            delay.observe(AUDIO, 300_000 if 50 <= packet < 53 else 5_000, packet * 20_000)
        assert delay.value_us <= 110_000

    def test_sound_that_had_waited_and_comes_in_one_burst_is_not(self) -> None:
        delay = PlayoutDelay()
        for packet in range(50):
            delay.observe(AUDIO, 1_000_000 - packet * 20_000, SECOND)
        for packet in range(10):
            delay.observe(AUDIO, 5_000, SECOND + packet * 20_000)
        assert delay.value_us <= 110_000

    def test_pictures_that_are_late_for_long_are_not_waited_for(self) -> None:
        delay = PlayoutDelay()
        for picture in range(100):
            delay.observe(VIDEO, 300_000 if picture >= 50 else 5_000, picture * 33_333)
        assert delay.value_us <= 110_000

    def test_what_sound_needed_is_given_back_a_frame_a_second(self) -> None:
        delay = PlayoutDelay(30)
        for packet in range(1500):
            delay.observe(AUDIO, 300_000 if 50 <= packet < 100 else 5_000, packet * 20_000)
            if packet == 99:
                highest = delay.value_us
            if packet == 99 + 5 * 50:
                assert highest - 6 * 33_334 <= delay.value_us <= highest - 4 * 33_333
        assert delay.value_us <= 110_000


class TestTicker:
    def test_it_starts_at_the_next_whole_tick_after_now(self) -> None:
        assert Ticker(30, 1_000_000, 2_010_000).first == 31

    def test_ticks_do_not_drift(self) -> None:
        ticker = Ticker(30, 0, 0)
        for _ in range(3000):
            ticker.take(ticker.due_us)
        assert ticker.due_us == 100 * SECOND

    def test_behind_time_a_picture_lasts_to_the_end_of_its_part_at_most(self) -> None:
        ticker = Ticker(30, 0, 0)
        ticker.take(0)
        late = ticker.take(ticker.due_us + 400_000)
        assert (late.number, late.span, late.jumped) == (1, 5, False)
        assert ticker.next == 6
        assert ticker.dropped == 4

    def test_a_short_hiccup_is_caught_up_without_dropping(self) -> None:
        ticker = Ticker(30, 0, 0)
        assert [ticker.take(130_000).span for _ in range(3)] == [1, 1, 1]

    def test_after_a_long_stop_the_line_breaks_once(self) -> None:
        ticker = Ticker(30, 0, 0)
        ticker.take(0)
        tick = ticker.take(10 * SECOND)
        assert tick.jumped
        assert tick.number == pytest.approx(300, abs=1)
        assert ticker.first == tick.number
        assert not ticker.take(ticker.due_us).jumped


class TestPresence:
    def test_a_silent_second_means_gone(self) -> None:
        presence = Presence(0)
        for at_ms in range(0, 5000, 20):
            presence.seen(at_ms * 1000)
        assert not presence.is_gone(5_900_000)
        assert presence.is_gone(6_000_001)

    def test_a_source_that_speaks_only_now_and_then_is_given_longer(self) -> None:
        presence = Presence(0)
        for at_ms in (0, 1000, 2000, 3000):
            presence.seen(at_ms * 1000)
        assert not presence.is_gone(4_400_000)
        assert presence.is_gone(5_600_000)

    def test_one_blip_of_the_network_gives_nobody_longer(self) -> None:
        presence = Presence(0)
        for at_ms in [*range(0, 2000, 20), *range(2900, 4000, 20)]:
            presence.seen(at_ms * 1000)
        assert presence.is_gone(5_000_001)


class TestRate:
    @pytest.mark.parametrize(
        ("source", "rate"),
        [(30, 30), (29.97, 30), (25, 25), (24, 25), (15, 30), (60, 30), (50, 25), (12.5, 25), (10, 30)],
    )
    def test_the_nearer_rate_is_chosen(self, source: float, rate: int) -> None:
        assert nearest_rate([round(number * 90_000 / source) for number in range(10)]) == rate

    def test_losses_do_not_mislead_it(self) -> None:
        assert nearest_rate([number * 3600 for number in range(18) if number not in (3, 7, 8)]) == 25

    def test_too_few_pictures_say_nothing(self) -> None:
        assert nearest_rate([0, 3600]) == 30

    def test_it_listens_for_six_tenths_of_a_second(self) -> None:
        choice = RateChoice(0, 0)
        choice.went_on_air(0, anybody=True)
        for number in range(15):
            choice.saw_picture(number * 3600, 100_000 + number * 40_000)
        assert choice.decided(690_000) is None
        assert choice.decided(700_000) == 25

    def test_nobody_waits_for_a_picture_that_does_not_come(self) -> None:
        choice = RateChoice(0, 0)
        choice.went_on_air(0, anybody=True)
        assert choice.decided(999_999) is None
        assert choice.decided(1_000_000) == 30

    def test_the_slate_needs_no_waiting_and_a_setting_none_either(self) -> None:
        choice = RateChoice(0, 0)
        choice.went_on_air(5, anybody=False)
        assert choice.decided(5) == 30
        assert RateChoice(25, 0).decided(0) == 25
