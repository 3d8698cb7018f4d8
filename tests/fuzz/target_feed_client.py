"""A viewer's and an edge's messages to the feed."""

from __future__ import annotations

from plenum.wire import Progress, Resume, Subscribe, Unsubscribe, decode_client, encode_client
from tests.fuzz.allowance import only


def target(data: bytes) -> None:
    for text in (
        data,
        data.decode("utf-8", "surrogatepass" if data[:1] == b"\xed" else "replace") if _is_text(data) else "",
    ):
        with only("bad_message"):
            message = decode_client(text)
            assert decode_client(encode_client(message)) == message


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


_MESSAGES = [Subscribe(("720p", "audio"), "ticket"), Resume(1, 2, 3, ("*",)), Progress(5, 6, 1200), Unsubscribe()]
SEEDS = [
    *(encode_client(message).encode() for message in _MESSAGES),
    b'{"t":"subscribe","renditions":["\\ud83d\\ude00"],"ticket":"\xc3\xbc"}',
    b'{"t":"subscribe","x":' + b"[" * 2000 + b"]" * 2000 + b"}",
]
TOKENS = [
    b'"t":"',
    b"\\ud800",
    b"\xff",
    b"\xed\xa0\x80",
    b"1e400",
    b"9" * 25,
    b"[" * 64,
    b'{"x":',
    b"NaN",
    b"null",
    b"-0",
]
