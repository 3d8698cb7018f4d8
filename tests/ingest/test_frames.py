"""Payloads to pictures: our publisher's packets, hand-made ones, and what is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.frames import PICTURE_MAX, Assembler, Picture, unpack_h264, unpack_vp8
from ingest.reorder import Ordered
from plenum.errors import BadInput
from plenum.rtp import RtpPacket
from plenum.rtp_stream import h264_payloads

CODE = b"\0\0\0\1"
SPS, PPS, SEI = b"\x67" + b"s" * 10, b"\x68" + b"p" * 4, b"\x06" + b"i" * 8
IDR, DELTA = b"\x65\x88" + b"k" * 4000, b"\x41\x9a" + b"d" * 900
KEY_UNIT = CODE + SPS + CODE + PPS + CODE + IDR
DELTA_UNIT = CODE + DELTA


def ordered(payload: bytes, timestamp: int, marker: bool, gap: bool = False) -> Ordered:
    return Ordered(RtpPacket(96, marker, 0, timestamp, 1, payload), gap)


def sent(unit: bytes, timestamp: int, *, gap: bool = False, without: int | None = None) -> list[Ordered]:
    """A picture as our own publisher packs it; `without` one of its packets."""
    payloads = h264_payloads(unit)
    packets = [ordered(payload, timestamp, index == len(payloads) - 1) for index, payload in enumerate(payloads)]
    behind = 0 if without is None else without
    if without is not None:
        packets[without : without + 2] = packets[without + 1 : without + 2] or [ordered(b"", timestamp + 3000, False)]
    lost = gap or without is not None
    return [Ordered(packet.packet, lost and index == behind) for index, packet in enumerate(packets)]


def pictures(assembler: Assembler, packets: list[Ordered]) -> list[Picture]:
    return [picture for packet in packets for picture in assembler.add(packet)]


def test_a_picture_comes_out_with_its_last_packet_byte_for_byte():
    assembler = Assembler(unpack_h264)
    assert pictures(assembler, sent(KEY_UNIT, 1000)) == [Picture(1000, KEY_UNIT, True)]
    assert pictures(assembler, sent(DELTA_UNIT, 4000)) == [Picture(4000, DELTA_UNIT, False)]


def test_without_markers_the_next_picture_completes_the_last():
    assembler = Assembler(unpack_h264)
    unmarked = [ordered(packet.packet.payload, 1000, False) for packet in sent(KEY_UNIT, 1000)]
    assert pictures(assembler, unmarked) == []
    assert pictures(assembler, sent(DELTA_UNIT, 4000)) == [
        Picture(1000, KEY_UNIT, True),
        Picture(4000, DELTA_UNIT, False),
    ]


def test_nothing_comes_out_before_the_first_key_frame():
    assembler = Assembler(unpack_h264)
    assert pictures(assembler, sent(DELTA_UNIT, 1000)) == []
    assert assembler.wants_keyframe
    assert len(pictures(assembler, sent(KEY_UNIT, 4000))) == 1
    assert not assembler.wants_keyframe


def test_after_a_gap_pictures_wait_for_the_next_key_frame():
    assembler = Assembler(unpack_h264)
    pictures(assembler, sent(KEY_UNIT, 0))
    assert pictures(assembler, sent(DELTA_UNIT, 3000, gap=True)) == []
    assert assembler.wants_keyframe
    assert pictures(assembler, sent(DELTA_UNIT, 6000)) == []
    assert len(pictures(assembler, sent(KEY_UNIT, 9000))) == 1


@pytest.mark.parametrize("lost", range(len(h264_payloads(KEY_UNIT))))
def test_a_key_frame_with_a_hole_is_no_key_frame(lost: int):
    assembler = Assembler(unpack_h264)
    pictures(assembler, sent(KEY_UNIT, 0))
    assert pictures(assembler, sent(KEY_UNIT, 3000, without=lost)) == []
    assert assembler.incomplete == 1


def test_a_key_frame_right_behind_the_gap_is_taken():
    assembler = Assembler(unpack_h264)
    assert len(pictures(assembler, sent(KEY_UNIT, 0, gap=True))) == 1


def test_a_key_frame_may_come_without_parameter_sets():
    assembler = Assembler(unpack_h264)
    assert pictures(assembler, sent(CODE + IDR, 0)) == [Picture(0, CODE + IDR, True)]


def test_a_picture_in_many_slices_is_one_picture():
    unit = CODE + SPS + CODE + PPS + (CODE + IDR) * 3
    assert pictures(Assembler(unpack_h264), sent(unit, 0)) == [Picture(0, unit, True)]


def test_empty_packets_are_probes_and_change_nothing():
    assembler = Assembler(unpack_h264)
    first, *rest = sent(KEY_UNIT, 0)
    assert len(pictures(assembler, [first, ordered(b"", 0, False), *rest])) == 1


def test_an_endless_picture_is_given_up():
    assembler = Assembler(unpack_h264)
    piece = ordered(b"\x65\x88" + bytes(60_000), 0, False)
    assert pictures(assembler, [ordered(SPS, 0, False), *([piece] * (PICTURE_MAX // 60_000 + 2))]) == []
    assert pictures(assembler, sent(KEY_UNIT, 3000)) == [Picture(3000, KEY_UNIT, True)]


def vp8(body: bytes, *, start: bool = True, extended: bytes = b"") -> bytes:
    return bytes([(0x80 if extended else 0) | (0x10 if start else 0)]) + extended + body


@pytest.mark.parametrize("extended", [b"", b"\x80\x05", b"\x80\x85\x01", b"\xf0\x85\x01\x00\x40"])
def test_vp8_pictures_lose_their_descriptor(extended: bytes):
    assembler = Assembler(unpack_vp8)
    key = [ordered(vp8(b"\x10abc", extended=extended), 0, False), ordered(vp8(b"def", start=False), 0, True)]
    assert pictures(assembler, key) == [Picture(0, b"\x10abcdef", True)]
    assert pictures(assembler, [ordered(vp8(b"\x11xyz", extended=extended), 3000, True)]) == [
        Picture(3000, b"\x11xyz", False)
    ]


@given(st.binary(min_size=1, max_size=60))
def test_any_payload_is_unpacked_or_refused(payload: bytes):
    for unpack in (unpack_h264, unpack_vp8):
        try:
            unpack(payload)
        except BadInput as error:
            assert error.code == "bad_payload"
