from __future__ import annotations

from itertools import pairwise

import pytest

from ingest.ladder import climb
from plenum.errors import BadInput
from plenum.settings import MediaSettings


def test_rungs_come_largest_first_whatever_the_order_of_the_setting() -> None:
    assert [rung.name for rung in climb(["360p", "720p"])] == ["720p", "360p"]


def test_every_rung_is_16_to_9_with_even_sides() -> None:
    for rung in climb(["1080p", "720p", "480p", "360p", "240p"]):
        assert rung.width % 2 == rung.height % 2 == 0
        assert rung.width / rung.height == pytest.approx(16 / 9, rel=0.002)


def test_a_smaller_rung_costs_at_most_two_thirds_of_the_one_above() -> None:
    rates = [rung.bitrate_bps for rung in climb(MediaSettings().ladder)]
    assert all(lower * 3 <= upper * 2 for upper, lower in pairwise(rates))


@pytest.mark.parametrize("names", [[], ["8k"], ["720p", "720p"]])
def test_a_ladder_that_makes_no_sense_is_refused(names: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        climb(names)
    assert caught.value.code == "bad_ladder"
