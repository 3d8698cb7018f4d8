"""The board's rules by calling them."""

import itertools

import pytest

from plenum.errors import BadInput
from plenum.event import Moderation
from qna.board import (
    ALLOWED,
    PUBLIC,
    VOTABLE,
    Asked,
    Audience,
    Board,
    Box,
    BoxSet,
    Contents,
    Entry,
    EventMoved,
    EventOnBoard,
    Item,
    Moved,
    State,
    audience_of,
    check_move,
)

P, U, X, N, A, D, H = (
    State.PENDING,
    State.PUBLISHED,
    State.NEXT,
    State.NOW,
    State.ANSWERED,
    State.DECLINED,
    State.HIDDEN,
)
MOVES = {
    (P, U), (P, D), (P, X), (P, N),
    (U, X), (U, N), (U, A), (U, H),
    (X, U), (X, N), (X, A), (X, H),
    (N, U), (N, X), (N, A), (N, H),
    (A, U), (A, H),
    (D, U),
    (H, U),
}  # fmt: skip


@pytest.mark.parametrize(("state", "to"), list(itertools.product(State, State)))
def test_a_moderator_may_move_a_question_exactly_so(state: State, to: State) -> None:
    if (state, to) in MOVES:
        check_move(state, to)
    else:
        with pytest.raises(BadInput) as caught:
            check_move(state, to)
        assert caught.value.code == "bad_move"


def test_every_state_has_its_row() -> None:
    assert set(ALLOWED) == set(State)
    assert VOTABLE < PUBLIC


@pytest.mark.parametrize(
    ("states", "audience"),
    [
        ((P, D), Audience.STAFF_AND_AUTHOR),
        ((P, U), Audience.EVERYBODY),
        ((U, H), Audience.EVERYBODY),
        ((H, U), Audience.EVERYBODY),
        ((P,), Audience.STAFF_AND_AUTHOR),
    ],
)
def test_everybody_learns_of_a_move_that_begins_or_ends_in_the_open(
    states: tuple[State, ...], audience: Audience
) -> None:
    assert audience_of(*states) is audience


def item(q: str = "q1", state: State = State.PUBLISHED, author: int = 7, conf: bool = False, votes: int = 0) -> Item:
    return Item(
        id=q,
        n=int(q[1:]),
        text=f"Is this question number {q[1:]}?",
        author=author,
        conf=conf,
        lang="en",
        state=state,
        at=1000,
        state_at=1000,
        name="" if conf else "Anna Example",
        votes=votes,
    )


def board(*items: Item) -> Board:
    return Board(Contents(ep="5", last_id="3-1000", v=2, items=items))


def test_entries_move_questions_the_box_and_the_event() -> None:
    b = board(item(state=P))
    b.add([item("q2", state=U)])
    b.apply(Entry("4-2000", Audience.STAFF_AND_AUTHOR, 2000, Asked("q2", P)))
    b.apply(Entry("5-2001", Audience.STAFF_AND_AUTHOR, 2001, Moved("q1", P, D, "Asked before")))
    b.apply(Entry("6-2002", Audience.EVERYBODY, 2002, BoxSet(Moderation.POST, False)))
    b.apply(Entry("7-2003", Audience.EVERYBODY, 2003, EventMoved("live", 1900)))
    b.apply(Entry("8-2004", Audience.EVERYBODY, 2004, EventMoved("ended", 2004)))
    assert b.items["q2"].state is P  # as the entry says, whatever the body said when it was read
    assert (b.items["q1"].state, b.items["q1"].reason, b.items["q1"].state_at) == (D, "Asked before", 2001)
    assert b.box == Box(Moderation.POST, False)
    assert b.event == EventOnBoard("ended", 1900, 2004)
    assert b.last_id == "8-2004"
    assert b.last_seq == 8


def test_counts_tell_what_changed_and_wait_for_questions_not_known_yet() -> None:
    b = board(item(votes=1), item("q2", votes=4))
    assert b.count(5, {"q1": 2, "q2": 4}) == {"q1": 2}
    assert b.v == 5
    assert b.count(6, {"q1": 3, "q9": 1}) == {"q1": 3}
    assert b.v == 5  # q9 comes by the log first, then its count is read again


def test_a_person_sees_the_public_board_and_their_own_hidden_ones() -> None:
    b = board(item(), item("q2", state=P, author=7), item("q3", state=H, author=8), item("q4", state=A, author=8))
    assert [i.id for i in b.public()] == ["q1", "q4"]
    assert [i.id for i in b.private_of(7)] == ["q2"]
    assert b.asked_by(8) == ["q3", "q4"]
    assert b.pending() == 1
