"""WebSocket frames in any pieces: masked ones reach the reader behind as they are, from the first unmasked one on nothing."""

from __future__ import annotations

from plenum.masking import _WRONG, MaskGuard
from tests.fuzz.pieces import join, split


def target(data: bytes) -> None:
    pieces = split(data)
    behind = _Behind()
    guard = MaskGuard(behind)
    for piece in pieces:
        guard.feed_data(piece)
        assert len(guard._held) <= 1
        assert len(guard._header) <= 10
    sent = b"".join(pieces)
    unmasked = _first_unmasked(sent)
    if unmasked is None:
        assert sent.startswith(behind.data)
        assert len(sent) - len(behind.data) <= 1
    else:
        assert behind.data == sent[:unmasked] + _WRONG


def _first_unmasked(data: bytes) -> int | None:
    """RFC 6455 5.2, read anew: where a frame begins whose second byte has no mask bit."""
    at = 0
    while at + 2 <= len(data):
        if data[at + 1] < 0x80:
            return at
        short = data[at + 1] & 0x7F
        width = {126: 2, 127: 8}.get(short, 0)
        if at + 2 + width > len(data):
            return None
        size = int.from_bytes(data[at + 2 : at + 2 + width], "big") if width else short
        at += 2 + width + 4 + size
    return None


class _Behind:
    """What would reach aiohttp's reader."""

    def __init__(self) -> None:
        self.data = b""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self.data += data
        return False, b""

    def feed_eof(self) -> None:
        pass


_MASKED = b"\x81\x83mask" + b"abc"
SEEDS = [
    join([_MASKED, _MASKED[:1], _MASKED[1:], b"\x81\x03abc", _MASKED]),
    join([b"\x82\xfe\0\x80mask" + b"x" * 128, b"\x88\x80mask"]),
    join([b"\x82\xff" + bytes(7) + b"\x05mask12345" + _MASKED, b"\x89", b"\0"]),
    join([bytes([byte]) for byte in _MASKED + b"\x81\x00"]),
]
TOKENS = [b"\x81\x80", b"\x81\xfe\0\1", b"\x81\xff" + bytes(8), b"\0\1\x81", b"mask"]
MAX_LEN = 1024
