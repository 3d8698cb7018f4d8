"""Encoded samples to CMAF bytes: init segments and chunks (ISO 14496-12, 14496-15, 23000-19). Rules only.

One track in each rendition, its number 1. No edit list: the first sample's decode time is the chunk's tfdt, and without
B-frames that is its presentation time too. Called by `ingest/packager.py` and `ingest/renditions.py`. A value that its
field cannot hold raises BadInput `bad_media`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import wraps
from typing import NamedTuple, ParamSpec

from plenum.errors import BadInput

TRACK = 1
SYNC_SAMPLE = 0x02000000
"""sample_depends_on = 2: needs no other (ISO 14496-12 8.8.3.1)."""
OTHER_SAMPLE = 0x01010000
"""sample_depends_on = 1, sample_is_non_sync_sample."""
_MATRIX = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4
"""Language `und`, three times five bits."""


class MediaSample(NamedTuple):
    """One access unit: an H.264 picture with length-prefixed NAL units, or one AAC frame."""

    data: bytes
    duration: int
    keyframe: bool


P = ParamSpec("P")


def _fitting(write: Callable[P, bytes]) -> Callable[P, bytes]:
    """Numbers come from an encoder that was fed by a stranger: a field that overflows is bad input, not a defect here."""

    @wraps(write)
    def checked(*args: P.args, **kwargs: P.kwargs) -> bytes:
        try:
            return write(*args, **kwargs)
        except struct.error as error:
            raise BadInput(f"Media that a CMAF box cannot hold: {error}.", code="bad_media") from None

    return checked


def video_codec(avcc: bytes) -> str:
    """RFC 6381 name from the decoder configuration: `avc1.42c01f`."""
    return f"avc1.{avcc[1:4].hex()}"


@_fitting
def video_init(width: int, height: int, timescale: int, avcc: bytes) -> bytes:
    """The init segment of an H.264 track; `avcc` is the AVCDecoderConfigurationRecord."""
    entry = (
        bytes(6)
        + struct.pack("!H", 1)  # data_reference_index
        + bytes(16)
        + struct.pack("!HHIIIH", width, height, 0x480000, 0x480000, 0, 1)
        + bytes(32)  # compressorname
        + struct.pack("!Hh", 24, -1)
        + _box(b"avcC", avcc)
        + _box(b"colr", b"nclx" + struct.pack("!HHHB", 1, 1, 1, 0))
    )
    media_header = _full(b"vmhd", 0, 1, bytes(8))
    return _init(timescale, b"vide", media_header, _box(b"avc1", entry), width, height)


@_fitting
def audio_init(sample_rate: int, channels: int, bitrate_bps: int, config: bytes) -> bytes:
    """The init segment of an AAC track; `config` is the AudioSpecificConfig."""
    entry = (
        bytes(6)
        + struct.pack("!H", 1)
        + bytes(8)
        + struct.pack("!HHHHI", channels, 16, 0, 0, sample_rate << 16)
        + _elementary_stream(bitrate_bps, config)
    )
    return _init(sample_rate, b"soun", _full(b"smhd", 0, 0, bytes(4)), _box(b"mp4a", entry), 0, 0)


@_fitting
def chunk(sequence: int, decode_time: int, samples: Sequence[MediaSample]) -> bytes:
    """One moof and its mdat. `sequence` grows from chunk to chunk of a rendition."""
    durations = {sample.duration for sample in samples}
    uniform = len(durations) == 1
    # tfhd: default-base-is-moof, default duration where all last equally long
    tfhd = _full(b"tfhd", 0, 0x020008 if uniform else 0x020000, _u32(TRACK, *(durations if uniform else ())))
    tfdt = _full(b"tfdt", 1, 0, struct.pack("!Q", decode_time))
    # trun: data offset, (duration,) size and flags of each sample
    trun_flags = 0x000601 if uniform else 0x000701
    fields = [value for sample in samples for value in _run_fields(sample, with_duration=not uniform)]
    header = 8 + 16 + 8 + len(tfhd) + len(tfdt) + 20 + 4 * len(fields)
    trun = _full(b"trun", 0, trun_flags, _u32(len(samples), header + 8, *fields))
    moof = _box(b"moof", _full(b"mfhd", 0, 0, _u32(sequence)) + _box(b"traf", tfhd + tfdt + trun))
    return moof + _box(b"mdat", b"".join(sample.data for sample in samples))


def _run_fields(sample: MediaSample, *, with_duration: bool) -> tuple[int, ...]:
    size_and_flags = (len(sample.data), SYNC_SAMPLE if sample.keyframe else OTHER_SAMPLE)
    return (sample.duration, *size_and_flags) if with_duration else size_and_flags


def _u32(*values: int) -> bytes:
    return struct.pack(f"!{len(values)}I", *values)


def _box(kind: bytes, payload: bytes) -> bytes:
    return _u32(8 + len(payload)) + kind + payload


def _full(kind: bytes, version: int, flags: int, payload: bytes) -> bytes:
    return _box(kind, _u32(version << 24 | flags) + payload)


def _init(timescale: int, handler: bytes, media_header: bytes, entry: bytes, width: int, height: int) -> bytes:
    ftyp = _box(b"ftyp", b"iso6" + _u32(0) + b"iso6cmfcmp41")
    mvhd = _full(b"mvhd", 0, 0, _u32(0, 0, 1000, 0, 0x10000, 0x01000000, 0, 0) + _MATRIX + bytes(24) + _u32(TRACK + 1))
    trex = _full(b"trex", 0, 0, _u32(TRACK, 1, 0, 0, 0))
    trak = _box(b"trak", _track_header(handler, width, height) + _media(timescale, handler, media_header, entry))
    return ftyp + _box(b"moov", mvhd + trak + _box(b"mvex", trex))


def _track_header(handler: bytes, width: int, height: int) -> bytes:
    volume = 0x0100 if handler == b"soun" else 0
    placement = struct.pack("!hhHH", 0, 0, volume, 0)
    fields = _u32(0, 0, TRACK, 0, 0, 0, 0) + placement + _MATRIX + _u32(width << 16, height << 16)
    return _full(b"tkhd", 0, 7, fields)  # enabled, in movie, in preview


def _media(timescale: int, handler: bytes, media_header: bytes, entry: bytes) -> bytes:
    mdhd = _full(b"mdhd", 0, 0, _u32(0, 0, timescale, 0) + struct.pack("!HH", _UNDETERMINED, 0))
    hdlr = _full(b"hdlr", 0, 0, _u32(0) + handler + bytes(12) + b"plenum\0")
    dinf = _box(b"dinf", _full(b"dref", 0, 0, _u32(1) + _full(b"url ", 0, 1, b"")))
    empty_tables = b"".join(_full(kind, 0, 0, _u32(0)) for kind in (b"stts", b"stsc", b"stco"))
    stsz = _full(b"stsz", 0, 0, _u32(0, 0))
    stbl = _box(b"stbl", _full(b"stsd", 0, 0, _u32(1) + entry) + empty_tables + stsz)
    return _box(b"mdia", mdhd + hdlr + _box(b"minf", media_header + dinf + stbl))


def _elementary_stream(bitrate_bps: int, config: bytes) -> bytes:
    # ISO 14496-1 7.2.6: ES descriptor > decoder config (AAC, audio stream) > decoder specific info; then SL config (MP4)
    specific = _descriptor(0x05, config)
    decoder = _descriptor(0x04, b"\x40\x15" + bytes(3) + _u32(bitrate_bps, bitrate_bps) + specific)
    return _full(b"esds", 0, 0, _descriptor(0x03, struct.pack("!HB", TRACK, 0) + decoder + _descriptor(0x06, b"\x02")))


def _descriptor(tag: int, payload: bytes) -> bytes:
    # ISO 14496-1 8.3.3: above 127 the size would take more bytes; no AudioSpecificConfig comes near.
    if len(payload) > 127:
        raise BadInput(f"A decoder configuration of {len(payload)} bytes is too long.", code="bad_media")
    return bytes((tag, len(payload))) + payload
