"""A peer's decisions, packet by packet, without a network."""

import random
import struct

import pytest

from ingest.reception import (
    ALIVE_EVERY_US,
    FIRST_KEYFRAME_US,
    PLI_AGAIN_US,
    PLI_SPACING_US,
    REPORT_EVERY_US,
    SSRC_SILENT_US,
    VIDEO_PATIENCE_US,
    Reception,
)
from ingest.samples import Sample, SampleCodec, SampleKind, SampleStream
from plenum import rtcp
from plenum.offer import (
    ABS_SEND_TIME_URI,
    TRANSPORT_CC_URI,
    Codec,
    Offer,
    Section,
    Transport,
)
from plenum.rtp import RtpPacket, pack_extensions, pack_rtp
from plenum.rtp_stream import RtpStream, StreamNumbers, h264_payloads

VIDEO, RTX, AUDIO = 108, 109, 111
KEY = b"\0\0\0\1\x67sps" + b"\0\0\0\1\x68pps" + b"\0\0\0\1\x65\x88" + b"k" * 3000
DELTA = b"\0\0\0\1\x41\x9a" + b"d" * 500
MODERN = (("nack", "nack pli", "transport-cc"), ((3, TRANSPORT_CC_URI),))
OLD = (("nack", "nack pli", "goog-remb"), ((3, ABS_SEND_TIME_URI),))


def offer(control=MODERN, video: str = "H264") -> Offer:
    feedback, extensions = control
    codec = Codec(video, VIDEO, RTX, "42e01f", feedback)
    return Offer(
        (
            Section("video", "UDP/TLS/RTP/SAVPF", "108", "0", codec, extensions),
            Section("audio", "UDP/TLS/RTP/SAVPF", "111", "1", Codec("opus", AUDIO)),
        ),
        Transport("abcd", "x" * 22, (), "actpass"),
    )


class Presenter:
    """The sending side: our publisher's own RTP streams."""

    def __init__(self) -> None:
        self.video = RtpStream(StreamNumbers(1, VIDEO, 90_000, 100, 0, {}, RTX, 2))
        self.sound = RtpStream(StreamNumbers(3, AUDIO, 48_000, 200, 0))

    def picture(self, ticks: int, unit: bytes = DELTA) -> list[bytes]:
        return self.video.packets_of(h264_payloads(unit), ticks)


@pytest.fixture
def presenter() -> Presenter:
    return Presenter()


@pytest.fixture
def reception() -> Reception:
    return Reception(offer(), ssrc=99)


def receive(reception: Reception, packets: list[bytes], now: int) -> list[Sample]:
    return [
        sample
        for packet in packets
        for sample in reception.receive_rtp(packet, now)
        if sample.kind is not SampleKind.ALIVE
    ]


def plis(packets: list[bytes]) -> int:
    return sum(isinstance(item, rtcp.KeyframeRequest) for packet in packets for item in rtcp.parse_rtcp(packet))


def test_pictures_and_sounds_become_samples_with_their_own_clocks(reception: Reception, presenter: Presenter):
    key, delta = receive(reception, presenter.picture(0, KEY), 10), receive(reception, presenter.picture(3600), 50_010)
    sound = receive(reception, presenter.sound.packets_of([b"opus"], 960), 60_000)
    assert [(s.kind, s.codec, s.keyframe, s.rtp_timestamp, s.payload) for s in key + delta + sound] == [
        (SampleKind.VIDEO, SampleCodec.H264, True, 0, KEY),
        (SampleKind.VIDEO, SampleCodec.H264, False, 3600, DELTA),
        (SampleKind.AUDIO, SampleCodec.OPUS, False, 960, b"opus"),
    ]
    assert (key[0].arrival_us, reception.stats.keyframes, reception.stats.pictures) == (10, 1, 2)


def test_vp8_is_told_as_vp8(presenter: Presenter):
    reception = Reception(offer(video="VP8"), ssrc=99)
    samples = receive(reception, presenter.video.packets_of([b"\x10\x10key"], 0), 0)
    assert [(s.codec, s.keyframe) for s in samples] == [(SampleCodec.VP8, True)]


