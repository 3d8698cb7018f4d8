"""How one RTP stream arrives: what its receiver report says (RFC 3550 6.4.1, A.3, A.8). Rules only."""

from __future__ import annotations

from plenum.rtcp import ReceptionReport, SenderReport, middle_of
from plenum.rtp import RtpPacket, sequence_ahead


class Arrivals:
    """Counts of one SSRC. `interval_loss` is the share lost between the last two reports."""

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._first: int | None = None
        self._highest = 0
        self._received = 0
        self._reported = (0, 0)
        self._transit: int | None = None
        self._jitter = 0.0
        self._last_report = (0, 0)
        self.interval_loss = 0.0

    def add(self, packet: RtpPacket, now_us: int) -> None:
        if self._first is None:
            self._first = self._highest = packet.sequence
        ahead = sequence_ahead(packet.sequence, self._highest & 0xFFFF)
        self._highest += max(0, ahead)
        self._received += 1
        if ahead >= 0:
            self._measure_jitter(packet.timestamp, now_us)

    def sender_reported(self, report: SenderReport, now_us: int) -> None:
        self._last_report = (middle_of(report.ntp), now_us)

    def report(self, ssrc: int, now_us: int) -> ReceptionReport:
        """The next report block; the loss is counted from the one before."""
        expected = self._highest - (self._first or 0) + 1
        new_expected, new_received = expected - self._reported[0], self._received - self._reported[1]
        self._reported = (expected, self._received)
        self.interval_loss = max(0.0, 1 - new_received / new_expected) if new_expected > 0 else 0.0
        last, at_us = self._last_report
        return ReceptionReport(
            ssrc=ssrc,
            fraction_lost=min(255, int(self.interval_loss * 256)),
            packets_lost=expected - self._received,
            highest_sequence=self._highest,
            jitter=int(self._jitter),
            last_report=last,
            since_last_report=(now_us - at_us) * 65536 // 1_000_000 if last else 0,
        )

    def _measure_jitter(self, timestamp: int, now_us: int) -> None:
        transit = (now_us * self._clock_rate // 1_000_000 - timestamp) & 0xFFFFFFFF
        if self._transit is not None:
            change = (transit - self._transit + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            self._jitter += (abs(change) - self._jitter) / 16
        self._transit = transit
