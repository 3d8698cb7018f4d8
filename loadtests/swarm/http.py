"""HTTP/1.1 as far as a client needs it that asks for playlists and parts on a connection that stays open. Rules only."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

_LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nConnection:[ \t]*close", re.IGNORECASE)
HEAD_MAX = 16 * 1024


class BadAnswer(Exception):
    """An answer that this client cannot read."""


class Answer:
    """The head of one answer, and where its body lies in what was read."""

    __slots__ = ("begin", "closes", "end", "status")

    def __init__(self, status: int, begin: int, end: int, *, closes: bool) -> None:
        self.status = status
        self.begin = begin
        self.end = end
        self.closes = closes


def get(url: str) -> bytes:
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()


def answer_in(data: bytes | bytearray) -> Answer | None:
    """The answer that `data` begins with; None while its head is not all there. Raises BadAnswer."""
    head_end = data.find(b"\r\n\r\n", 0, HEAD_MAX)
    if head_end < 0:
        if len(data) >= HEAD_MAX:
            raise BadAnswer("a head without an end")
        return None
    if not data.startswith(b"HTTP/1.") or not data[9:12].isdigit():
        raise BadAnswer("this is no HTTP/1.1 answer")
    length = _LENGTH.search(data, 0, head_end)
    if length is None:
        raise BadAnswer("an answer that does not say its length")
    begin = head_end + 4
    closes = _CLOSE.search(data, 0, head_end) is not None
    return Answer(int(data[9:12]), begin, begin + int(length[1]), closes=closes)


def beside(url: str, uri: str) -> str:
    """What a playlist at `url` means by `uri`."""
    return urljoin(url, uri)