def test_a_lost_packet_is_asked_for_and_its_retransmission_fills_the_hole(reception: Reception, presenter: Presenter):
    receive(reception, presenter.picture(0, KEY), 0)
    assert receive(reception, presenter.picture(3600, KEY)[1:], 1000) == []
    asked = [
        item for packet in reception.feedback(1000) for item in rtcp.parse_rtcp(packet) if isinstance(item, rtcp.Nack)
    ]
    assert len(asked) == 1
    repaired = receive(reception, presenter.video.repairs(asked[0].sequences), 5000)
    assert [s.payload for s in repaired] == [KEY]
    assert reception.stats.lost == 0


def test_a_hole_that_stays_costs_pictures_up_to_the_key_frame_that_is_asked_for(
    reception: Reception, presenter: Presenter
):
    receive(reception, presenter.picture(0, KEY), 0)
    presenter.picture(3600)  # lost on the way
    assert receive(reception, presenter.picture(7200), 500_000) == []
    assert reception.due(500_000 + VIDEO_PATIENCE_US) == []
    assert plis(reception.feedback(500_000 + VIDEO_PATIENCE_US)) == 1
    assert [s.keyframe for s in receive(reception, presenter.picture(10_800, KEY), 950_000)] == [True]
    assert plis(reception.feedback(3_000_000)) == 0


def test_a_keyframe_is_asked_for_when_somebody_begins_to_decode_and_not_too_often(
    reception: Reception, presenter: Presenter
):
    receive(reception, presenter.picture(0, KEY), 0)
    start = FIRST_KEYFRAME_US
    reception.want_keyframe()
    assert plis(reception.feedback(start)) == 1
    assert plis(reception.feedback(start + PLI_SPACING_US - 1)) == 0
    assert plis(reception.feedback(start + PLI_SPACING_US)) == 1
    receive(reception, presenter.picture(3600, KEY), start + PLI_SPACING_US)
    assert plis(reception.feedback(start + 3 * PLI_SPACING_US)) == 0


def test_a_presenter_who_begins_without_a_key_frame_is_asked_again_and_again(
    reception: Reception, presenter: Presenter
):
    receive(reception, presenter.picture(0), 0)
    asked = sum(plis(reception.feedback(now)) for now in range(0, 4 * PLI_AGAIN_US, 20_000))
    assert asked == 4


def test_requests_name_the_stream_and_not_its_repairs(reception: Reception, presenter: Presenter):
    probe = pack_rtp(RtpPacket(RTX, False, 1, 0, 2, b""))
    reception.receive_rtp(probe, 0)
    receive(reception, presenter.picture(0), 0)
    packets = reception.feedback(FIRST_KEYFRAME_US)
    requests = [i for packet in packets for i in rtcp.parse_rtcp(packet) if isinstance(i, rtcp.KeyframeRequest)]
    assert [request.ssrc for request in requests] == [presenter.video.numbers.ssrc]


def test_sender_reports_become_clock_samples_of_their_stream(reception: Reception, presenter: Presenter):
    receive(reception, presenter.picture(0, KEY), 0)
    receive(reception, presenter.sound.packets_of([b"x"], 0), 0)
    samples = reception.receive_rtcp(presenter.video.report(1.0, 100.0) + presenter.sound.report(1.0, 100.0), 7)
    assert [(s.kind, s.stream, s.rtp_timestamp, s.ntp) for s in samples] == [
        (SampleKind.CLOCK, SampleStream.VIDEO, 90_000, rtcp.ntp_from_wall(100.0)),
        (SampleKind.CLOCK, SampleStream.AUDIO, 48_000, rtcp.ntp_from_wall(100.0)),
    ]


