"""Compound RTCP packets; nothing in them is an error, only advice that is or is not understood."""

from __future__ import annotations

import struct

from plenum.rtcp import (
    Nack,
    ReceptionReport,
    SenderReport,
    pack_bye,
    pack_cname,
    pack_nack,
    pack_pli,
    pack_receiver_report,
    pack_remb,
    pack_sender_report,
    pack_transport_feedback,
    parse_rtcp,
)


def target(data: bytes) -> None:
    found = parse_rtcp(data)
    assert len(found) <= len(data) // 4
    for item in found:
        match item:
            case Nack(ssrc, sequences):
                assert len(sequences) <= 17 * len(data) // 4
                (again,) = parse_rtcp(pack_nack(1, ssrc, sequences))
                assert isinstance(again, Nack)
                assert set(again.sequences) == set(sequences)
            case SenderReport():
                assert parse_rtcp(pack_sender_report(item, 1, 2)) == [item]
            case ReceptionReport():
                assert parse_rtcp(pack_receiver_report(1, [item])) == [item]


_REPORT = ReceptionReport(1, 25, -3, 70_000, 90, 5, 6)
_NTP = 0xEB3D_0000_8000_0000
SEEDS = [
    pack_sender_report(SenderReport(1, _NTP, 3600), 10, 1000) + pack_cname(1, "presenter"),
    pack_receiver_report(9, [_REPORT, _REPORT]) + pack_remb(9, 2_500_000, [1]),
    pack_nack(9, 1, [65_534, 65_535, 0, 5, 400]) + pack_pli(9, 1),
    struct.pack("!BBHIIIBBH", 0x84, 206, 4, 9, 0, 1, 7, 0, 0) + pack_bye([1, 3]),
    pack_transport_feedback(9, 1, bytes.fromhex("000100020000010020020101")),
]
TOKENS = [bytes([0x80, kind]) for kind in range(200, 207)] + [b"\x81\xcd", b"\x84\xce", b"\x81\xce"]
MAX_LEN = 2048
