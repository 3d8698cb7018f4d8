"""What a peer process tells the transcoder: encoded samples over a stream socket, one record each. Rules only.

Written by `ingest/peer.py`, read by `ingest/decode.py`. A record is a fixed header of 20 bytes, network byte order,
then the payload. Times are the peer's CLOCK_MONOTONIC, which both processes share because they run on one machine. On
the same socket, the other way, go single bytes: `WANT_KEYFRAME` asks the presenter for a picture that needs no other.
"""

from __future__ import annotations

import struct
from enum import IntEnum

import msgspec

from plenum.errors import BadInput

HEADER = struct.Struct("!BBBBIqI")
"""kind, codec, flags, stream, RTP timestamp, arrival µs, payload length."""

MAX_PAYLOAD = 4 * 1024 * 1024
"""No access unit of 1920x1088 is larger; a record that claims more is a defect or an attack."""

MAX_BACKLOG = 4 * 1024 * 1024
"""A peer holds no more unsent bytes than this: beyond it drops video up to the next key frame and asks for one."""

WANT_KEYFRAME = b"K"
"""Transcoder to peer: send a PLI now."""

KEYFRAME_FLAG = 1


class SampleKind(IntEnum):
    VIDEO = 1
    """One access unit."""
    AUDIO = 2
    """One packet."""
    CLOCK = 3
    """An RTCP sender report: `rtp_timestamp` was sampled at the sender's NTP time in the payload (8 bytes)."""
    ALIVE = 4
    """Something else arrived (RTCP, padding): the presenter is there, but the picture stands still."""


class SampleCodec(IntEnum):
    NONE = 0
    H264 = 1
    """Annex B, parameter sets in band."""
    VP8 = 2
    OPUS = 3


class SampleStream(IntEnum):
    NONE = 0
    VIDEO = 1
    AUDIO = 2


class Sample(msgspec.Struct, frozen=True):
    """One record."""

    kind: SampleKind
    codec: SampleCodec
    stream: SampleStream
    keyframe: bool
    rtp_timestamp: int
    """As on the wire: 32 bits, wraps."""
    arrival_us: int
    """CLOCK_MONOTONIC when the last packet of it arrived."""
    payload: bytes = b""

    @property
    def ntp(self) -> int:
        """The 64 bit NTP timestamp of a CLOCK record: seconds since 1900 in the upper half, fraction in the lower."""
        return int.from_bytes(self.payload[:8], "big")


def video_sample(
    codec: SampleCodec, rtp_timestamp: int, arrival_us: int, payload: bytes, *, keyframe: bool = False
) -> Sample:
    return Sample(SampleKind.VIDEO, codec, SampleStream.VIDEO, keyframe, rtp_timestamp, arrival_us, payload)


def audio_sample(rtp_timestamp: int, arrival_us: int, payload: bytes) -> Sample:
    """One Opus packet; its RTP clock runs at 48 kHz (RFC 7587)."""
    return Sample(SampleKind.AUDIO, SampleCodec.OPUS, SampleStream.AUDIO, False, rtp_timestamp, arrival_us, payload)


def clock_sample(stream: SampleStream, rtp_timestamp: int, ntp: int, arrival_us: int) -> Sample:
    """A sender report (RFC 3550 6.4.1) of one stream."""
    payload = ntp.to_bytes(8, "big")
    return Sample(SampleKind.CLOCK, SampleCodec.NONE, stream, False, rtp_timestamp, arrival_us, payload)


def alive_sample(arrival_us: int) -> Sample:
    return Sample(SampleKind.ALIVE, SampleCodec.NONE, SampleStream.NONE, False, 0, arrival_us)


def pack_sample(sample: Sample) -> bytes:
    """One record, ready to be written."""
    header = HEADER.pack(
        sample.kind,
        sample.codec,
        KEYFRAME_FLAG if sample.keyframe else 0,
        sample.stream,
        sample.rtp_timestamp & 0xFFFFFFFF,
        sample.arrival_us,
        len(sample.payload),
    )
    return header + sample.payload


class SampleReader:
    """Cuts the byte stream back into samples; holds at most one unfinished record."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Sample]:
        """The samples completed by these bytes. Raises BadInput `bad_sample` on nonsense: close the socket then."""
        self._held += data
        samples: list[Sample] = []
        at = 0
        while (end := self._record_end(at)) is not None:
            samples.append(_unpack(self._held, at, end))
            at = end
        del self._held[:at]
        return samples

    def _record_end(self, at: int) -> int | None:
        if len(self._held) - at < HEADER.size:
            return None
        length = HEADER.unpack_from(self._held, at)[6]
        if length > MAX_PAYLOAD:
            raise BadInput(f"A sample of {length} bytes is larger than {MAX_PAYLOAD}.", code="bad_sample")
        end = at + HEADER.size + int(length)
        return end if end <= len(self._held) else None


def _unpack(held: bytearray, at: int, end: int) -> Sample:
    kind, codec, flags, stream, rtp_timestamp, arrival_us, _ = HEADER.unpack_from(held, at)
    payload = bytes(memoryview(held)[at + HEADER.size : end])
    try:
        sample = Sample(
            SampleKind(kind),
            SampleCodec(codec),
            SampleStream(stream),
            bool(flags & KEYFRAME_FLAG),
            rtp_timestamp,
            arrival_us,
            payload,
        )
    except ValueError:
        raise BadInput(f"Not a sample: kind {kind}, codec {codec}, stream {stream}.", code="bad_sample") from None
    if not _makes_sense(sample):
        raise BadInput(f"A sample of kind {sample.kind.name} does not look like this.", code="bad_sample")
    return sample


def _makes_sense(sample: Sample) -> bool:
    match sample.kind:
        case SampleKind.VIDEO:
            return sample.stream is SampleStream.VIDEO and sample.codec in (SampleCodec.H264, SampleCodec.VP8)
        case SampleKind.AUDIO:
            return sample.stream is SampleStream.AUDIO and sample.codec is SampleCodec.OPUS
        case SampleKind.CLOCK:
            return sample.stream is not SampleStream.NONE and len(sample.payload) == 8
        case SampleKind.ALIVE:
            return True
