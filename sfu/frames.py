"""A feed message as this edge holds it: framed once as a WebSocket message, shared by every viewer and every HTTP answer.

`Frame.wire` is what goes onto a viewer's transport as it is; the media bytes that LL-HLS serves are a view into the same
object, so a part is in memory once. Rules only.
"""

from __future__ import annotations

import struct

import msgspec

from plenum.wire import HEADER_SIZE, Header, unpack

Position = tuple[int, int]
"""(media sequence number, part index); grows along the programme, also over epochs."""

_FIN_BINARY = 0x82
_SHORT = struct.Struct("!BB")
_MEDIUM = struct.Struct("!BBH")
_LONG = struct.Struct("!BBQ")


class Frame(msgspec.Struct, frozen=True):
    """One feed message, ready to be written to any number of WebSockets."""

    header: Header
    wire: bytes
    """RFC 6455 header (unmasked, final, binary) and the whole feed message."""
    payload_at: int

    @property
    def payload(self) -> memoryview:
        """The init segment, part or JSON that the message carries."""
        return memoryview(self.wire)[self.payload_at :]

    @property
    def position(self) -> Position:
        return self.header.msn, self.header.part


def frame(message: bytes) -> Frame:
    """Frame a feed message. Raises BadInput `bad_frame`."""
    header, _ = unpack(message)
    prefix = websocket_prefix(len(message))
    return Frame(header, prefix + message, len(prefix) + HEADER_SIZE)


def websocket_prefix(length: int) -> bytes:
    """RFC 6455 5.2: FIN, opcode binary, not masked, the length in as few bytes as it needs."""
    if length < 126:
        return _SHORT.pack(_FIN_BINARY, length)
    if length < 65_536:
        return _MEDIUM.pack(_FIN_BINARY, 126, length)
    return _LONG.pack(_FIN_BINARY, 127, length)
