"""RTP packets as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plenum.errors import BadInput
from plenum.rtp import RtpPacket, pack_extensions, pack_rtp, parse_rtp, sequence_ahead


def test_a_packet_comes_back_as_it_was_packed():
    profile, extensions = pack_extensions({3: b"\x01\x02", 4: b"0"})
    packet = RtpPacket(96, True, 65535, 0xFFFFFFFF, 7, b"payload", profile, extensions)
    assert parse_rtp(pack_rtp(packet)) == packet


def test_header_extensions_are_found_by_their_id_only():
    profile, extensions = pack_extensions({3: b"\x01\x02", 4: b"0"})
    packet = RtpPacket(96, False, 1, 2, 3, b"", profile, extensions)
    assert (packet.extension(3), packet.extension(4), packet.extension(5)) == (b"\x01\x02", b"0", None)


def test_two_byte_extensions_are_read_too():
    packet = RtpPacket(96, False, 1, 2, 3, b"", 0x1000, b"\x00\x05\x02ab\x00\x00")
    assert packet.extension(5) == b"ab"


def test_padding_is_taken_off():
    padded = bytearray(pack_rtp(RtpPacket(96, False, 1, 2, 3, b"abc")) + b"\0\0\0\4")
    padded[0] |= 0x20
    assert parse_rtp(bytes(padded)).payload == b"abc"


def test_sequence_numbers_are_compared_across_the_wrap():
    assert (sequence_ahead(2, 65534), sequence_ahead(65534, 2), sequence_ahead(5, 5)) == (4, -4, 0)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_refused(data: bytes):
    try:
        parse_rtp(data).extension(3)
    except BadInput as error:
        assert error.code == "bad_rtp"


def test_a_packet_that_claims_more_padding_than_it_has_is_refused():
    broken = bytearray(pack_rtp(RtpPacket(96, False, 1, 2, 3, b"abc\xff")))
    broken[0] |= 0x20
    with pytest.raises(BadInput):
        parse_rtp(bytes(broken))
