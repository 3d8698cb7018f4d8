"""What a person may do on the board, before the store is asked: text, rates, roles. Rules only; time is an argument."""

from __future__ import annotations

import re
import unicodedata

import msgspec

from plenum.errors import BadInput, Conflict, Forbidden, TooMany
from plenum.identity import Principal, Role
from qna.board import VOTABLE, Board, Item

ASK_MIN = 10
ASK_MAX = 500
REASON_MAX = 200
_CID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_QUESTION = re.compile(r"[a-z0-9]{1,16}")
_LANG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}")
_JOINERS = "\u200c\u200d"
"""Not printable by themselves, but parts of emoji and of Persian words."""
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Direction overrides: they could turn the text around them on everybody's screen."""


class Limits(msgspec.Struct, frozen=True):
    """Bounds that an operator may set; the defaults are ROBUSTNESS.md 2.6."""

    asks_per_minute: int = 3
    votes_per_minute: int = 30
    sockets_per_person: int = 6
    sockets_per_process: int = 12_000
    questions_per_event: int = 5_000

    @property
    def messages_per_s(self) -> float:
        """What one socket may send; a load test that lifts the votes needs more of them."""
        return max(10.0, self.votes_per_minute / 30)


def clean(text: str) -> str:
    """One line of composed characters, without controls and direction overrides."""
    composed = unicodedata.normalize("NFC", _BIDI.sub("", text))
    return " ".join("".join(c if c.isprintable() or c in _JOINERS else " " for c in composed).split())


def question_text(text: str) -> str:
    """The text as it is kept. Raises BadInput `too_short`, `too_long`."""
    tidy = clean(text)
    if len(tidy) < ASK_MIN:
        raise BadInput(f"Write at least {ASK_MIN} characters.", code="too_short")
    if len(tidy) > ASK_MAX:
        raise BadInput(f"Keep it to {ASK_MAX} characters; this has {len(tidy)}.", code="too_long")
    return tidy


def reason_text(text: str) -> str:
    """A moderator's reason as it is kept and told. Raises BadInput `too_long`."""
    tidy = clean(text)
    if len(tidy) > REASON_MAX:
        raise BadInput(f"Keep the reason to {REASON_MAX} characters.", code="too_long")
    return tidy


def language(tag: str) -> str:
    """A language tag, or nothing where it is not one."""
    return tag if _LANG.fullmatch(tag) else ""


def check_cid(cid: str) -> str:
    """Raises BadInput `bad_cid`: store keys are made from it."""
    if not _CID.fullmatch(cid):
        raise BadInput("A command id has 8 to 64 of A-Z, a-z, 0-9, '-' and '_'.", code="bad_cid")
    return cid


def check_question(q: str) -> str:
    """Raises BadInput `unknown_question` for what cannot be a question's id: store keys are made from it."""
    if not _QUESTION.fullmatch(q):
        raise unknown_question()
    return q


def unknown_question() -> BadInput:
    return BadInput("There is no such question.", code="unknown_question")


def is_staff(principal: Principal) -> bool:
    """Moderators: producers and admins."""
    return principal.may_act_as(Role.PRODUCER)


def counts_as_audience(principal: Principal) -> bool:
    return principal.role in (Role.VIEWER, Role.BOT)


def check_staff(is_moderator: bool) -> None:
    """Raises Forbidden `forbidden`."""
    if not is_moderator:
        raise Forbidden("Only producers moderate questions.", code="forbidden")


def check_vote(board: Board, q: str, voter: int) -> Item:
    """The question, if this person may vote on it. Raises BadInput `unknown_question`, Conflict `own_question`, `not_votable`."""
    item = board.items.get(q)
    if item is None:
        raise unknown_question()
    if item.author == voter:
        raise Conflict("You cannot vote on your own question.", code="own_question")
    if item.state not in VOTABLE:
        raise not_votable()
    return item


def not_votable() -> Conflict:
    return Conflict("This question cannot be voted on any more.", code="not_votable")


def rate_limited(wait_s: float) -> TooMany:
    return TooMany(
        f"That was a lot at once. Try again in {max(1, round(wait_s))} s.", code="rate_limited", retry_s=wait_s
    )
