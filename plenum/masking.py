"""RFC 6455 5.1: a server closes a connection whose client does not mask its frames. aiohttp does not look (D13).

`insist_on_masks` puts a reader of frame headers in front of aiohttp's own. It hooks into one private attribute of the
request's protocol; tests/plenum/test_masking.py fails should that go away. What comes by the thousand (a viewer's report a
second) need not wake a task: `on_short_text` may take short messages that arrive alone, straight from the socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from aiohttp import web

_WRONG = b"\x70\x80"
"""A header with reserved bits: aiohttp answers it with 1002, the code for an unmasked frame too."""


class _Reader(Protocol):
    def feed_data(self, data: bytes) -> tuple[bool, bytes]: ...

    def feed_eof(self) -> None: ...


ShortText = Callable[[bytes], bool]
"""Takes a text message of at most 125 bytes; False: let it go the ordinary way."""


class MaskGuard:
    """Follows the frames' boundaries; at an unmasked one the reader behind it gets a header that it refuses."""

    def __init__(self, reader: _Reader) -> None:
        self._reader = reader
        self._header = b""
        self._held = b""
        self._left = 0
        self._is_over = False
        self.on_short_text: ShortText | None = None

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        if self._is_over:
            return True, b""
        if self.on_short_text is not None and not (self._left or self._header or self._held):
            text = _short_text(data)
            if text is not None and self.on_short_text(text):
                return False, b""
        data, self._held = self._held + bytes(data), b""
        unmasked_at = self._first_unmasked(data)
        if unmasked_at is not None:
            self._is_over = True
            return self._reader.feed_data(data[:unmasked_at] + _WRONG)
        if len(self._header) == 1:  # the mask bit is in the second byte: nothing of a frame passes before that is here
            data, self._held, self._header = data[:-1], data[-1:], b""
        return self._reader.feed_data(data)

    def feed_eof(self) -> None:
        self._reader.feed_eof()

    def _first_unmasked(self, data: bytes) -> int | None:
        """Where in `data` a frame begins that is not masked; moves on over all that is."""
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            missing = _header_size(self._header) - len(self._header)
            self._header += data[at : at + missing]
            at = min(at + missing, len(data))
            if len(self._header) >= 2 and not self._header[1] & 0x80:
                return at - len(self._header)
            if len(self._header) >= 2 and len(self._header) == _header_size(self._header):
                self._left = 4 + _payload_size(self._header)
                self._header = b""
        return None


def _short_text(data: bytes) -> bytes | None:
    """The payload of a whole text message in one frame with a header of two bytes and a mask, and nothing but it."""
    if len(data) < 6 or data[0] != 0x81 or data[1] != 0x80 | (len(data) - 6) or len(data) > 6 + 125:
        return None
    size = len(data) - 6
    mask = (data[2:6] * (size // 4 + 1))[:size]
    return (int.from_bytes(data[6:], "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


def _header_size(known: bytes) -> int:
    """Bytes of a frame's header before the mask, as far as known."""
    if len(known) < 2:
        return 2
    return {126: 4, 127: 10}.get(known[1] & 0x7F, 2)


def _payload_size(header: bytes) -> int:
    return header[1] & 0x7F if len(header) == 2 else int.from_bytes(header[2:], "big")


def insist_on_masks(request: web.Request) -> MaskGuard | None:
    """Call right after the WebSocket is prepared. None where the connection is closed already."""
    protocol = request.protocol
    reader = getattr(protocol, "_payload_parser", None)
    if reader is None:
        return None
    guard = MaskGuard(reader)
    protocol._payload_parser = cast("None", guard)
    return guard
