"""What scenarios conclude from what they found: each bound is seen to be missed."""

from __future__ import annotations

import argparse

import msgspec
import pytest

from loadtests.scenarios import crowd, two_hours
from loadtests.scenarios.figures import Figure
from loadtests.scenarios.slow_readers import judged
from loadtests.soaking import State
from loadtests.swarm.tally import PhaseResult, Tally, merged

PHASE = msgspec.structs.replace(
    merged("crowd", [Tally("crowd", 0.0, 0.0)]), by_rendition={"720p": 1000, "audio": 1000}, messages=2000
)


def missed(figures: list[Figure]) -> list[str]:
    return [figure.name.split(": ")[-1] for figure in figures if not figure.holds]


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("other pictures chosen", {"events": {"switch": 1}}),
        ("parts of the picture that were 720p", {"by_rendition": {"720p": 980, "480p": 20, "audio": 1000}}),
        ("parts of the picture that were 720p", {"by_rendition": {"audio": 1000}}),
        ("time without a picture, of all viewers", {"no_picture_s": 0.5}),
    ],
)
def test_a_crowd_that_is_given_less_fails(what: str, other: dict[str, object]) -> None:
    assert missed(crowd.given(PHASE, "720p")) == []
    found: PhaseResult = msgspec.structs.replace(PHASE, **other)
    assert missed(crowd.given(found, "720p")) == [what]


GOOD = ("480p", "240p", "", "480p")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (GOOD, []),
        (("480p", "480p", "360p", "240p", ""), []),
        (("480p", "240p", "480p"), ["… and then none"]),
        (("480p",), ["… that were given a smaller picture first", "… and then none"]),
        (
            ("480p", "", "240p"),
            ["… that were given a smaller picture first", "… and then none", "… that had none before a smaller one"],
        ),
        (("240p", "480p", ""), ["… that were given a smaller picture first"]),
    ],
)
def test_each_slow_reader_is_judged_by_itself(told: tuple[str, ...], found: list[str]) -> None:
    """Another one that was given less twice makes up for nothing."""
    assert missed(judged("direct", [told, ("480p", "360p", "240p", "")])) == found


@pytest.mark.parametrize(
    ("mb_per_wall_hour", "found"),
    [
        (0.0, []),
        (30.0, ["memory by hour on the wall, slope"]),
        (90.0, ["memory by hour of the event, slope", "memory by hour on the wall, slope"]),
    ],
)
def test_a_leak_is_bounded_by_the_hour_of_the_event_and_on_the_wall(mb_per_wall_hour: float, found: list[str]) -> None:
    at_s = [5.0 * number for number in range(120)]
    states = [State(100 + mb_per_wall_hour * at / 3600, 50) for at in at_s]
    options = argparse.Namespace(minutes=10.0, speed=12.0)
    assert missed(two_hours._growth({"front": states}, at_s, options)) == found
