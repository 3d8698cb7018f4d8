"""RTCP packets that an ingest session needs, as bytes in and out (RFC 3550, RFC 4585). Rules only.

`parse_rtcp` reads a compound packet and skips what it does not know; the `pack_…` functions write one packet each, and
joined they are a compound packet.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import msgspec

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
BYE = 203
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206

NACK = 1
TRANSPORT_CC = 15
PLI = 1
FIR = 4
REMB = 15

_REPORT = struct.Struct("!IIIIII")
NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""


class SenderReport(msgspec.Struct, frozen=True):
    """At the sender's wall clock `ntp` (64 bit) the stream's RTP clock stood at `rtp_timestamp`."""

    ssrc: int
    ntp: int
    rtp_timestamp: int


class ReceptionReport(msgspec.Struct, frozen=True):
    """How one stream arrives at its receiver (RFC 3550 6.4.1)."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    since_last_report: int
    """In 1/65536 s."""


class Nack(msgspec.Struct, frozen=True):
    """The receiver misses these packets."""

    ssrc: int
    sequences: tuple[int, ...]


class KeyframeRequest(msgspec.Struct, frozen=True):
    """PLI or FIR: send a picture that needs no other."""

    ssrc: int


class Goodbye(msgspec.Struct, frozen=True):
    """These sources send no more."""

    ssrcs: tuple[int, ...]


Rtcp = SenderReport | ReceptionReport | Nack | KeyframeRequest | Goodbye


def parse_rtcp(data: bytes) -> list[Rtcp]:
    """What a compound packet says; a malformed rest is ignored, for RTCP is only ever advice."""
    found: list[Rtcp] = []
    for kind, count, body in _split(data):
        if kind == SENDER_REPORT and len(body) >= 24:
            ssrc, ntp, rtp_timestamp = struct.unpack_from("!IQI", body)
            found.append(SenderReport(ssrc, ntp, rtp_timestamp))
            found += _reception_reports(body[24:], count)
        elif kind == RECEIVER_REPORT:
            found += _reception_reports(body[4:], count)
        elif kind == BYE:
            found.append(Goodbye(tuple(struct.unpack_from("!I", body, at)[0] for at in _words(body, count))))
        elif kind == TRANSPORT_FEEDBACK and count == NACK and len(body) >= 8:
            found.append(Nack(struct.unpack_from("!I", body, 4)[0], tuple(_nacked(body[8:]))))
        elif kind == PAYLOAD_FEEDBACK:
            found += _keyframe_requests(body, count)
    return found


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    while at + 4 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            return
        yield kind, first & 0x1F, data[at + 4 : end]
        at = end


def _words(body: bytes, count: int) -> range:
    return range(0, min(len(body) // 4, count) * 4, 4)


def _reception_reports(body: bytes, count: int) -> list[Rtcp]:
    reports: list[Rtcp] = []
    for at in range(0, min(count, len(body) // 24) * 24, 24):
        ssrc, loss, highest, jitter, last, since = _REPORT.unpack_from(body, at)
        lost = loss & 0xFFFFFF
        lost -= (1 << 24) if lost & 0x800000 else 0
        reports.append(ReceptionReport(ssrc, loss >> 24, lost, highest, jitter, last, since))
    return reports


def _nacked(pairs: bytes) -> Iterator[int]:
    for at in range(0, len(pairs) // 4 * 4, 4):
        first, following = struct.unpack_from("!HH", pairs, at)
        yield first
        yield from ((first + 1 + bit) & 0xFFFF for bit in range(16) if following >> bit & 1)


def _keyframe_requests(body: bytes, form: int) -> list[Rtcp]:
    if form == PLI and len(body) >= 8:
        return [KeyframeRequest(struct.unpack_from("!I", body, 4)[0])]
    if form == FIR:  # RFC 5104 4.3.1: the media SSRC stands in each entry of 8 bytes
        return [KeyframeRequest(struct.unpack_from("!I", body, at)[0]) for at in range(8, len(body) - 7, 8)]
    return []


def _packet(kind: int, count: int, body: bytes) -> bytes:
    padded = body + bytes(-len(body) % 4)
    return struct.pack("!BBH", 0x80 | count, kind, len(padded) // 4) + padded


def pack_sender_report(report: SenderReport, packets: int, octets: int) -> bytes:
    body = struct.pack(
        "!IQIII", report.ssrc, report.ntp, report.rtp_timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return _packet(SENDER_REPORT, 0, body)


def pack_receiver_report(ssrc: int, reports: Sequence[ReceptionReport]) -> bytes:
    body = struct.pack("!I", ssrc)
    for report in reports[:31]:
        lost = max(-(1 << 23), min(report.packets_lost, (1 << 23) - 1)) & 0xFFFFFF
        body += _REPORT.pack(
            report.ssrc,
            report.fraction_lost << 24 | lost,
            report.highest_sequence & 0xFFFFFFFF,
            report.jitter & 0xFFFFFFFF,
            report.last_report,
            report.since_last_report & 0xFFFFFFFF,
        )
    return _packet(RECEIVER_REPORT, len(reports[:31]), body)


def pack_cname(ssrc: int, cname: str) -> bytes:
    """Streams with the same CNAME share a clock: their sender reports are comparable (RFC 3550 6.5.1)."""
    name = cname.encode()[:255]
    return _packet(SOURCE_DESCRIPTION, 1, struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0")


def pack_bye(ssrcs: Sequence[int]) -> bytes:
    return _packet(BYE, len(ssrcs), struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def pack_pli(ssrc: int, media_ssrc: int) -> bytes:
    return _packet(PAYLOAD_FEEDBACK, PLI, struct.pack("!II", ssrc, media_ssrc))


def pack_nack(ssrc: int, media_ssrc: int, sequences: Sequence[int]) -> bytes:
    """Generic NACK (RFC 4585 6.2.1); `sequences` ascending, as they follow each other on the wire."""
    body = struct.pack("!II", ssrc, media_ssrc)
    at = 0
    while at < len(sequences):
        first, following = sequences[at], 0
        at += 1
        while at < len(sequences) and (ahead := (sequences[at] - first - 1) & 0xFFFF) < 16:
            following |= 1 << ahead
            at += 1
        body += struct.pack("!HH", first, following)
    return _packet(TRANSPORT_FEEDBACK, NACK, body)


def pack_remb(ssrc: int, bitrate_bps: int, media_ssrcs: Sequence[int]) -> bytes:
    """Receiver Estimated Maximum Bitrate (draft-alvestrand-rmcat-remb-03), for senders that know nothing better."""
    exponent = max(0, bitrate_bps.bit_length() - 18)
    value = exponent << 18 | bitrate_bps >> exponent
    body = struct.pack("!II4s", ssrc, 0, b"REMB") + struct.pack("!I", len(media_ssrcs) << 24 | value)
    return _packet(PAYLOAD_FEEDBACK, REMB, body + struct.pack(f"!{len(media_ssrcs)}I", *media_ssrcs))


def pack_transport_feedback(ssrc: int, media_ssrc: int, fci: bytes) -> bytes:
    """Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1)."""
    return _packet(TRANSPORT_FEEDBACK, TRANSPORT_CC, struct.pack("!II", ssrc, media_ssrc) + fci)


def ntp_from_wall(wall_s: float) -> int:
    """64 bit NTP time of a Unix time."""
    return int((wall_s + NTP_EPOCH_OFFSET_S) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle_of(ntp: int) -> int:
    """The middle 32 bits of an NTP time, as reception reports quote it."""
    return ntp >> 16 & 0xFFFFFFFF
