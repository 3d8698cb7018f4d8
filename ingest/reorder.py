"""Puts the packets of one RTP stream back in order and says which to ask for again. Rules only; times in µs, monotonic.

A missing packet holds up what follows it for `patience_us` at most; then the hole is given up and the next packet is
marked as standing behind a gap.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from plenum.rtp import RtpPacket, sequence_ahead

CAPACITY = 2048
"""Packets held at once, two seconds of a fast stream; a jump further than this is a new stream."""
NACK_AGAIN_US = 40_000
NACKS_MAX = 8
NACK_SPAN = 256
"""Not more packets than this are asked for at a time: whoever loses more needs a key frame, not repairs."""


class Ordered(msgspec.Struct, frozen=True):
    """The next packet, and whether packets before it are lost for good."""

    packet: RtpPacket
    after_gap: bool


class _Missing(msgspec.Struct):
    asked: int = 0
    asked_at_us: int = 0


class Reorder:
    """One SSRC's packets, as they come in, handed out in order."""

    def __init__(self, patience_us: int) -> None:
        self._patience_us = patience_us
        self._held: dict[int, RtpPacket] = {}
        self._missing: dict[int, _Missing] = {}
        self._next: int | None = None
        self._highest = 0
        self._waiting_since_us: int | None = None
        self._gap = False
        self.lost = 0
        self.late = 0

    def add(self, packet: RtpPacket) -> None:
        """Take a packet in; duplicates and those that come too late are dropped."""
        if self._next is None:
            self._next = self._highest = packet.sequence
            self._held[packet.sequence] = packet
            return
        number = self._highest + sequence_ahead(packet.sequence, self._highest & 0xFFFF)
        if number < self._next or number in self._held:
            self.late += 1
            return
        if number >= self._next + CAPACITY:
            self._start_again(number)
        self._expect_up_to(number)
        self._held[number] = packet
        self._missing.pop(number, None)

    def take(self, now_us: int) -> Iterator[Ordered]:
        """Everything that is ready now."""
        while self._held:
            if self._next in self._held:
                yield self._hand_out()
            elif not self._gives_up(now_us):
                return
        self._waiting_since_us = None

    def ask_again(self, now_us: int) -> list[int]:
        """Sequence numbers (16 bit, ascending) to be asked for now: at once, then every 40 ms, eight times."""
        due = [
            number
            for number, state in self._missing.items()
            if state.asked < NACKS_MAX and (not state.asked or now_us - state.asked_at_us >= NACK_AGAIN_US)
        ][:NACK_SPAN]
        for number in due:
            state = self._missing[number]
            state.asked, state.asked_at_us = state.asked + 1, now_us
        return [number & 0xFFFF for number in sorted(due)]

    def _expect_up_to(self, number: int) -> None:
        for missing in range(self._highest + 1, number):
            self._missing[missing] = _Missing()
        self._highest = max(self._highest, number)

    def _hand_out(self) -> Ordered:
        assert self._next is not None  # noqa: S101 - there is a first packet, or nothing would be held
        packet = self._held.pop(self._next)
        self._next += 1
        self._waiting_since_us = None
        ordered, self._gap = Ordered(packet, self._gap), False
        return ordered

    def _gives_up(self, now_us: int) -> bool:
        """Whether the hole before the held packets has been waited for long enough; then step over it."""
        if self._waiting_since_us is None:
            self._waiting_since_us = now_us
        if now_us - self._waiting_since_us < self._patience_us:
            return False
        self._step_to(min(self._held))
        return True

    def _step_to(self, number: int) -> None:
        assert self._next is not None  # noqa: S101 - as above
        self.lost += number - self._next
        for missing in range(self._next, number):
            self._missing.pop(missing, None)
        self._next = number
        self._gap = True

    def _start_again(self, number: int) -> None:
        self._held.clear()
        self._missing.clear()
        self._next = self._highest = number
        self._gap = True
