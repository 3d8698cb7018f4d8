"""Messages of the audience socket, and what a refusal of them says."""

from __future__ import annotations

import msgspec

from plenum.errors import BadInput
from qna.protocol import MAX_COUNTER, TAGS, Ask, Hello, Mod, Pong, Position, SetBox, Vote, decode, encode, refusal


def target(data: bytes) -> None:
    try:
        message = decode(data)
    except BadInput as error:
        assert error.code == "bad_message"
        refused = refusal(error)
        assert refused.n is None or 0 <= refused.n <= MAX_COUNTER
        assert refused.cid is None or len(refused.cid) <= 64
        said = msgspec.json.decode(encode(refused))
        assert said["code"] == "bad_message"
        assert len(refused.message) < 1000
    else:
        assert message is None or decode(msgspec.json.encode(message)) == message


_MESSAGES = [
    Hello("ticket", last=Position("1-0", "e1")),
    Vote(7, "q1", True),
    Ask("c1", "What about Zoë?", True, "en"),
    Mod("c2", "q1", msgspec.json.decode('"pending"'), msgspec.json.decode('"published"'), "ok"),
    SetBox("c3", open=False),
    Pong(),
]
SEEDS = [
    *map(msgspec.json.encode, _MESSAGES),
    b'{"t":"shout","x":1}',
    b'{"t":"pong","x":' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"t":"vote","n":"1","cid":"c"}',
]
TOKENS = [
    b'"t":"',
    *(f'"{tag}"'.encode() for tag in sorted(TAGS)),
    b'"n":',
    b'"cid":"',
    b"\\ud800",
    b"\xff",
    b"[" * 64,
    b"9" * 25,
]
