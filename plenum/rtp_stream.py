"""One RTP stream as its sender keeps it: numbers, repairs, sender reports, and H.264 cut into payloads. Rules only.

Timestamps come from the media, reports from one clock for all streams of a session: at media time t the wall clock says
`wall_zero + t` for sound and picture alike, whatever was sent last. That is what keeps lips and voice together.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from plenum.rtcp import SenderReport, ntp_from_wall, pack_cname, pack_sender_report
from plenum.rtp import RtpPacket, pack_extensions, pack_rtp

PAYLOAD_MAX = 1180
"""With headers, SRTP and UDP it stays below 1280, which every path carries."""
HISTORY = 1024
"""Packets kept for repair, about two seconds at 6 Mbit/s."""

_START_CODE = b"\0\0\1"
_STAP_A = 24
_FU_A = 28


class StreamNumbers(msgspec.Struct, frozen=True):
    """What was negotiated and drawn for a stream."""

    ssrc: int
    payload_type: int
    clock_rate: int
    first_sequence: int
    timestamp_zero: int
    """RTP timestamp of media time 0."""
    extensions: dict[int, bytes] = {}
    rtx_payload_type: int | None = None
    rtx_ssrc: int = 0


class RtpStream:
    """A stream being sent."""

    def __init__(self, numbers: StreamNumbers) -> None:
        self.numbers = numbers
        self._profile, self._extensions = pack_extensions(numbers.extensions) if numbers.extensions else (0, b"")
        self._sequence = numbers.first_sequence
        self._rtx_sequence = numbers.first_sequence
        self._sent: dict[int, RtpPacket] = {}
        self.packets = 0
        self.octets = 0

    def packets_of(self, payloads: Sequence[bytes], ticks: int) -> list[bytes]:
        """The packets of one picture or sound block at `ticks` of the stream's clock; the last has the marker."""
        last = len(payloads) - 1
        return [self._next(payload, ticks, index == last) for index, payload in enumerate(payloads)]

    def repairs(self, sequences: Iterable[int]) -> list[bytes]:
        """Packets again that the receiver misses: as RTX (RFC 4588) where negotiated, else as they were."""
        held = (self._sent.get(sequence) for sequence in sequences)
        return [self._repair(packet) for packet in held if packet]

    def report(self, media_s: float, wall_s: float) -> bytes:
        """Sender report and CNAME: at the wall time `wall_s` the media stands at `media_s`."""
        timestamp = (self.numbers.timestamp_zero + round(media_s * self.numbers.clock_rate)) & 0xFFFFFFFF
        report = SenderReport(self.numbers.ssrc, ntp_from_wall(wall_s), timestamp)
        return pack_sender_report(report, self.packets, self.octets) + pack_cname(self.numbers.ssrc, "plenum")

    def _next(self, payload: bytes, ticks: int, marker: bool) -> bytes:
        packet = RtpPacket(
            self.numbers.payload_type,
            marker,
            self._sequence,
            (self.numbers.timestamp_zero + ticks) & 0xFFFFFFFF,
            self.numbers.ssrc,
            payload,
            self._profile,
            self._extensions,
        )
        self._sent.pop((self._sequence - HISTORY) & 0xFFFF, None)
        self._sent[self._sequence] = packet
        self._sequence = (self._sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return pack_rtp(packet)

    def _repair(self, packet: RtpPacket) -> bytes:
        if self.numbers.rtx_payload_type is None:
            return pack_rtp(packet)
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        return pack_rtp(
            msgspec.structs.replace(
                packet,
                payload_type=self.numbers.rtx_payload_type,
                ssrc=self.numbers.rtx_ssrc,
                sequence=self._rtx_sequence,
                payload=struct.pack("!H", packet.sequence) + packet.payload,
            )
        )


def h264_payloads(access_unit: bytes) -> list[bytes]:
    """An Annex B access unit as RTP payloads (RFC 6184): small units together, large ones in fragments."""
    payloads: list[bytes] = []
    together: list[bytes] = []
    for unit in nal_units(access_unit):
        if sum(map(len, together)) + 2 * len(together) + len(unit) + 3 > PAYLOAD_MAX:
            payloads += _flush(together)
        if len(unit) > PAYLOAD_MAX:
            payloads += _fragments(unit)
        else:
            together.append(unit)
    return payloads + _flush(together)


def nal_units(access_unit: bytes) -> Iterator[bytes]:
    """The units between start codes, without trailing zeros."""
    start = access_unit.find(_START_CODE)
    while start >= 0:
        following = access_unit.find(_START_CODE, start + 3)
        end = len(access_unit) if following < 0 else following
        unit = access_unit[start + 3 : end].rstrip(b"\0")
        if unit:
            yield unit
        start = following


def _flush(together: list[bytes]) -> list[bytes]:
    """One payload of what was collected, and an empty list again."""
    units = together[:]
    together.clear()
    if len(units) < 2:
        return units
    importance = max(unit[0] & 0x60 for unit in units)
    return [bytes([importance | _STAP_A]) + b"".join(struct.pack("!H", len(unit)) + unit for unit in units)]


def _fragments(unit: bytes) -> Iterator[bytes]:
    indicator, kind = unit[0] & 0xE0 | _FU_A, unit[0] & 0x1F
    size = PAYLOAD_MAX - 2
    for at in range(1, len(unit), size):
        flags = (0x80 if at == 1 else 0) | (0x40 if at + size >= len(unit) else 0)
        yield bytes([indicator, flags | kind]) + unit[at : at + size]
