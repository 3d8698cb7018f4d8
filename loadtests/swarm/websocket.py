"""RFC 6455 as far as a client needs it that sends little and reads much. Rules only.

The server's frames are not masked. Ours are, with a key of zeros: a key only keeps caches from taking a page's data for a
request, and so the payload need not be touched.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_FIN, _MASKED = 0x80, 0x80
_NO_MASK = b"\0\0\0\0"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MEDIUM, _LONG = struct.Struct("!H"), struct.Struct("!Q")
HEAD_MAX = 10
"""Bytes of the longest head of a frame that a server sends."""


class BadFrame(Exception):
    """The server sent what no server may send to a client that offered no extension."""


def masked(opcode: int, payload: bytes) -> bytes:
    """One frame from a client."""
    length = len(payload)
    if length < 126:
        head = bytes((_FIN | opcode, _MASKED | length))
    elif length < 65_536:
        head = bytes((_FIN | opcode, _MASKED | 126)) + _MEDIUM.pack(length)
    else:
        head = bytes((_FIN | opcode, _MASKED | 127)) + _LONG.pack(length)
    return head + _NO_MASK + payload


def frame_at(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(opcode, where the payload begins, where the frame ends) of the frame at `at`; None while it is not all there.

    Raises BadFrame.
    """
    have = len(data) - at
    if have < 2:
        return None
    first, length = data[at], data[at + 1]
    opcode = first & 0x0F
    if first & 0x70 or not first & _FIN or length & _MASKED or opcode not in (TEXT, BINARY, CLOSE, PING, PONG):
        raise BadFrame(f"a frame that begins with {first:02x} {length:02x}")
    begin = at + 2
    if length == 126:
        if have < 4:
            return None
        (length,) = _MEDIUM.unpack_from(data, at + 2)
        begin = at + 4
    elif length == 127:
        if have < HEAD_MAX:
            return None
        (length,) = _LONG.unpack_from(data, at + 2)
        begin = at + HEAD_MAX
    return (opcode, begin, begin + length) if begin + length <= len(data) else None


def head_size(data: bytes) -> int:
    """Bytes before the payload of a server's frame."""
    return {126: 4, 127: HEAD_MAX}.get(data[1], 2)


def upgrade(url: str, key: bytes, subprotocol: str, headers: dict[str, str]) -> bytes:
    """The request that opens a socket; `key` are 16 bytes of any kind."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(key).decode()}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {subprotocol}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def refusal(head: bytes, key: bytes) -> str | None:
    """Why this answer (up to its empty line) opens no socket; None when it does."""
    status, *lines = head.decode("latin-1").split("\r\n")
    code = status.split(" ", 2)[1] if " " in status else status
    if code != "101":
        return f"the upgrade was answered {code[:3]}"
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    expected = base64.b64encode(hashlib.sha1(base64.b64encode(key) + GUID, usedforsecurity=False).digest()).decode()
    return None if fields.get("sec-websocket-accept") == expected else "the upgrade was not for this key"
