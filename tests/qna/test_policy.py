"""What a person may do before the store is asked."""

import pytest

from plenum.errors import BadInput, Conflict, PlenumError
from plenum.identity import Principal, Role
from qna import policy
from qna.board import State
from tests.qna.test_board import board, item


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("  How long is\n the break?  ", "How long is the break?"),
        ("How long\x00 is\x1b[31m the break?", "How long is [31m the break?"),
        ("safe \u202etxet sdrawkcab", "safe txet sdrawkcab"),
        ("Gru\u0308\u00dfe an alle hier", "Grüße an alle hier"),
        ("family emoji 👨‍👩‍👧 stays whole", "family emoji 👨‍👩‍👧 stays whole"),
        ("<b>plain text stays plain</b>", "<b>plain text stays plain</b>"),
    ],
)
def test_a_question_is_one_line_of_plain_text(raw: str, kept: str) -> None:
    assert policy.question_text(raw) == kept


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "too_short"), ("x" * 9, "too_short"), (" " * 400 + "short" + " " * 40, "too_short"), ("x" * 501, "too_long")],
)
def test_a_question_of_the_wrong_length_is_refused(text: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        policy.question_text(text)
    assert caught.value.code == code


def test_the_bounds_themselves_are_fine() -> None:
    assert len(policy.question_text("x" * 10)) == 10
    assert len(policy.question_text("😀" * 500)) == 500


@pytest.mark.parametrize("cid", ["", "short", "x" * 65, "with space", "a:b:c:d:e", "{braces}", "ümlaut-cid", "x\n" * 8])
def test_a_command_id_is_plain(cid: str) -> None:
    with pytest.raises(BadInput) as caught:
        policy.check_cid(cid)
    assert caught.value.code == "bad_cid"


@pytest.mark.parametrize("q", ["", "Q1", "q1:x", "q{1}", "q" * 17, "../q1", "q1\n"])
def test_a_question_id_is_plain(q: str) -> None:
    with pytest.raises(BadInput) as caught:
        policy.check_question(q)
    assert caught.value.code == "unknown_question"


@pytest.mark.parametrize(("tag", "kept"), [("de", "de"), ("de-AT", "de-AT"), ("", ""), ("x" * 90, ""), ("d e", "")])
def test_a_language_is_a_tag_or_nothing(tag: str, kept: str) -> None:
    assert policy.language(tag) == kept


@pytest.mark.parametrize("state", State)
def test_only_questions_in_the_queue_take_votes(state: State) -> None:
    b = board(item(state=state, author=7))
    if state in (State.PUBLISHED, State.NEXT):
        assert policy.check_vote(b, "q1", voter=8).id == "q1"
    else:
        with pytest.raises(Conflict) as caught:
            policy.check_vote(b, "q1", voter=8)
        assert caught.value.code == "not_votable"


@pytest.mark.parametrize("state", State)
def test_nobody_votes_for_their_own_question(state: State) -> None:
    with pytest.raises(Conflict) as caught:
        policy.check_vote(board(item(state=state, author=7, conf=True)), "q1", voter=7)
    assert caught.value.code == "own_question"


def test_an_unknown_question_takes_no_vote() -> None:
    with pytest.raises(PlenumError) as caught:
        policy.check_vote(board(), "q1", voter=7)
    assert caught.value.code == "unknown_question"


@pytest.mark.parametrize(
    ("role", "staff", "audience"),
    [
        (Role.VIEWER, False, True),
        (Role.BOT, False, True),
        (Role.PRESENTER, False, False),
        (Role.PRODUCER, True, False),
        (Role.ADMIN, True, False),
    ],
)
def test_producers_moderate_and_viewers_are_the_audience(role: Role, staff: bool, audience: bool) -> None:
    who = Principal("main", "demo", role, "x")
    assert policy.is_staff(who) is staff
    assert policy.counts_as_audience(who) is audience
