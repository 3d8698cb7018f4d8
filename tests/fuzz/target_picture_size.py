"""The sizes that a coded picture claims, before a decoder believes them (D9)."""

from __future__ import annotations

from ingest.picture_size import LONG_SIDE_MAX, PIXELS_MAX, PictureSize, check_size, coded_sizes, is_keyframe, nal_units
from ingest.samples import SampleCodec
from plenum.errors import BadInput
from tests.fuzz.allowance import only


def target(data: bytes) -> None:
    for codec in (SampleCodec.H264, SampleCodec.VP8):
        is_keyframe(codec, data)
        with only("bad_bitstream"):
            for size in coded_sizes(codec, data):
                _check(codec, size)
    assert sum(map(len, nal_units(data))) <= len(data)


def _check(codec: SampleCodec, size: PictureSize) -> None:
    again = _sps(*size) if codec is SampleCodec.H264 else _vp8(*size)
    if codec is SampleCodec.H264 or max(size) < 1 << 14:
        assert coded_sizes(codec, again) == [size], "another size when written again"
    try:
        check_size(size)
    except BadInput as error:
        assert error.code == "picture_too_large"
    else:
        assert 0 < size.width <= LONG_SIDE_MAX
        assert 0 < size.height <= LONG_SIDE_MAX
        assert size.width * size.height <= PIXELS_MAX


def _vp8(width: int, height: int) -> bytes:
    return b"\x10\0\0\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


def _ue(value: int) -> str:
    bits = f"{value + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _sps(width: int, height: int, profile: int = 66, high: str = "") -> bytes:
    """A sequence parameter set of this size, as an encoder would write it: with emulation prevention."""
    order = _ue(0) + _ue(2) + _ue(1) + "0"  # log2_max_frame_num, order type 2, reference frames, no gaps
    size = _ue(width // 16 - 1) + _ue(height // 16 - 1) + "1"
    bits = f"{profile:08b}{0xC01F:016b}" + _ue(0) + high + order + size + "1"
    raw = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    escaped, zeros = bytearray(b"\0\0\0\1\x67"), 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            escaped.append(3)
            zeros = 0
        escaped.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(escaped)


_SCALED = _ue(1) + _ue(0) + _ue(0) + "0" + "1" + "1" + "".join(_ue(index % 3) for index in range(16)) + "0" * 7
SEEDS = [
    _sps(1280, 720 // 16 * 16) + b"\0\0\0\1\x68\xce\0\0\1\x65\x88slice",
    _sps(1920, 1088, 100, _ue(3) + "0" + _ue(0) + _ue(0) + "0" + "0"),
    _sps(8192, 4320 // 16 * 16, 100, _SCALED),
    b"\0\0\1\x41\x9adelta",
    _vp8(1280, 720),
    _vp8(16383, 16383),
]
TOKENS = [
    b"\0\0\1\x67",
    b"\0\0\0\1\x67\x42\xc0\x1f",
    b"\0\0\1\x67\x64\0\x28",
    b"\0\0\3",
    b"\x9d\x01\x2a",
    b"\0\0\1\x65",
]
