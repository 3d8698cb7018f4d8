"""Sequence numbers in any order and at any time: what is held stays bounded, and leaves in order, once."""

from __future__ import annotations

import struct

from ingest.reorder import CAPACITY, NACK_SPAN, Reorder
from plenum.rtp import RtpPacket

_STEP = struct.Struct("!HB")
PATIENCE_US = 400_000


def target(data: bytes) -> None:
    """Three bytes each: a number (of which each packet's own is told by its timestamp) and ms to wait after it."""
    order, now_us, given, last = Reorder(PATIENCE_US), 0, 0, None
    for serial, (number, wait) in enumerate(_STEP.iter_unpack(data[: len(data) // 3 * 3])):
        order.add(RtpPacket(108, False, number, serial, 1, b""))
        given += 1
        now_us += wait * 1000
        for ordered in order.take(now_us):
            assert last is None or order._next is not None
            place = order._next or 0
            assert last is None or place > last, "handed out twice, or backwards"
            assert ordered.packet.sequence == (place - 1) & 0xFFFF
            last = place
            given -= 1
        assert given >= len(order._held)
        assert len(order._held) <= CAPACITY
        assert len(order._missing) <= CAPACITY
        asked = order.ask_again(now_us)
        assert len(asked) <= NACK_SPAN
        assert len(set(asked)) == len(asked)


def _steps(*steps: tuple[int, int]) -> bytes:
    return b"".join(_STEP.pack(*step) for step in steps)


SEEDS = [
    _steps((65_534, 5), (65_535, 5), (1, 40), (0, 5), (2, 5), (2, 0)),
    _steps((10, 0), (500, 200), (400, 255), (600, 255), (11, 255)),
    _steps((0, 0), (2047, 0), (2048, 0), (30_000, 9), (62_000, 9), (0, 9)),
]
TOKENS = [b"\x07\xff\0", b"\x08\0\0", b"\x80\0\0", b"\x7f\xff\xff"]
MAX_LEN = 1024
