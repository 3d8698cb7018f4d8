"""RTP payloads to encoded pictures: H.264 (RFC 6184, packetization-mode 1) to Annex B, VP8 (RFC 7741) to raw frames.
Rules only; nothing is decoded here.

A picture is handed on with its last packet (the marker), not when the next one begins: a still screen share sends one
picture and then nothing. After a gap nothing is handed on until a picture that needs no other, for a decoder fed with
holes shows smears, and errors later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from ingest.reorder import Ordered
from plenum.errors import BadInput

PICTURE_MAX = 2 * 1024 * 1024
"""A larger picture is given up: at 12 Mbit/s this is more than a second of video."""

_START_CODE = b"\0\0\0\1"
_STAP_A = 24
_FU_A = 28
_IDR, _SPS, _AUD = 5, 7, 9


class Picture(msgspec.Struct, frozen=True):
    """One access unit."""

    timestamp: int
    data: bytes
    keyframe: bool


class Piece(msgspec.Struct, frozen=True):
    """What one payload adds to a picture."""

    data: bytes
    begins: bool
    """A picture may begin with this payload."""
    keyframe: bool
    is_bare: bool = False
    """It begins with an IDR, without parameter sets before it: whole only from a sender that never sends those."""


class Unpack(Protocol):
    """A payload format: raises BadInput `bad_payload`."""

    def __call__(self, payload: bytes) -> Piece: ...


class Assembler:
    """Collects the packets of one picture after the other. `wants_keyframe` until one has come."""

    def __init__(self, unpack: Unpack) -> None:
        self._unpack = unpack
        self._pieces: list[bytes] = []
        self._size = 0
        self._timestamp: int | None = None
        self._is_key = False
        self._is_broken = False
        self._is_with_parameters = False
        self.wants_keyframe = True
        self.incomplete = 0

    def add(self, ordered: Ordered) -> Iterator[Picture]:
        """The pictures that this packet completes: none or one, rarely two (a sender that sets no marker)."""
        packet = ordered.packet
        if ordered.after_gap:
            self._lose()
        if self._timestamp is not None and packet.timestamp != self._timestamp:
            yield from self._finish()
        if not packet.payload:
            return
        self._collect(packet.payload, packet.timestamp)
        if packet.marker:
            yield from self._finish()

    def _collect(self, payload: bytes, timestamp: int) -> None:
        try:
            piece = self._unpack(payload)
        except BadInput:
            self._lose()
            return
        if self._timestamp is None:
            self._timestamp = timestamp
            self._is_broken = self.wants_keyframe and not self._may_begin(piece)
        self._size += len(piece.data)
        if self._size > PICTURE_MAX:
            self._lose()
            return
        self._pieces.append(piece.data)
        self._is_key = self._is_key or piece.keyframe

    def _may_begin(self, piece: Piece) -> bool:
        self._is_with_parameters = self._is_with_parameters or (piece.begins and not piece.is_bare)
        return piece.begins and not (piece.is_bare and self._is_with_parameters)

    def _lose(self) -> None:
        self._is_broken = True
        self.wants_keyframe = True
        self._pieces.clear()

    def _finish(self) -> Iterator[Picture]:
        timestamp, data, key, broken = self._timestamp, b"".join(self._pieces), self._is_key, self._is_broken
        self._pieces, self._size, self._timestamp, self._is_key, self._is_broken = [], 0, None, False, False
        if timestamp is None or broken or not data or (self.wants_keyframe and not key):
            self.incomplete += 1
            return
        self.wants_keyframe = False
        yield Picture(timestamp, data, key)


def unpack_h264(payload: bytes) -> Piece:
    """NAL units with start codes. Interleaved formats (packetization-mode 2) were not offered."""
    kind = payload[0] & 0x1F
    if 1 <= kind <= 23:
        return _whole([payload])
    if kind == _STAP_A:
        return _whole([unit for unit in _aggregated(payload) if unit])
    if kind == _FU_A and len(payload) > 2:
        return _fragment(payload)
    raise BadInput(f"H.264 payload of type {kind} was not negotiated.", code="bad_payload")


def _whole(units: list[bytes]) -> Piece:
    kinds = [unit[0] & 0x1F for unit in units]
    if not kinds:
        raise BadInput("An H.264 payload without a NAL unit.", code="bad_payload")
    data = b"".join(_START_CODE + unit for unit in units)
    is_bare = kinds[0] == _IDR and _is_first_slice(units[0][1:])
    return Piece(data, kinds[0] in (_SPS, _AUD) or is_bare, _IDR in kinds, is_bare)


def _is_first_slice(slice_header: bytes) -> bool:
    """first_mb_in_slice is 0, which ue(v) writes as a single set bit: for senders without parameter sets in band."""
    return bool(slice_header) and bool(slice_header[0] & 0x80)


def _aggregated(payload: bytes) -> Iterator[bytes]:
    at = 1
    while at + 2 <= len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        if at + 2 + size > len(payload):
            raise BadInput("An H.264 aggregate is cut off.", code="bad_payload")
        yield payload[at + 2 : at + 2 + size]
        at += 2 + size


def _fragment(payload: bytes) -> Piece:
    kind, starts = payload[1] & 0x1F, bool(payload[1] & 0x80)
    head = _START_CODE + bytes([payload[0] & 0xE0 | kind]) if starts else b""
    is_bare = starts and kind == _IDR and _is_first_slice(payload[2:])
    return Piece(head + payload[2:], (starts and kind in (_SPS, _AUD)) or is_bare, kind == _IDR, is_bare)


def unpack_vp8(payload: bytes) -> Piece:
    """The payload behind its descriptor (RFC 7741 4.2)."""
    body = payload[_vp8_descriptor_size(payload) :]
    if not body:
        raise BadInput("A VP8 payload without data.", code="bad_payload")
    begins = bool(payload[0] & 0x10) and not payload[0] & 0x07
    return Piece(body, begins=begins, keyframe=begins and not body[0] & 0x01)


def _vp8_descriptor_size(payload: bytes) -> int:
    if not payload[0] & 0x80:
        return 1
    flags = payload[1] if len(payload) > 1 else 0
    size = 2
    if flags & 0x80:  # I: picture id of 7 or, with the M bit, 15 bits
        size += 2 if len(payload) > size and payload[size] & 0x80 else 1
    size += 1 if flags & 0x40 else 0  # L
    size += 1 if flags & 0x30 else 0  # T, K
    return size
