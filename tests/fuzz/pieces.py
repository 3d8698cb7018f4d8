"""One input as several: packets of a session, reads of a socket. Each piece has its length before it (16 bits)."""

from __future__ import annotations

from collections.abc import Iterable

PIECES_MAX = 64


def split(data: bytes) -> list[bytes]:
    """Every input is some list of pieces; the last takes what is there."""
    found: list[bytes] = []
    at = 0
    while at + 2 <= len(data) and len(found) < PIECES_MAX:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        found.append(data[at + 2 : end])
        at = end
    return found


def join(pieces: Iterable[bytes]) -> bytes:
    """The input that `split` makes these pieces of."""
    return b"".join(len(piece).to_bytes(2, "big") + piece for piece in pieces)
