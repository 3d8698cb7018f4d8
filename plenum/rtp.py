"""RTP packets (RFC 3550 section 5, header extensions RFC 8285) as bytes in and out. Rules only.

Both ends of an ingest session read and write RTP themselves and use aiortc for ICE, DTLS and SRTP alone: its receiver
holds a frame back until the next one begins, and its sender stamps reports with the time of the last packet.
"""

from __future__ import annotations

import struct

import msgspec

from plenum.errors import BadInput

_HEADER = struct.Struct("!BBHII")
_ONE_BYTE_PROFILE = 0xBEDE
_TWO_BYTE_PROFILE = 0x1000


class RtpPacket(msgspec.Struct, frozen=True):
    """One packet, padding taken off; `payload` may be empty (a bandwidth probe)."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    profile: int = 0
    extensions: bytes = b""

    def extension(self, wanted: int) -> bytes | None:
        """The value of a header extension by its negotiated id, None where the packet does not carry it."""
        if self.profile == _ONE_BYTE_PROFILE:
            return _find_one_byte(self.extensions, wanted)
        if self.profile & 0xFFF0 == _TWO_BYTE_PROFILE:
            return _find_two_byte(self.extensions, wanted)
        return None


def parse_rtp(data: bytes) -> RtpPacket:
    """Raises BadInput `bad_rtp`."""
    if len(data) < _HEADER.size:
        raise BadInput("An RTP packet has at least 12 bytes.", code="bad_rtp")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    at = _HEADER.size + 4 * (first & 0x0F)
    profile, extensions = 0, b""
    if first & 0x10 and at + 4 <= len(data):
        profile, words = struct.unpack_from("!HH", data, at)
        extensions = data[at + 4 : at + 4 + 4 * words]
        at += 4 + 4 * words
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if first >> 6 != 2 or at > end:
        raise BadInput("Not an RTP packet.", code="bad_rtp")
    return RtpPacket(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[at:end], profile, extensions)


def pack_rtp(packet: RtpPacket) -> bytes:
    """The bytes of a packet; `extensions` as `pack_extensions` made them."""
    first = 0x80 | (0x10 if packet.extensions else 0)
    second = packet.payload_type | (0x80 if packet.marker else 0)
    header = _HEADER.pack(first, second, packet.sequence, packet.timestamp, packet.ssrc)
    if packet.extensions:
        header += struct.pack("!HH", packet.profile, len(packet.extensions) // 4) + packet.extensions
    return header + packet.payload


def pack_extensions(values: dict[int, bytes]) -> tuple[int, bytes]:
    """Profile and value of header extensions by id (1 to 14, 1 to 16 bytes each)."""
    packed = b"".join(bytes([(number << 4) | (len(value) - 1)]) + value for number, value in values.items())
    return _ONE_BYTE_PROFILE, packed + bytes(-len(packed) % 4)


def sequence_ahead(of: int, other: int) -> int:
    """How far the 16 bit number `of` is ahead of `other`: -32768 to 32767 (RFC 1982)."""
    return ((of - other + 0x8000) & 0xFFFF) - 0x8000


def _find_one_byte(extensions: bytes, wanted: int) -> bytes | None:
    at = 0
    while at < len(extensions):
        number, size = extensions[at] >> 4, (extensions[at] & 0x0F) + 1
        if extensions[at] == 0:
            at += 1
            continue
        if number == 15:
            return None
        if number == wanted:
            return extensions[at + 1 : at + 1 + size]
        at += 1 + size
    return None


def _find_two_byte(extensions: bytes, wanted: int) -> bytes | None:
    at = 0
    while at + 1 < len(extensions):
        if extensions[at] == 0:
            at += 1
            continue
        if extensions[at] == wanted:
            return extensions[at + 2 : at + 2 + extensions[at + 1]]
        at += 2 + extensions[at + 1]
    return None
