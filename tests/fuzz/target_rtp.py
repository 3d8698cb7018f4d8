"""RTP packets, as they come out of SRTP from a presenter that may be anybody's program."""

from __future__ import annotations

import msgspec

from plenum.rtp import RtpPacket, pack_extensions, pack_rtp, parse_rtp, sequence_ahead
from tests.fuzz.allowance import only


def target(data: bytes) -> None:
    with only("bad_rtp"):
        _check(data, parse_rtp(data))


def _check(data: bytes, packet: RtpPacket) -> None:
    assert 12 + len(packet.extensions) + len(packet.payload) <= len(data)
    for number in range(256):
        value = packet.extension(number)
        assert value is None or value in packet.extensions
    again = parse_rtp(pack_rtp(packet))
    assert again == (packet if packet.extensions else msgspec.structs.replace(packet, profile=0))
    ahead = sequence_ahead(packet.sequence, packet.timestamp & 0xFFFF)
    assert -32768 <= ahead < 32768
    assert (packet.timestamp + ahead) & 0xFFFF == packet.sequence


_PROFILE, _EXTENSIONS = pack_extensions({3: b"\0\1", 5: b"mid"})
SEEDS = [
    pack_rtp(RtpPacket(108, True, 65535, 3600, 1, b"\x65\x88payload", _PROFILE, _EXTENSIONS)),
    pack_rtp(RtpPacket(111, False, 0, 960, 3, b"opus", 0x1000, b"\3\2\0\1\5\0\0\0")),
    bytes([0xA2, 96]) + bytes(10) + bytes(8) + b"padded\0\2",
]
TOKENS = [b"\xbe\xde\0\1", b"\x10\0\0\1"]
MAX_LEN = 2048
