"""A stream being sent; what receives it elsewhere reads it back here."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.frames import unpack_h264
from plenum.rtcp import SenderReport, ntp_from_wall, parse_rtcp
from plenum.rtp import parse_rtp
from plenum.rtp_stream import HISTORY, PAYLOAD_MAX, RtpStream, StreamNumbers, h264_payloads, nal_units

NUMBERS = StreamNumbers(1, 96, 90_000, 65_534, 0xFFFFFFFF, {1: b"0"}, 97, 2)

units = st.lists(
    st.builds(
        lambda kind, body: bytes([0x60 | kind]) + body.replace(b"\0", b"\1") + b"\1",
        st.sampled_from([1, 5, 6, 7, 8]),
        st.binary(max_size=4000),
    ),
    min_size=1,
    max_size=8,
)


def test_numbers_wrap_and_the_last_packet_has_the_marker():
    packets = [parse_rtp(data) for data in RtpStream(NUMBERS).packets_of([b"a", b"b", b"c"], 3001)]
    assert [(p.sequence, p.timestamp, p.marker) for p in packets] == [
        (65_534, 3000, False),
        (65_535, 3000, False),
        (0, 3000, True),
    ]
    assert packets[0].extension(1) == b"0"


def test_a_single_payload_has_the_marker():
    [packet] = RtpStream(NUMBERS).packets_of([b"a"], 0)
    assert parse_rtp(packet).marker


def test_repairs_come_as_their_own_stream_with_the_original_number():
    stream = RtpStream(NUMBERS)
    stream.packets_of([b"a", b"b"], 0)
    [repair] = [parse_rtp(data) for data in stream.repairs([65_535, 99])]
    assert (repair.payload_type, repair.ssrc, repair.payload) == (97, 2, b"\xff\xffb")


def test_without_rtx_a_packet_is_repeated_as_it_was():
    stream = RtpStream(StreamNumbers(1, 96, 90_000, 5, 0))
    [sent] = stream.packets_of([b"a"], 0)
    assert stream.repairs([5]) == [sent]


def test_only_the_last_packets_are_kept():
    stream = RtpStream(StreamNumbers(1, 96, 90_000, 0, 0))
    stream.packets_of([bytes([number % 256]) for number in range(HISTORY + 10)], 0)
    assert stream.repairs([9]) == []
    assert len(stream.repairs([10])) == 1


def test_a_report_says_which_media_time_the_wall_clock_meets():
    stream = RtpStream(NUMBERS)
    stream.packets_of([b"abc"], 0)
    report = parse_rtcp(stream.report(media_s=2.0, wall_s=1_000_000.0))
    assert report == [SenderReport(1, ntp_from_wall(1_000_000.0), 179_999)]


@given(units)
def test_h264_is_cut_into_payloads_that_make_the_same_units_again(sent: list[bytes]):
    access_unit = b"".join(b"\0\0\0\1" + unit for unit in sent)
    payloads = h264_payloads(access_unit)
    assert all(len(payload) <= PAYLOAD_MAX for payload in payloads)
    received = b"".join(unpack_h264(payload).data for payload in payloads)
    assert list(nal_units(received)) == list(nal_units(access_unit)) == sent


def test_three_byte_start_codes_and_trailing_zeros_are_understood():
    assert list(nal_units(b"\0\0\1\x67a\0\0\0\1\x68b\0\0")) == [b"\x67a", b"\x68b"]


def test_equal_payloads_do_not_end_a_picture_before_its_last():
    packets = RtpStream(NUMBERS).packets_of([b"\x0a", b"b", b"\x0a"], 0)  # Python has one object for equal single bytes
    assert [parse_rtp(data).marker for data in packets] == [False, False, True]
