"""The audience socket `plenum.qna.1` as values: the only place in Python that knows its JSON; `player/src/core/protocol.ts`
is its twin, the table stands in `qna/README.md`.

Both ways each message is a JSON object with the tag `t`. A `t` we do not know reads as None and is ignored, so that an
older server survives a newer page; anything else that is wrong raises BadInput with a stable code, never another error.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from plenum.errors import BadInput, PlenumError
from plenum.event import Moderation
from qna.board import State

SUBPROTOCOL = "plenum.qna.1"
VERSION = 1
MAX_MESSAGE = 16 * 1024
"""A client's message may not be larger."""
MAX_COUNTER = 2**53


class As(StrEnum):
    """Whose view a `hello` asks for."""

    ROLE = "role"
    """That of the ticket's role."""
    VIEWER = "viewer"
    """The audience's: what a producer asks for on the watch page."""


class Position(msgspec.Struct, frozen=True):
    """The last event that a client has seen: log id and epoch, both opaque to it."""

    id: str
    ep: str


class Hello(msgspec.Struct, frozen=True, tag_field="t", tag="hello", rename={"as_": "as"}):
    """First message. With `last` the server sends what was missed since, without it a snapshot."""

    ticket: str
    v: int = VERSION
    last: Position | None = None
    as_: As = As.ROLE


class Vote(msgspec.Struct, frozen=True, tag_field="t", tag="vote"):
    """Give (`on`) or take back a vote. `n` is the client's own counter, for the answer only."""

    n: int
    q: str
    on: bool


class Ask(msgspec.Struct, frozen=True, tag_field="t", tag="ask"):
    """Ask a question. `cid` makes a repetition harmless; `conf`: hidden from everybody's screens."""

    cid: str
    text: str
    conf: bool = False
    lang: str = ""


class Mod(msgspec.Struct, frozen=True, tag_field="t", tag="mod", rename={"from_": "from"}):
    """Staff: move a question that the console sees in `from` to `to`."""

    cid: str
    q: str
    from_: State
    to: State
    reason: str = ""


class SetBox(msgspec.Struct, frozen=True, tag_field="t", tag="box"):
    """Staff: pre-moderation on or off, questions taken or not."""

    cid: str
    mode: Moderation | None = None
    open: bool | None = None


class Pong(msgspec.Struct, frozen=True, tag_field="t", tag="pong"):
    """The answer to `ping`."""


ClientMessage = Hello | Vote | Ask | Mod | SetBox | Pong
TAGS = frozenset({"hello", "vote", "ask", "mod", "box", "pong"})


