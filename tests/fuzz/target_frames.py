"""RTP payloads into pictures: whatever comes, only whole pictures leave, the first of them a key frame."""

from __future__ import annotations

from ingest.frames import PICTURE_MAX, Assembler, unpack_h264, unpack_vp8
from ingest.reorder import Ordered
from plenum.rtp import RtpPacket
from tests.fuzz.pieces import join, split

MARKER, GAP, VP8, STEP = 1, 2, 4, 8


def target(data: bytes) -> None:
    """Each piece is a payload behind a byte that says what its packet is like; the first one chooses the codec."""
    pieces = [piece for piece in split(data) if piece]
    assembler = Assembler(unpack_vp8 if pieces and pieces[0][0] & VP8 else unpack_h264)
    timestamp, incomplete = 0, 0
    for number, piece in enumerate(pieces):
        flags = piece[0]
        timestamp = (timestamp + 3600 * bool(flags & STEP)) & 0xFFFFFFFF
        packet = RtpPacket(108, bool(flags & MARKER), number, timestamp, 1, piece[1:])
        wanted = assembler.wants_keyframe
        for picture in assembler.add(Ordered(packet, bool(flags & GAP))):
            assert 0 < len(picture.data) <= PICTURE_MAX
            assert picture.keyframe or not (wanted or flags & GAP), "a picture that needs another after a gap"
            wanted = False
        assert assembler.incomplete >= incomplete
        incomplete = assembler.incomplete
        assert len(assembler._pieces) <= number + 1


SEEDS = [
    join([b"\x01\x78\0\4\x67sps\0\4\x68pps\0\3\x65\x88k", b"\x09\x41\x9adelta"]),
    join(
        [
            b"\x00\x67sps",
            b"\x00\x7c\x85\x88key",
            b"\x00\x7c\x05key",
            b"\x01\x7c\x45key",
            b"\x09\x41d",
            b"\x0b\x41d",
            b"\x09\x65\x88",
        ]
    ),
    join([b"\x04\x10\x10key", b"\x05\x00more", b"\x0d\x90\xe0\x80\5\1\x20\x11d", b"\x0d\x10\x11"]),
    join([b"\x01\x65\x88bare", b"\x09\x41d", b"\x08\x61d", b"\x08\x61d"]),
]
TOKENS = [b"\x7c\x85", b"\x7c\x45", b"\x78\0\4\x67", b"\x90\x80\x80", b"\x9d\x01\x2a"]
