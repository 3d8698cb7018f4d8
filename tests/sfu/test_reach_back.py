"""Where an edge that begins cold asks its upstream to begin."""

from __future__ import annotations

from plenum.wire import Resume
from sfu.reach_back import CLAIM_S, CLAIMS_MAX, SPAN, ReachBack


def claims(*msns: int, epoch: int = 1, at: float = 0.0) -> ReachBack:
    made = ReachBack()
    for msn in msns:
        made.claim(Resume(epoch, msn, 3), at)
    return made


def test_the_earliest_of_those_who_come_together_counts() -> None:
    assert claims(1000, 998, 999).place(1, 0.0) == (1, 998)


def test_one_who_is_far_back_costs_the_others_nothing() -> None:
    assert claims(1000, 3, 999).place(1, 0.0) == (1, 999)
    assert claims(1000, 1000 - SPAN, 999 - SPAN).place(1, 0.0) == (1, 1000 - SPAN)


def test_one_who_claims_to_be_far_ahead_costs_the_others_nothing() -> None:
    assert claims(1000, 2**32 - 1, 999).place(1, 0.0) == (1, 999)


def test_of_two_who_cannot_both_be_served_the_newer_is() -> None:
    assert claims(1000, 3).place(1, 0.0) == (1, 1000)


def test_a_claim_is_forgotten_after_a_while_and_when_it_has_been_asked_for() -> None:
    made = claims(1000)
    assert made.place(1, CLAIM_S) is None
    made = claims(1000)
    made.clear()
    assert made.place(1, 0.0) is None


def test_an_unknown_epoch_is_the_one_that_most_come_with() -> None:
    made = claims(1000, 999, epoch=2)
    made.claim(Resume(7, 5, 0), 0.0)
    assert made.place(None, 0.0) == (2, 999)
    assert made.place(7, 0.0) == (7, 5)
    assert made.place(3, 0.0) is None


def test_the_claims_are_bounded() -> None:
    assert len(claims(*range(2 * CLAIMS_MAX))._claims) == CLAIMS_MAX
