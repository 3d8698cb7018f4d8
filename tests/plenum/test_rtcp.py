"""RTCP packets as bytes; aiortc's own parser is the second opinion."""

import aiortc.rtp
from hypothesis import given
from hypothesis import strategies as st

from plenum.rtcp import (
    Goodbye,
    KeyframeRequest,
    Nack,
    ReceptionReport,
    SenderReport,
    middle_of,
    ntp_from_wall,
    pack_bye,
    pack_cname,
    pack_nack,
    pack_pli,
    pack_receiver_report,
    pack_remb,
    pack_sender_report,
    parse_rtcp,
)


def test_a_compound_packet_tells_everything_in_it():
    report = SenderReport(1, 5 << 32, 90_000)
    compound = pack_sender_report(report, 10, 1000) + pack_cname(1, "plenum") + pack_pli(2, 3) + pack_bye([4, 5])
    assert parse_rtcp(compound) == [report, KeyframeRequest(3), Goodbye((4, 5))]


def test_missing_packets_are_named_across_the_wrap_of_their_numbers():
    missing = [65530, 65535, 0, 3, 40]
    assert parse_rtcp(pack_nack(1, 2, missing)) == [Nack(2, tuple(missing))]


def test_a_reception_report_comes_back_with_negative_loss():
    report = ReceptionReport(9, 12, -3, 70_000, 44, 0x01020304, 65536)
    assert parse_rtcp(pack_receiver_report(1, [report])) == [report]


def test_a_full_intra_request_is_a_keyframe_request():
    packet = bytes(aiortc.rtp.RtcpPsfbPacket(fmt=4, ssrc=1, media_ssrc=0, fci=b"\0\0\0\x07\x01\0\0\0"))
    assert parse_rtcp(packet) == [KeyframeRequest(7)]


def test_aiortc_reads_what_we_write():
    compound = (
        pack_sender_report(SenderReport(1, 5, 6), 7, 8)
        + pack_cname(1, "plenum")
        + pack_receiver_report(1, [ReceptionReport(9, 12, 3, 70_000, 44, 1, 2)])
        + pack_nack(1, 2, [5, 7])
        + pack_pli(1, 2)
        + pack_bye([1])
    )
    read = aiortc.rtp.RtcpPacket.parse(compound)
    assert [type(packet).__name__ for packet in read] == [
        "RtcpSrPacket",
        "RtcpSdesPacket",
        "RtcpRrPacket",
        "RtcpRtpfbPacket",
        "RtcpPsfbPacket",
        "RtcpByePacket",
    ]
    assert read[3].lost == [5, 7]


def test_the_estimate_of_a_receiver_is_read_as_it_was_meant():
    packet = aiortc.rtp.RtcpPacket.parse(pack_remb(1, 6_000_000, [7]))[0]
    bitrate, ssrcs = aiortc.rtp.unpack_remb_fci(packet.fci)
    assert ssrcs == [7]
    assert abs(bitrate - 6_000_000) < 100


def test_ntp_time_counts_from_1900():
    assert ntp_from_wall(0) >> 32 == 2_208_988_800
    assert middle_of(0x1122334455667788) == 0x33445566


@given(st.binary(max_size=120))
def test_any_bytes_are_read_without_an_exception(data: bytes):
    parse_rtcp(data)
