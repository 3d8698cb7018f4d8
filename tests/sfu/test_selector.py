"""Which picture a viewer of `auto` is sent, on simulated lines: healthy ones, narrow ones, dead ones, direct and proxied."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfu.lateness import Patience, Rung, Signs
from sfu.selector import Choice, Selector, Sound
from tests.sfu.line_sim import Line, Outcome, run

WIDE = 20e6
NARROW = 600e3
STEP_AT, FREE_AT = 10.0, 40.0
PHASES = (0.1, 0.7, 1.3, 1.9)
"""How far into a segment the line gets narrow."""


def step(at: float) -> float:
    return NARROW if STEP_AT <= at < FREE_AT else WIDE


def garbage(at: float) -> bool:
    """A page that stands still for 300 ms now and then."""
    return at % 3.7 > 0.3


def first_down(outcome: Outcome) -> float:
    return min(one.at for one in outcome.decided if one.why == "slow")


# Healthy lines


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    # Twice what the largest picture takes in its worst second. On lines of 4.5 Mbit/s a few of a thousand are switched.
    width=st.floats(6e6, 50e6),
    delay_s=st.floats(0.001, 0.15),  # half of the way there and back, which is what the kernel waits for a confirmation
    jitter_s=st.floats(0.0, 0.3),
    phase_s=st.floats(0.0, 2.0),
    proxy=st.booleans(),
    pauses=st.booleans(),
)
def test_nobody_on_a_healthy_line_is_ever_switched(
    width: float, delay_s: float, jitter_s: float, phase_s: float, proxy: bool, pauses: bool
) -> None:
    line = Line(
        lambda _: width,
        delay_s=delay_s,
        proxy=proxy,
        report_delay=lambda at: jitter_s * (round(at * 1000) * 7919 % 100) / 100,
        reads=garbage if pauses else lambda _: True,
    )
    outcome = run(line, 30, phase_s=phase_s)
    assert outcome.names() == ["720p"]
    assert outcome.sent_away_at is None


@pytest.mark.parametrize("proxy", [False, True])
def test_a_line_that_takes_all_is_given_nearly_every_part_of_the_largest_picture_unasked(proxy: bool) -> None:
    outcome = run(Line(lambda _: WIDE, proxy=proxy), 20)
    assert (
        len(outcome.passed_on_at) > 0.8 * 17 / 0.2
    )  # after the grace; the first part of a segment is sometimes looked at


@pytest.mark.parametrize("proxy", [False, True])
def test_once_a_line_gets_narrow_nothing_is_given_to_it_unasked(proxy: bool) -> None:
    outcome = run(Line(step, proxy=proxy), FREE_AT)
    assert STEP_AT - 1 < max(outcome.passed_on_at) < first_down(outcome)


@pytest.mark.parametrize("proxy", [False, True])
@pytest.mark.parametrize(
    ("every_s", "why"),
    [(60.0, "a page in the background"), (None, "a page that never reports")],
)
def test_who_reports_rarely_is_not_slow(every_s: float | None, why: str, proxy: bool) -> None:
    outcome = run(Line(lambda _: WIDE, report_every_s=every_s, proxy=proxy), 150)
    assert outcome.names() == ["720p"], why


@pytest.mark.parametrize("proxy", [False, True])
def test_who_receives_not_even_the_first_part_is_given_less_and_then_nothing(proxy: bool) -> None:
    outcome = run(Line(lambda _: 8_000, proxy=proxy), 30)
    assert outcome.names() == []
    names = [one.rendition for one in outcome.decided]
    assert names[0] == "720p"
    assert names[-1] == ""
    assert len(names) > 2
    assert first_down(outcome) < 5


def test_a_page_that_is_paused_receives_and_is_not_slow() -> None:
    # The simulated page reports what it got, and 0.0 as played: as one does that was paused from the start.
    assert run(Line(lambda _: WIDE), 60).names() == ["720p"]


@pytest.mark.parametrize("proxy", [False, True])
def test_a_transcoder_that_is_away_for_two_seconds_makes_nobody_slow(proxy: bool) -> None:
    outcome = run(Line(lambda _: WIDE, proxy=proxy), 40, parts_come=lambda at: not 20 < at < 22)
    assert outcome.names() == ["720p"]
    assert outcome.freezes, "the pause is seen, or the test shows nothing"


def test_a_line_that_stands_still_for_half_a_second_is_not_slow() -> None:
    assert run(Line(lambda at: 0 if at % 20 > 19.6 else WIDE), 90).names() == ["720p"]


# The start


@pytest.mark.parametrize(
    ("most", "chosen"),
    [("", "720p"), ("480p", "480p"), ("1080p", "720p"), ("400p", "360p"), ("100p", "240p"), ("nonsense", "720p")],
)
def test_a_viewer_starts_with_the_largest_that_is_wanted(most: str, chosen: str) -> None:
    outcome = run(Line(lambda _: WIDE), 30, most=most)
    assert [(one.rendition, one.why) for one in outcome.told] == [(chosen, "start")]


@pytest.mark.parametrize("width", [NARROW, 1e6, 1.5e6])
def test_a_viewer_whose_line_is_narrow_from_the_start_has_a_picture_soon(width: float) -> None:
    outcome = run(Line(lambda _: width), 12)
    assert first_down(outcome) < 2.0
    assert outcome.frozen_s() < 3.0
    assert outcome.shown.keys() & {"240p", "360p"}


# A line that gets narrow, and free again


@pytest.mark.parametrize("phase_s", PHASES)
@pytest.mark.parametrize("proxy", [False, True])
def test_down_is_decided_within_two_seconds_and_straight_to_what_fits(proxy: bool, phase_s: float) -> None:
    outcome = run(Line(step, proxy=proxy), STEP_AT + 12, phase_s=phase_s)
    went = next(one for one in outcome.decided if one.why == "slow")
    assert went.at - STEP_AT < 2.0
    assert (went.rendition, went.abandoned) == ("240p", True)


@pytest.mark.parametrize("phase_s", PHASES)
def test_a_direct_line_that_gets_narrow_costs_one_freeze_of_at_most_three_seconds(phase_s: float) -> None:
    outcome = run(Line(step), FREE_AT, phase_s=phase_s)
    assert outcome.frozen_s() < 3.0
    assert outcome.frozen_s(since=STEP_AT + 6) < 0.1
    assert outcome.names(since=STEP_AT) == ["240p"]


@pytest.mark.parametrize("phase_s", (*PHASES, 0.4, 1.0, 1.6))
def test_behind_a_proxy_that_swallows_all_there_is_one_freeze_of_at_most_three_seconds(phase_s: float) -> None:
    outcome = run(Line(step, proxy=True), FREE_AT + 90, phase_s=phase_s)
    assert min(one.at for one in outcome.decided if one.why == "slow") - STEP_AT < 2.0
    assert outcome.given_up_at, "the word of another picture queues for longer than a page waits for it"
    assert len(outcome.given_up_at) == 1
    freezes = [length for at, length in outcome.freezes if length > 0.4]
    # What stands still twice within a moment, because one part came in between, is the player's to hold back.
    assert sum(freezes) < 3.0
    assert outcome.frozen_s(since=STEP_AT + 5) < 0.1, "no try to go up that the line could not carry"
    back = next(one.at for one in outcome.decided if one.at > FREE_AT and one.rendition == "720p")
    assert back - FREE_AT < 30
    assert outcome.decided[-1].at == back


def test_a_page_that_never_says_that_it_is_late_has_seconds_swallowed_behind_a_proxy() -> None:
    # What the test above would be without those reports, and without the page that gives the line up.
    outcome = run(Line(step, proxy=True, reports_late=False), FREE_AT)
    assert sum(length for _, length in outcome.freezes) > 6.0


@pytest.mark.parametrize(
    "phase_s", PHASES[1:]
)  # in the first one a key frame is on its way that takes three seconds itself
def test_the_word_of_a_smaller_picture_does_not_wait_behind_much_of_the_old_one(phase_s: float) -> None:
    # A kernel whose congestion window grew on a wide line would take seconds of the picture.
    outcome = run(Line(step, kernel_bytes=1 << 20), STEP_AT + 12, phase_s=phase_s)
    assert min(one.at for one in outcome.told if one.why == "slow") - STEP_AT < 1.5


@pytest.mark.parametrize("phase_s", PHASES)
def test_a_narrow_line_with_a_bucket_before_it_is_not_taken_for_a_wide_one(phase_s: float) -> None:
    outcome = run(Line(step, bucket_bytes=8 * 1024), FREE_AT + 30, phase_s=phase_s, independent_share=1.2)
    # Told by the server, or begun anew with by a page that heard nothing of it.
    assert {one.rendition for one in outcome.decided if STEP_AT <= one.at < FREE_AT} == {"240p"}
    assert outcome.decided[-1].rendition == "720p"


@pytest.mark.parametrize("phase_s", PHASES)
@pytest.mark.parametrize("proxy", [False, True])
def test_a_line_that_is_free_again_is_back_at_the_top_within_thirty_seconds_and_stays(
    proxy: bool, phase_s: float
) -> None:
    outcome = run(Line(step, proxy=proxy), FREE_AT + 90, phase_s=phase_s)
    assert outcome.decided[-1].rendition == "720p"
    assert outcome.decided[-1].at - FREE_AT < 28
    climbed = [one.rendition for one in outcome.decided if one.at > FREE_AT]
    assert climbed == sorted(climbed, key=lambda name: int(name[:-1])), "one rung at a time, and never back"


@pytest.mark.parametrize("seed", range(12))
def test_a_line_that_only_just_carries_the_smallest_picture_costs_one_freeze(seed: int) -> None:
    chance = Random(seed)  # the smallest and its sound are 478 kbit/s at most, but for its worst segments
    width, sound_bps, phase_s = chance.uniform(485e3, 590e3), chance.choice([96_000, 128_000]), chance.uniform(0, 2)
    line = Line(lambda at: width if at >= STEP_AT else WIDE, proxy=seed % 4 != 3, sound_bps=sound_bps)
    outcome = run(line, FREE_AT, phase_s=phase_s, seed=seed, sound_leads=True)
    freezes = [(at, length) for at, length in outcome.freezes if at >= STEP_AT - 1 and length > 0.4]
    assert len(freezes) == 1, freezes
    assert freezes[0][1] < 3.0
    assert {one.rendition for one in outcome.decided if one.at > STEP_AT} == {"240p"}


@pytest.mark.parametrize("proxy", [False, True])
def test_of_a_smallest_picture_that_came_too_late_the_rest_is_skipped_up_to_a_key_frame(proxy: bool) -> None:
    def dips(at: float) -> float:
        return WIDE if at < STEP_AT else 150e3 if 20 <= at < 22.5 else 500e3

    outcome = run(Line(dips, proxy=proxy), FREE_AT, sound_leads=True)
    freezes = [length for at, length in outcome.freezes if at > 15]
    assert len(freezes) == 1
    assert freezes[0] < 6.0, "without that it stands still for 17 s: all that follows is late too"
    assert outcome.decided[-1].at < 15, "and nothing was chosen anew"


def test_what_was_given_to_our_transport_is_one_part_at_most() -> None:
    assert run(Line(step), FREE_AT).unsent_max < 200_000


def test_a_line_just_below_a_rung_goes_on_with_the_old_picture_until_the_new_one_begins() -> None:
    outcome = run(Line(lambda at: WIDE if at < 10 else 2.75e6), 25)
    went = next(one for one in outcome.decided if one.why == "slow")
    assert (went.rendition, went.abandoned) == ("480p", False)
    assert outcome.frozen_s() < 0.5


def test_a_line_whose_page_saw_that_it_carries_no_more_is_tried_once_a_minute_at_most() -> None:
    outcome = run(Line(lambda _: 1.0e6, proxy=True), 240)
    tries = [one.at for one in outcome.decided if (one.rendition, one.why) == ("480p", "recovered")]
    pauses = [later - sooner for sooner, later in pairwise(tries)]
    assert len(tries) >= 3
    assert min(pauses) > 60


# Lines that carry no picture, and dead ones


@pytest.mark.parametrize("proxy", [False, True])
def test_who_hardly_reads_is_seen_lower_then_without_a_picture_then_sent_away(proxy: bool) -> None:
    outcome = run(Line(lambda _: 8e3, sound=False, proxy=proxy), 60)
    assert [one.rendition for one in outcome.decided] == ["720p", "240p", ""]
    assert outcome.sent_away_at is not None
    assert 10 < outcome.sent_away_at < 35
    assert outcome.unsent_max < 200_000


@pytest.mark.parametrize("proxy", [False, True])
def test_a_line_that_dies_is_sent_away_after_ten_to_fifteen_seconds(proxy: bool) -> None:
    outcome = run(Line(lambda at: WIDE if at < 10 else 0, proxy=proxy), 60)
    assert outcome.sent_away_at is not None
    assert 10 < outcome.sent_away_at - 10 < 15


def test_who_stopped_reporting_while_nothing_is_taken_is_slow_all_the_same() -> None:
    outcome = run(Line(lambda at: WIDE if at < 10 else 0, report_every_s=None), 60)
    assert "240p" in [one.rendition for one in outcome.decided]
    assert outcome.sent_away_at is not None


def test_a_line_that_carries_no_picture_is_quiet_and_gets_one_when_it_can() -> None:
    outcome = run(Line(lambda at: 300e3 if at < 30 else WIDE), 90)
    names = [one.rendition for one in outcome.decided]
    assert "" in names
    assert names[-1] == "720p"
    assert outcome.sent_away_at is None


# Single rules


def signs(**given: object) -> Signs:
    plain: dict[str, object] = {
        "is_due": True,
        "backlog": 0,
        "waiting_s": 0.0,
        "sends_bps": 2_800_000.0,
        "on_its_way": 0,
        "carries_bps": None,
        "carries_at_best_bps": None,
        "could_carry_bps": None,
        "is_drained": True,
        "independent_in_s": 1.0,
    }
    return Signs(**(plain | given))  # type: ignore[arg-type]


LADDER = [Rung("720p", 2_800_000), Rung("480p", 1_200_000), Rung("360p", 700_000)]


def selector(sound: Sound = Sound(128_000)) -> Selector:  # noqa: B008 - a frozen value
    made = Selector()
    made.offer(LADDER, "", sound, "start")
    made.began(0.0)
    return made


def late(carries_bps: float) -> Signs:
    bytes_waiting = 700_000
    return signs(
        backlog=bytes_waiting,
        waiting_s=2.0,
        on_its_way=bytes_waiting,
        carries_bps=carries_bps,
        carries_at_best_bps=carries_bps,
        is_drained=False,
    )


def falls_to(one: Selector, carries_bps: float) -> str:
    for tick in range(30):
        choice = one.look(signs() if tick < 20 else late(carries_bps), tick * 0.2)
        if choice is not None:
            return choice.name
    return "nowhere"


@pytest.mark.parametrize(
    ("carries_bps", "sound_is_here", "rung"),
    [
        (1_700_000, False, "480p"),  # 0.8 * (1700 + 128) - 128 = 1334
        (1_500_000, False, "360p"),  # 0.8 * 1628 - 128 = 1174
        (1_600_000, True, "360p"),  # 0.8 * 1600 - 128 = 1152: the sound was part of what got through
        (1_700_000, True, "480p"),
        (300_000, False, "360p"),  # nothing fits: the smallest first, never no picture at once
    ],
)
def test_room_is_left_for_the_sound_wherever_it_is_sent(carries_bps: float, sound_is_here: bool, rung: str) -> None:
    assert falls_to(selector(Sound(128_000, sound_is_here)), carries_bps) == rung


def test_a_line_that_is_catching_up_is_left_alone() -> None:
    assert falls_to(selector(), 3_000_000) == "nowhere"


def smallest_alone() -> Selector:
    made = Selector()
    made.offer([Rung("240p", 350_000)], "", Sound(128_000), "start")
    made.began(0.0)
    return made


def looks(one: Selector, carries_bps: float, until: float) -> Choice | None:
    tick = 0
    while tick * 0.2 < until:
        choice = one.look(signs() if tick < 20 else late(carries_bps), tick * 0.2)
        if choice is not None:
            return choice
        tick += 1
    return None


def test_the_smallest_picture_that_is_late_is_not_stopped_where_the_line_carries_it() -> None:
    one = smallest_alone()
    assert looks(one, 340_000, 60.0) is None
    assert one.name == "240p"
    assert not one.is_changing


def test_where_it_does_not_it_is_given_up_after_the_time_that_a_line_may_drain() -> None:
    one = smallest_alone()
    assert looks(one, 300_000, 4.0 + Patience().drain_s) is None
    choice = looks(one, 300_000, 60.0)
    assert choice is not None
    assert (choice.name, choice.abandoned) == ("", True)


def test_a_trial_that_is_called_off_before_it_began_does_not_stop_the_picture_that_goes_on() -> None:
    one = Selector()
    one.offer(LADDER, "360p", Sound(128_000), "start")
    one.began(0.0)
    one.offer(LADDER, "", Sound(128_000), "start")
    one.sent(10.0)
    up = one.look(signs(), 10.0)
    assert up is not None
    assert up.name == "480p"
    assert one.look(signs(), 10.1) is None
    back = next(filter(None, (one.look(late(300_000), 10.0 + tick * 0.2) for tick in range(1, 10))))
    assert (back.name, back.abandoned) == ("360p", False)


def test_a_smaller_wish_is_followed_at_the_next_independent_part() -> None:
    one = selector()
    choice = one.offer(LADDER, "480p", Sound(), "asked")
    assert choice is not None
    assert (choice.name, choice.abandoned, choice.why) == ("480p", False, "asked")


def test_a_ladder_that_lost_the_rung_leads_to_the_nearest_below() -> None:
    one = selector()
    choice = one.offer(LADDER[1:], "", Sound(), "start")
    assert choice is not None
    assert choice.name == "480p"


def test_a_programme_without_pictures_chooses_none() -> None:
    assert Selector().offer([], "", Sound(), "start") is None


# A programme without pictures


def test_a_programme_that_loses_all_its_pictures_changes_nothing_until_it_has_some_again() -> None:
    selector = Selector()
    ladder = [Rung("720p", 2_800_000), Rung("180p", 200_000)]
    choice = selector.offer(ladder, "", Sound(), "start")
    assert choice is not None
    selector.began(0.0)
    assert selector.offer([], "", Sound(), "start") is None
    assert not selector.may_grow
    selector.reported(10.0, 5.0)
    assert selector.look(very_late(), 5.0) is None  # which is very late: with a ladder it is a way down
    assert selector.offer(ladder, "", Sound(), "start") is None
    assert (selector.name, selector.may_grow) == ("720p", False)
    assert selector.look(very_late(), 5.1) is None, "what was late was a picture long past"
    selector.reported(10.0, 6.0)
    assert (down := selector.look(very_late(), 6.1)) is not None
    assert down.name == "180p"


def test_the_smallest_rung_that_is_late_when_the_ladder_is_gone_breaks_nothing() -> None:
    selector = Selector()
    selector.offer([Rung("180p", 200_000)], "", Sound(), "start")
    selector.began(0.0)
    selector.offer([], "", Sound(), "start")
    for at in range(100):
        selector.reported(20.0, float(at))
        assert selector.look(very_late(), at + 0.5) is None


def very_late() -> Signs:
    return Signs(
        is_due=True,
        backlog=400_000,
        waiting_s=2.0,
        sends_bps=2e6,
        on_its_way=400_000,
        carries_bps=100e3,
        carries_at_best_bps=100e3,
        could_carry_bps=None,
        is_drained=False,
        independent_in_s=1.0,
    )