def test_signs_of_life_are_told_ten_times_a_second_at_most(reception: Reception):
    report = rtcp.pack_receiver_report(5, [])
    kinds = [s.kind for now in range(0, 1_000_000, 10_000) for s in reception.receive_rtcp(report, now)]
    assert kinds == [SampleKind.ALIVE] * (1_000_000 // ALIVE_EVERY_US)
    assert reception.due(5_000_000) == []


def test_a_new_ssrc_takes_over_only_from_a_silent_one(reception: Reception, presenter: Presenter):
    receive(reception, presenter.picture(0, KEY), 0)
    other = RtpStream(StreamNumbers(7, VIDEO, 90_000, 9, 0))
    assert receive(reception, other.packets_of(h264_payloads(KEY), 0), 1000) == []
    taken = receive(reception, other.packets_of(h264_payloads(KEY), 3600), SSRC_SILENT_US)
    assert [s.rtp_timestamp for s in taken] == [3600]


def test_every_second_a_report_on_both_streams_is_sent(reception: Reception, presenter: Presenter):
    receive(reception, presenter.picture(0, KEY), 0)
    receive(reception, presenter.sound.packets_of([b"x"], 0), 0)
    packets = reception.feedback(REPORT_EVERY_US)
    reports = [i for packet in packets for i in rtcp.parse_rtcp(packet) if isinstance(i, rtcp.ReceptionReport)]
    assert [report.ssrc for report in reports] == [1, 3]
    assert not any(b"REMB" in packet for packet in packets)


def test_transport_wide_feedback_is_sent_every_50_ms_where_it_was_offered(reception: Reception):
    profile, extensions = pack_extensions({3: struct.pack("!H", 77)})
    reception.receive_rtp(pack_rtp(RtpPacket(AUDIO, True, 1, 0, 3, b"x", profile, extensions)), 1000)
    packets = [packet for packet in reception.feedback(50_000) if packet[:2] == bytes([0x80 | 15, 205])]
    assert len(packets) == 1
    assert packets[0][12:16] == struct.pack("!HH", 77, 1)
    assert reception.feedback(100_000) == []


def test_a_sender_without_transport_cc_gets_an_estimate_that_follows_its_loss(presenter: Presenter):
    reception = Reception(offer(OLD), ssrc=99)

    def estimate(now: int) -> int:
        packet = next(packet for packet in reception.feedback(now) if b"REMB" in packet)
        return (packet[17] >> 2, (packet[17] & 3) << 16 | packet[18] << 8 | packet[19])[1] << (packet[17] >> 2)

    receive(reception, presenter.picture(0, KEY), 0)
    first = estimate(REPORT_EVERY_US)
    receive(reception, presenter.picture(3600), REPORT_EVERY_US)
    second = estimate(2 * REPORT_EVERY_US)
    for ticks in range(10):
        packets = presenter.picture(7200 + ticks * 3600)
        receive(reception, packets if ticks in (0, 9) else [], 2 * REPORT_EVERY_US)
    third = estimate(3 * REPORT_EVERY_US)
    assert first < second
    assert third < second


@pytest.mark.parametrize("junk", [b"", b"\x80", bytes(40), b"\x80\x7f" + bytes(30), b"\xb0" + b"\xff" * 40])
def test_junk_is_counted_and_harms_nothing(reception: Reception, presenter: Presenter, junk: bytes):
    reception.receive_rtp(junk, 0)
    assert reception.stats.unknown == 1
    assert len(receive(reception, presenter.picture(0, KEY), 0)) == 1


@pytest.mark.parametrize(("loss", "enough"), [(0.03, 0.99), (0.10, 0.90)])
def test_repairs_keep_the_picture_on_a_line_that_loses_packets(loss: float, enough: float):
    """R7 in a model: 10 ms each way, every packet lost with the same chance, feedback and repairs too."""
    chance = random.Random(7)
    presenter, reception = Presenter(), Reception(offer(), ssrc=99)
    to_us: list[tuple[int, bytes]] = []
    to_them: list[tuple[int, bytes]] = []
    shown, sent, key_at = 0, 600, 0

    def carry(queue: list[tuple[int, bytes]], now: int, packets: list[bytes]) -> None:
        queue.extend((now + 10_000, packet) for packet in packets if chance.random() >= loss)

    for now in range(0, sent * 33_000 + 1_000_000, 1000):
        number, rest = divmod(now, 33_000)
        if not rest and number < sent:
            carry(to_us, now, presenter.picture(number * 3000, KEY if number >= key_at else DELTA))
            key_at = sent if number >= key_at else key_at
        while to_us and to_us[0][0] <= now:
            packet = to_us.pop(0)[1]
            shown += sum(s.kind is SampleKind.VIDEO for s in reception.receive_rtp(packet, now))
        while to_them and to_them[0][0] <= now:
            for item in rtcp.parse_rtcp(to_them.pop(0)[1]):
                if isinstance(item, rtcp.Nack):
                    carry(to_us, now, presenter.video.repairs(item.sequences))
                elif isinstance(item, rtcp.KeyframeRequest):
                    key_at = 0
        if not now % 20_000:
            shown += sum(s.kind is SampleKind.VIDEO for s in reception.due(now))
            carry(to_them, now, reception.feedback(now))
    assert shown / sent >= enough
