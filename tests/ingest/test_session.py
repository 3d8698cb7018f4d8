"""Who may be on air: every newcomer against every stage."""

from __future__ import annotations

import pytest

from ingest.session import PUT_OFF_MAX, Source, Stage, enter, leave
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
    assert entrance.stage.sources == after.sources
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


# --- two sources of one person ---


def back(session: str, replaces: str) -> Source:
    """Anna once more, after the connection of `replaces` broke."""
    return Source(session, "anna", "Anna", replaces=replaces)


def code(stage: Stage, newcomer: Source) -> str:
    with pytest.raises(Conflict) as refused:
        enter(stage, newcomer)
    return refused.value.code


def test_who_comes_back_takes_the_place_of_the_session_that_broke() -> None:
    assert enter(PERSON, back("a2", "a1")).stage.on_air == back("a2", "a1")
    assert enter(leave(PERSON, "a1"), back("a2", "a1")).stage.on_air == back("a2", "a1")


def test_who_was_replaced_does_not_put_the_other_window_off_again() -> None:
    taken = enter(PERSON, ANNA_AGAIN).stage
    assert code(taken, back("a3", "a1")) == "replaced"
    assert code(leave(taken, "a2"), back("a3", "a1")) == "replaced"


def test_who_was_lost_before_the_other_window_came_does_not_put_it_off_either() -> None:
    assert code(enter(leave(PERSON, "a1"), ANNA_AGAIN).stage, back("a3", "a1")) == "replaced"


def test_who_names_no_session_means_to_take_over() -> None:
    taken = enter(PERSON, ANNA_AGAIN).stage
    again = enter(taken, Source("a3", "anna", "Anna"))
    assert again.replaced == ANNA_AGAIN
    assert code(again.stage, back("a4", "a2")) == "replaced"


def test_an_answer_that_was_lost_on_its_way_is_no_other_window() -> None:
    unheard = enter(PERSON, back("a2", "a1")).stage
    once_more = enter(unheard, back("a3", "a1")).stage
    assert once_more.on_air == back("a3", "a1")
    assert enter(leave(once_more, "a3"), back("a4", "a1")).stage.on_air == back("a4", "a1")
    taken = enter(unheard, Source("b", "anna", "Anna")).stage
    assert code(leave(taken, "b"), back("a3", "a1")) == "replaced"


def test_only_the_last_replaced_sessions_are_remembered() -> None:
    stage = PERSON
    for number in range(3 * PUT_OFF_MAX):
        stage = enter(stage, Source(f"n{number}", "anna", "Anna")).stage
    assert len(stage.put_off) == PUT_OFF_MAX
    assert code(stage, back("x", stage.put_off[-1])) == "replaced"