class Question(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question as one audience may see it."""

    id: str
    n: int
    text: str
    author: str | None
    """Null when confidential: on every screen, the moderators' too."""
    conf: bool
    lang: str
    state: State
    at: int
    state_at: int
    reason: str = ""


class AskLimits(msgspec.Struct, frozen=True):
    ask_min: int
    ask_max: int


class Welcome(msgspec.Struct, frozen=True, tag_field="t", tag="welcome"):
    role: str
    name: str
    limits: AskLimits
    tick_hz: int
    server_time_ms: int


class Me(msgspec.Struct, frozen=True):
    voted: list[str]
    mine: list[str]


class Box(msgspec.Struct, frozen=True):
    mode: Moderation
    open: bool


class EventOnBoard(msgspec.Struct, frozen=True):
    state: str
    live_at_ms: int
    ended_at_ms: int


class Snap(msgspec.Struct, frozen=True, tag_field="t", tag="snap"):
    """All that this audience may know. `questions` and `votes` come ready encoded: they are the same for everybody."""

    id: str
    ep: str
    v: int
    questions: msgspec.Raw
    votes: msgspec.Raw
    me: Me
    box: Box
    event: EventOnBoard
    aud: int


class Asked(msgspec.Struct, frozen=True):
    """`d` of `q.new`."""

    question: Question


class Moved(msgspec.Struct, frozen=True):
    """`d` of `q.state`."""

    q: str
    from_: State = msgspec.field(name="from")
    to: State
    at: int
    reason: str | UnsetType = UNSET
    question: Question | UnsetType = UNSET


class EventMoved(msgspec.Struct, frozen=True):
    """`d` of `event.state`."""

    state: str
    at: int


Happening = Asked | Moved | Box | EventMoved


class Ev(msgspec.Struct, frozen=True, tag_field="t", tag="ev"):
    """One event. `prev` is the id of the event before it for this audience: a mismatch proves a gap."""

    id: str
    prev: str
    k: str
    d: Happening


class Tally(msgspec.Struct, frozen=True, tag_field="t", tag="tally"):
    """Counts that changed since version `v` before it, and the size of the audience."""

    v: int
    q: dict[str, int]
    aud: int


class OkVote(msgspec.Struct, frozen=True, tag_field="t", tag="ok"):
    n: int
    r: dict[str, int]


class OkCommand(msgspec.Struct, frozen=True, tag_field="t", tag="ok"):
    cid: str
    r: dict[str, str | bool]


class Err(msgspec.Struct, frozen=True, tag_field="t", tag="err", omit_defaults=True):
    code: str
    message: str
    n: int | None = None
    cid: str | None = None
    retry_ms: int | None = None
    current: State | None = None
    """With `stale_state`: what the question is now …"""
    by: str | None = None
    """… and who made it so."""


class StoreState(msgspec.Struct, frozen=True, tag_field="t", tag="state"):
    """`up`, `down`, or `stale`: what follows is what this server knew last."""

    store: str


class Resync(msgspec.Struct, frozen=True, tag_field="t", tag="resync"):
    """Send `hello` again, without `last`."""

    reason: str


class Bye(msgspec.Struct, frozen=True, tag_field="t", tag="bye"):
    """The server closes. Come back after `retry_ms`; never by itself if negative."""

    code: str
    retry_ms: int


class Ping(msgspec.Struct, frozen=True, tag_field="t", tag="ping"):
    """A sign of life, every 20 s."""


ServerMessage = Welcome | Snap | Ev | Tally | OkVote | OkCommand | Err | StoreState | Resync | Bye | Ping


class _Tag(msgspec.Struct, frozen=True):
    t: str


class _Echo(msgspec.Struct, frozen=True):
    n: int | None = None
    cid: str | None = None


_tag_decoder = msgspec.json.Decoder(_Tag)
_echo_decoder = msgspec.json.Decoder(_Echo)
_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()


def decode(text: str | bytes) -> ClientMessage | None:
    """One client message; None for a type we do not know. Raises BadInput `bad_message`, with `n` or `cid` where found."""
    try:
        if _tag_decoder.decode(text).t not in TAGS:
            return None
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadInput(f"Not a message of {SUBPROTOCOL}: {error}", code="bad_message", **_echo(text)) from None


def _echo(text: str | bytes) -> dict[str, Any]:
    """What the answer to a broken message can name it by."""
    try:
        echo = _echo_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    if echo.n is not None and 0 <= echo.n <= MAX_COUNTER:
        return {"n": echo.n}
    return {"cid": echo.cid} if echo.cid is not None and len(echo.cid) <= 64 else {}


def encode(message: ServerMessage) -> bytes:
    return _encoder.encode(message)


def encode_part(value: list[Question] | dict[str, int]) -> msgspec.Raw:
    """A piece of a snapshot, encoded once for many."""
    return msgspec.Raw(_encoder.encode(value))


def refusal(error: PlenumError, n: int | None = None, cid: str | None = None) -> Err:
    """How a PlenumError is told on the socket."""
    return Err(
        code=error.code,
        message=error.message,
        n=n if n is not None else error.extra.get("n"),
        cid=cid if cid is not None else error.extra.get("cid"),
        retry_ms=None if error.retry_s is None else max(0, round(error.retry_s * 1000)),
        current=error.extra.get("current"),
        by=error.extra.get("by"),
    )
