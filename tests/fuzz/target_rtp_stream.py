"""An access unit cut into packets and put together again, with repairs for whatever a receiver says it misses."""

from __future__ import annotations

from ingest.frames import Assembler, unpack_h264
from ingest.reorder import Ordered
from plenum.rtp import parse_rtp
from plenum.rtp_stream import PAYLOAD_MAX, RtpStream, StreamNumbers, h264_payloads, nal_units

_LARGEST = 64 * 1024
_SPS = b"\0\0\0\1\x67sps"


def target(data: bytes) -> None:
    """The first byte is repeated data: a fragmented unit needs more bytes than a small input has."""
    more = min(data[0], _LARGEST // len(data)) if data else 0
    unit = _SPS + data[1:] + b"\0\0\1\x65" + data[1:] * more
    stream = RtpStream(StreamNumbers(1, 108, 90_000, 65_530, 0, {3: b"\0\1"}, 109, 2))
    packets = stream.packets_of(h264_payloads(unit), 3600)
    parsed = [parse_rtp(packet) for packet in packets]
    assert all(len(packet.payload) <= PAYLOAD_MAX for packet in parsed)
    assert [packet.marker for packet in parsed] == [False] * (len(parsed) - 1) + [True]
    units = list(nal_units(unit))
    if all(1 <= one[0] & 0x1F <= 23 for one in units):
        assembler = Assembler(unpack_h264)
        pictures = [picture for packet in parsed for picture in assembler.add(Ordered(packet, False))]
        got = [one for picture in pictures for one in nal_units(picture.data)]
        assert got == (units if any(one[0] & 0x1F == 5 for one in units) else []), "a picture came out changed"
    missed = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2)]
    assert len(stream.repairs(missed)) <= len(missed)


SEEDS = [
    b"\0" + b"\0\0\1\x68pps" + b"\0\0\1\x65\x88slice",
    b"\xff" + b"\0\0\1\x65\x88" + b"k" * 30,
    b"\0" + b"\0\0\1\x65".join([b"\0\0\1\x41" + b"k" * 1190] * 2),  # units of one byte, alone in their packets
    b"\0" + b"\0\0\1\x09\xf0" + b"\0\0\1\x06\5" + b"\0\0\1\x41\x9adelta\0\0",
]
TOKENS = [b"\0\0\1\x65", b"\0\0\1\x67", b"\0\0\0\1\x41", b"\0\0\3", b"\x7c\x85"]
MAX_LEN = 3072
