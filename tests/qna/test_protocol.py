"""Reading what clients send: typed values or one typed error, whatever comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plenum.errors import BadInput, Conflict, Unavailable
from plenum.event import Moderation
from qna import protocol
from qna.board import State

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("ticket", "v", "last", "as", "n", "q", "on", "cid", "text", "conf", "lang", "from", "to", "reason", "mode")


def read(**fields: Any) -> protocol.ClientMessage | None:
    return protocol.decode(json.dumps(fields))


def test_each_command_reads_as_its_value() -> None:
    assert read(t="hello", ticket="x", v=1, last={"id": "3-9", "ep": "7.v1"}) == protocol.Hello(
        "x", 1, protocol.Position("3-9", "7.v1")
    )
    assert read(t="hello", ticket="x", **{"as": "viewer"}) == protocol.Hello("x", as_=protocol.As.VIEWER)
    assert read(t="vote", n=1, q="q1", on=True) == protocol.Vote(1, "q1", True)
    assert read(t="ask", cid="c", text="t", conf=True, lang="de") == protocol.Ask("c", "t", True, "de")
    assert read(t="mod", cid="c", q="q1", **{"from": "pending"}, to="now") == protocol.Mod(
        "c", "q1", State.PENDING, State.NOW
    )
    assert read(t="box", cid="c", mode="post") == protocol.SetBox("c", Moderation.POST)
    assert read(t="pong") == protocol.Pong()


def test_a_message_from_a_newer_client_is_ignored() -> None:
    assert read(t="confetti", n=1) is None
    assert read(t="vote", n=1, q="q1", on=True, colour="blue") == protocol.Vote(1, "q1", True)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"t":1}', '{"t":"vote"}', '{"t":"vote","n":"1","q":"q1","on":true}', "NaN", '{"t":"vote","n":1e999}',
     "[" * 10_000, '{"t":"pong","x":' + "[" * 10_000, '{"t":"ask","cid":"c","text":"\\ud800"}', "\ud800"],
)  # fmt: skip
def test_junk_is_one_stable_error(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        protocol.decode(text)
    assert caught.value.code == "bad_message"


def test_the_error_of_a_broken_command_names_it() -> None:
    for fields, name in (
        ({"t": "vote", "n": 7, "q": 1, "on": True}, {"n": 7}),
        ({"t": "mod", "cid": "c1"}, {"cid": "c1"}),
    ):
        with pytest.raises(BadInput) as caught:
            protocol.decode(json.dumps(fields))
        assert caught.value.extra == name


@given(st.text() | st.binary())
def test_any_text_reads_or_raises_bad_input(text: str | bytes) -> None:
    try:
        protocol.decode(text)
    except BadInput as error:
        assert error.code == "bad_message"


@given(st.sampled_from(sorted(protocol.TAGS)), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_command_reads_or_raises_bad_input(tag: str, fields: dict[str, Any]) -> None:
    try:
        message = protocol.decode(json.dumps({"t": tag, **fields}))
    except BadInput as error:
        assert error.code == "bad_message"
        protocol.encode(protocol.refusal(error))
    else:
        assert message is not None


def test_a_refusal_carries_what_the_page_needs() -> None:
    stale = Conflict("Too late.", code="stale_state", current=State.HIDDEN, by="Petra")
    assert json.loads(protocol.encode(protocol.refusal(stale, cid="c1"))) == {
        "t": "err", "cid": "c1", "code": "stale_state", "message": "Too late.", "current": "hidden", "by": "Petra",
    }  # fmt: skip
    away = Unavailable("Paused.", code="store_unavailable", retry_s=1.0)
    assert json.loads(protocol.encode(protocol.refusal(away, n=3))) == {
        "t": "err", "n": 3, "code": "store_unavailable", "message": "Paused.", "retry_ms": 1000,
    }  # fmt: skip
