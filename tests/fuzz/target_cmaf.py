"""Encoded samples into init segments and parts: boxes whose sizes add up, and parts that the feed carries unchanged."""

from __future__ import annotations

import struct

from ingest.cmaf import MediaSample, audio_init, chunk, video_codec, video_init
from ingest.packager import AudioPackager, Cutter, Timeline, VideoPackager
from plenum.media import DEFAULT_PART_COUNT_LIMIT, VIDEO_TIMESCALE, Part
from plenum.wire import as_part, pack_part, unpack
from tests.fuzz.allowance import only
from tests.fuzz.pieces import join, split

_NUMBERS = struct.Struct("!IQ")
_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"mvex", b"moof", b"traf")
_SAMPLE = struct.Struct("!IB")

Boxes = dict[bytes, tuple[int, bytes]]
"""By kind: where the payload begins, and the payload. No kind that is asked for comes twice."""


def target(data: bytes) -> None:
    """The first piece has the numbers, the others are samples behind their duration and flags."""
    head, *rest = split(data) or [b""]
    sequence, decode_time = _NUMBERS.unpack(head[: _NUMBERS.size].ljust(_NUMBERS.size, b"\0"))
    samples = [_sample(piece) for piece in rest]
    _check_chunk(chunk(sequence, decode_time, samples), decode_time, samples)
    _check_inits(head, rest[0] if rest else b"")
    _check_parts(head, samples)


def _sample(piece: bytes) -> MediaSample:
    duration, flags = _SAMPLE.unpack(piece[: _SAMPLE.size].ljust(_SAMPLE.size, b"\0"))
    return MediaSample(piece[_SAMPLE.size :], duration, bool(flags & 1))


def _check_chunk(data: bytes, decode_time: int, samples: list[MediaSample]) -> None:
    boxes = _boxes(data)
    moof = boxes[b"moof"][0] - 8
    mdat_at, media = boxes[b"mdat"]
    assert media == b"".join(sample.data for sample in samples)
    assert struct.unpack("!Q", boxes[b"tfdt"][1][4:]) == (decode_time,)
    flags, count, offset = struct.unpack_from("!IIi", boxes[b"trun"][1])
    assert (count, moof + offset) == (len(samples), mdat_at), "the run does not begin with the media"
    fields = struct.unpack_from(f"!{(len(boxes[b'trun'][1]) - 12) // 4}I", boxes[b"trun"][1], 12)
    width = 3 if flags & 0x100 else 2
    assert list(fields[width - 2 :: width]) == [len(sample.data) for sample in samples]
    durations = fields[::width] if width == 3 else struct.unpack("!I", boxes[b"tfhd"][1][8:]) * count
    assert list(durations) == [sample.duration for sample in samples]


def _check_inits(numbers: bytes, config: bytes) -> None:
    """Any numbers and any configuration of a decoder: boxes, or a typed error where a field cannot hold them."""
    width, height, rate, channels = struct.unpack("!IHIB", numbers[:11].ljust(11, b"\0"))
    with only("bad_media"):
        assert _boxes(video_init(width, height, rate, config))[b"mdhd"][1][12:16] == rate.to_bytes(4, "big")
        video_codec(config)
    with only("bad_media"):
        boxes = _boxes(audio_init(rate, channels, rate, config))
        assert boxes[b"mdhd"][1][12:16] == rate.to_bytes(4, "big")
        assert config in boxes[b"stsd"][1]


def _check_parts(numbers: bytes, samples: list[MediaSample]) -> None:
    """Through the packagers, as a programme's: parts that are in order and come back from the feed as they were."""
    fps = 30 if numbers[:1] > b"\x7f" else 25
    tick = int.from_bytes(numbers[4:8], "big")
    line = Timeline(fps, tick, 1 + int.from_bytes(numbers[:2], "big"), discontinuity=False)
    video, sound = (
        VideoPackager(line, Cutter(0, 1, 1, VIDEO_TIMESCALE, _Wall())),
        AudioPackager(line, Cutter(1, 1, 1, 48_000, _Wall())),
    )
    parts: list[Part | None] = []
    for sample in samples:
        span = 1 + sample.duration % 3
        parts.append(video.add(tick, span, sample.data, keyframe=sample.keyframe))
        tick += span
        parts.append(sound.add(sample.data))
        if sample.duration % 7 == 6:
            line, tick = line.resumed(tick, tick + 100), tick + 100
            parts += [video.begin(line), sound.begin(line)]
    parts += [video.flush(), sound.flush()]
    for part in filter(None, parts):
        assert as_part(*unpack(pack_part(part))) == part
        assert part.index < DEFAULT_PART_COUNT_LIMIT
        assert _boxes(part.data)[b"mdat"]
    for rendition in (0, 1):
        places = [(part.msn, part.index) for part in parts if part and part.rendition == rendition]
        assert places == sorted(set(places)), "two parts have the same place"


class _Wall:
    def wall_us(self, msn: int, media_us: int) -> int:
        return 1_800_000_000_000_000 + media_us


def _boxes(data: bytes) -> Boxes:
    found: Boxes = {}
    _walk(data, 0, len(data), found)
    return found


def _walk(data: bytes, at: int, end: int, found: Boxes) -> None:
    while at < end:
        size, kind = struct.unpack_from("!I4s", data, at)
        assert 8 <= size <= end - at, f"the box {kind!r} does not fit into its parent"
        found[kind] = (at + 8, data[at + 8 : at + size])
        if kind in _CONTAINERS:
            _walk(data, at + 8, at + size, found)
        at += size
    assert at == end


def _piece(duration: int, keyframe: bool, data: bytes) -> bytes:
    return _SAMPLE.pack(duration, keyframe) + data


_AVCC = bytes.fromhex("0142c01fffe100096742c01fda014016e90100046 8ce3c80".replace(" ", ""))
SEEDS = [
    join([_NUMBERS.pack(7, 90_000), *(_piece(3000, not index, b"\0\0\0\4slic") for index in range(12))]),
    join([_NUMBERS.pack(0x8000_0000, 1 << 63), *(_piece(1000 * index, False, b"x" * index) for index in range(8))]),
    join([struct.pack("!IHIB", 1280, 720, 48_000, 2), _piece(0, True, b"")[:0] + b"\x11\x90"]),
    join([struct.pack("!IHIB", 1280, 720, 90_000, 2) + b"\0", _AVCC, _piece(6, True, b"key"), _piece(2, False, b"d")]),
    join([_NUMBERS.pack(1, 0)]),
]
TOKENS = [b"\0\0\xbb\x80", b"\xff\xff\xff\xff", b"\0\5\0\0\0\6\1"]
