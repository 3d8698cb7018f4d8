"""Transport-wide congestion control, the receiver's half (draft-holmer-rmcat-transport-wide-cc-extensions-01). Rules only.

The sender numbers all its packets; we report when each arrived, every 50 ms, and its estimator does the rest. Without this
a browser takes half a minute to reach the picture size it could send at once (FACTS.md 22).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from plenum.rtp import sequence_ahead

DELTA_US = 250
REFERENCE_US = 64_000
STATUSES_MAX = 512
"""Packets in one report; the rest goes into the next."""
_LOST, _SMALL, _LARGE = 0, 1, 2


class TransportFeedback:
    """Arrivals since the last report."""

    def __init__(self) -> None:
        self._arrived: dict[int, int] = {}
        self._highest: int | None = None
        self._reported_to: int | None = None
        self._count = 0

    def arrived(self, sequence: int, now_us: int) -> None:
        """A packet with this transport-wide number (16 bit) came in."""
        if self._highest is None:
            self._highest = sequence
        number = self._highest + sequence_ahead(sequence, self._highest & 0xFFFF)
        self._highest = max(self._highest, number)
        if len(self._arrived) < 4 * STATUSES_MAX:
            self._arrived.setdefault(number, now_us)

    def report(self) -> bytes | None:
        """The next feedback control information, None where nothing has arrived."""
        if not self._arrived:
            return None
        first = min(self._arrived)
        if self._reported_to is not None and 0 < first - self._reported_to < STATUSES_MAX:
            first = self._reported_to  # what went missing between two reports is told in the second
        numbers = range(first, min(max(self._arrived) + 1, first + STATUSES_MAX))
        fci = self._encode(numbers)
        self._reported_to = numbers.stop
        self._arrived = {number: at for number, at in self._arrived.items() if number >= numbers.stop}
        return fci

    def _encode(self, numbers: range) -> bytes:
        reference = min(self._arrived[number] for number in numbers if number in self._arrived) // REFERENCE_US
        symbols, deltas = [], b""
        at = reference * REFERENCE_US // DELTA_US
        for number in numbers:
            arrival = self._arrived.get(number)
            if arrival is None:
                symbols.append(_LOST)
                continue
            delta = max(-32768, min(32767, arrival // DELTA_US - at))
            at += delta
            small = 0 <= delta <= 255
            symbols.append(_SMALL if small else _LARGE)
            deltas += bytes([delta]) if small else struct.pack("!h", delta)
        head = struct.pack("!HH", numbers.start & 0xFFFF, len(numbers))
        head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._count & 0xFF])
        self._count += 1
        return head + b"".join(_chunks(symbols)) + deltas


def _chunks(symbols: list[int]) -> Iterator[bytes]:
    """Packet chunks (3.1.3, 3.1.4): runs of equal symbols, else seven two-bit symbols at a time."""
    at = 0
    while at < len(symbols):
        run = _run_length(symbols, at)
        if run >= 7 or at + run == len(symbols):
            yield struct.pack("!H", symbols[at] << 13 | run)
            at += run
        else:
            yield struct.pack("!H", 0xC000 | _vector(symbols[at : at + 7]))
            at += 7


def _run_length(symbols: list[int], at: int) -> int:
    end = at
    while end < len(symbols) and symbols[end] == symbols[at]:
        end += 1
    return end - at


def _vector(symbols: Iterable[int]) -> int:
    value, left = 0, 14
    for symbol in symbols:
        left -= 2
        value |= symbol << left
    return value
