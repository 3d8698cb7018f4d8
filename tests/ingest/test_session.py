"""Who may be on air: every newcomer against every stage."""

from __future__ import annotations

import pytest

from ingest.session import Source, Stage, enter, leave
from plenum.errors import Conflict

ANNA = Source("a1", "anna", "Anna")
ANNA_AGAIN = Source("a2", "anna", "Anna")
BEN = Source("b1", "ben", "Ben")
DEMO = Source("d1", "demo", "Demo", stand_in=True)
DEMO_AGAIN = Source("d2", "demo", "Demo", stand_in=True)
OTHER_DEMO = Source("o1", "other", "Other demo", stand_in=True)

EMPTY = Stage()
PERSON = Stage(person=ANNA)
STAND_IN = Stage(stand_in=DEMO)
BOTH = Stage(person=ANNA, stand_in=DEMO)


@pytest.mark.parametrize(
    ("stage", "newcomer", "after", "replaced"),
    [
        (EMPTY, ANNA, Stage(person=ANNA), None),
        (EMPTY, DEMO, Stage(stand_in=DEMO), None),
        (PERSON, ANNA_AGAIN, Stage(person=ANNA_AGAIN), ANNA),
        (STAND_IN, ANNA, BOTH, None),
        (STAND_IN, DEMO_AGAIN, Stage(stand_in=DEMO_AGAIN), DEMO),
        (BOTH, ANNA_AGAIN, Stage(person=ANNA_AGAIN, stand_in=DEMO), ANNA),
        (BOTH, DEMO_AGAIN, Stage(person=ANNA, stand_in=DEMO_AGAIN), DEMO),
    ],
)
def test_who_may_enter_sits_down_and_replaces_only_themselves(
    stage: Stage, newcomer: Source, after: Stage, replaced: Source | None
) -> None:
    entrance = enter(stage, newcomer)
    assert entrance.stage == after
    assert entrance.replaced == replaced


@pytest.mark.parametrize(
    ("stage", "newcomer", "named"),
    [
        (PERSON, BEN, "Anna"),
        (BOTH, BEN, "Anna"),
        (PERSON, DEMO, "Anna"),
        (STAND_IN, OTHER_DEMO, "Demo"),
        (BOTH, OTHER_DEMO, "Demo"),
    ],
)
def test_somebody_else_is_told_who_is_on_air(stage: Stage, newcomer: Source, named: str) -> None:
    with pytest.raises(Conflict) as conflict:
        enter(stage, newcomer)
    assert conflict.value.code == "on_air"
    assert conflict.value.extra == {"on_air": named}


def test_a_stand_in_with_a_persons_subject_does_not_replace_that_person() -> None:
    with pytest.raises(Conflict):
        enter(PERSON, Source("x", "anna", "Anna", stand_in=True))


@pytest.mark.parametrize(("stage", "on_air"), [(EMPTY, None), (PERSON, ANNA), (STAND_IN, DEMO), (BOTH, ANNA)])
def test_a_person_is_on_air_before_a_stand_in(stage: Stage, on_air: Source | None) -> None:
    assert stage.on_air == on_air


@pytest.mark.parametrize(
    ("stage", "session", "on_air"),
    [
        (BOTH, "a1", DEMO),
        (BOTH, "d1", ANNA),
        (PERSON, "a1", None),
        (STAND_IN, "d1", None),
        (EMPTY, "a1", None),
        (BOTH, "unknown", ANNA),
    ],
)
def test_when_a_person_leaves_the_stand_in_returns(stage: Stage, session: str, on_air: Source | None) -> None:
    assert leave(stage, session).on_air == on_air


def test_a_replaced_session_that_ends_late_puts_nobody_off() -> None:
    stage = enter(PERSON, ANNA_AGAIN).stage
    assert leave(stage, ANNA.session) == stage


def test_sources_are_found_by_their_session() -> None:
    assert BOTH.find("d1") == DEMO
    assert BOTH.find("nobody") is None
    assert BOTH.sources == (ANNA, DEMO)
