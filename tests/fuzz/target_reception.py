"""Whole sessions: decrypted RTP and RTCP of a presenter that may be anybody's program, with time passing."""

from __future__ import annotations

import struct

from ingest.frames import PICTURE_MAX
from ingest.reception import Reception
from ingest.reorder import CAPACITY
from ingest.samples import Sample, SampleReader, pack_sample
from ingest.transport_cc import STATUSES_MAX
from plenum.offer import ABS_SEND_TIME_URI, TRANSPORT_CC_URI, Codec, Offer, Section, Transport
from plenum.rtcp import SenderReport, pack_bye, pack_sender_report, parse_rtcp
from plenum.rtp import RtpPacket, pack_extensions, pack_rtp
from plenum.rtp_stream import RtpStream, StreamNumbers, h264_payloads
from tests.fuzz.pieces import join, split

VIDEO, RTX, AUDIO = 108, 109, 111
RTP, RTCP, SHORT_RTP = 0, 1, 2
_TYPES = (VIDEO, AUDIO, RTX, 96)
_SHORT = struct.Struct("!BBHHB")
"""Of a packet in short: type and marker, stream, sequence number, timestamp in 10 ms, transport-wide number."""


def target(data: bytes) -> None:
    """Each piece is a packet behind two bytes: what it is, and ms that pass after it. The first chooses the offer."""
    reception = Reception(_OFFERS[data[0] % len(_OFFERS)] if data else _OFFERS[0], ssrc=99)
    now_us = 1_000_000
    for piece in split(data[1:]):
        kind, wait = (piece[0], piece[1]) if len(piece) > 1 else (RTP, 0)
        if kind & 3 == RTCP:
            samples = reception.receive_rtcp(piece[2:], now_us)
        else:
            samples = reception.receive_rtp(_full(piece[2:]) if kind & 3 == SHORT_RTP else piece[2:], now_us)
        now_us += wait * 1000 * (100 if kind & 4 else 1)
        samples += reception.due(now_us)
        if kind & 8:
            reception.want_keyframe()
        _check_samples(samples)
        _check_feedback(reception.feedback(now_us))
        _check_bounds(reception)


def _check_samples(samples: list[Sample]) -> None:
    assert SampleReader().feed(b"".join(map(pack_sample, samples))) == samples


def _check_feedback(packets: list[bytes]) -> None:
    for packet in packets:
        assert len(packet) % 4 == 0
        assert 4 * (int.from_bytes(packet[2:4], "big") + 1) == len(packet) <= 1200
        parse_rtcp(packet)


def _check_bounds(reception: Reception) -> None:
    for stream in (reception._video, reception._audio):
        assert len(stream.order._held) <= CAPACITY
        assert len(stream.order._missing) <= CAPACITY
    assert sum(map(len, reception._assembler._pieces)) <= PICTURE_MAX
    assert reception._transport_cc is None or len(reception._transport_cc._arrived) <= 4 * STATUSES_MAX


def _full(short: bytes) -> bytes:
    """An RTP packet that belongs to the session, so that a few changed bytes change what it does, not whether it counts."""
    kind, ssrc, sequence, stamp, wide = _SHORT.unpack(short[: _SHORT.size].ljust(_SHORT.size, b"\0"))
    profile, extensions = pack_extensions({3: bytes([kind >> 4 & 7, wide])})
    marker, payload_type = bool(kind & 0x80), _TYPES[kind & 3]
    payload = short[_SHORT.size :]
    return pack_rtp(RtpPacket(payload_type, marker, sequence, stamp * 900, ssrc, payload, profile, extensions))


def _offer(name: str, feedback: tuple[str, ...], uri: str) -> Offer:
    video = Section("video", "UDP/TLS/RTP/SAVPF", "108", "0", Codec(name, VIDEO, RTX, "42e01f", feedback), ((3, uri),))
    audio = Section("audio", "UDP/TLS/RTP/SAVPF", "111", "1", Codec("opus", AUDIO))
    return Offer((video, audio), Transport("abcd", "x" * 22, (), "actpass"))


_MODERN = _offer("H264", ("nack", "nack pli", "transport-cc"), TRANSPORT_CC_URI)
_OLD = _offer("VP8", ("nack", "nack pli", "goog-remb"), ABS_SEND_TIME_URI)
_OFFERS = (_MODERN, _OLD, Offer(_MODERN.sections[1:], _MODERN.transport))


def _session() -> bytes:
    """What our own publisher sends: a key frame in fragments, a picture, sound, reports, a repair."""
    video = RtpStream(StreamNumbers(1, VIDEO, 90_000, 65_534, 0, {3: b"\0\1"}, RTX, 2))
    sound = RtpStream(StreamNumbers(3, AUDIO, 48_000, 200, 0))
    key = video.packets_of(h264_payloads(b"\0\0\1\x67sps\0\0\1\x68pps\0\0\1\x65\x88" + b"k" * 1300), 0)
    video.packets_of(h264_payloads(b"\0\0\1\x41\x9alost"), 3600)
    delta = video.packets_of(h264_payloads(b"\0\0\1\x41\x9ad"), 7200)
    repair = video.repairs([0, 1, 2])
    rtp = [*key, *sound.packets_of([b"opus"], 960), *delta, *repair]
    reports = [video.report(0.1, 1_800_000_000.0), sound.report(0.1, 1_800_000_000.0), pack_bye([1])]
    return join([b"\x00\x0a" + packet for packet in rtp] + [b"\x05\x03" + packet for packet in reports])


def _short(kind: int, ssrc: int, sequence: int, stamp: int, payload: bytes, wait: int = 10) -> bytes:
    return bytes([SHORT_RTP, wait]) + _SHORT.pack(kind, ssrc, sequence, stamp, sequence & 0xFF) + payload


_H264 = [
    _short(0x80, 1, 10, 0, b"\x78\0\4\x67sps\0\3\x65\x88k"),
    _short(0x80, 1, 12, 4, b"\x41\x9ad", 250),
    _short(0x82, 2, 1, 4, b"\0\x0b\x41\x9ad"),
    _short(0x80, 7, 900, 9, b"\x65\x88", 5),
    _short(1, 3, 5, 0, b"opus"),
    _short(1, 3, 900, 0, b"opus"),
    b"\x0d\xff" + pack_sender_report(SenderReport(1, 0xEB3D_0000_8000_0000, 3600), 1, 1),
]
_VP8 = [_short(0x80, 1, 10, 0, b"\x10\x10key"), _short(0, 1, 11, 1, b"\x10\x11d"), _short(0x80, 1, 40, 1, b"\0d", 255)]
SEEDS = [b"\0" + _session(), b"\0" + join(_H264), b"\1" + join([*_VP8, *_VP8, *_H264]), b"\2" + join(_H264)]
TOKENS = [
    b"\x02\x0a\x80\1",
    b"\xbe\xde\0\1",
    b"\x80\xec",
    b"\x80\xed",
    b"\x80\xc8\0\6",
    b"\x80\xcb",
    b"\x7c\x85",
    b"\x07\xff",
]
