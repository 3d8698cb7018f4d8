"""How large a coded picture says it is, before a decoder allocates memory for it. Rules only.

A few kilobytes can claim 16383x16383 and cost the decoder 854 MB. So the size is read from the VP8 frame header and the
H.264 sequence parameter set of everything that is fed to a decoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ingest.samples import SampleCodec
from plenum.errors import BadInput

LONG_SIDE_MAX = 1920
PIXELS_MAX = 1920 * 1088

NAL_IDR = 5
NAL_SPS = 7
_START_CODE = b"\0\0\1"
_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class PictureSize(NamedTuple):
    width: int
    height: int


def check_size(size: PictureSize) -> PictureSize:
    """Raises BadInput `picture_too_large`. Portrait pictures may be as long as landscape ones are wide."""
    if max(size) > LONG_SIDE_MAX or size.width * size.height > PIXELS_MAX or min(size) < 1:
        raise BadInput(
            f"The picture is {size.width}x{size.height}; at most 1920x1088 is accepted. Choose a smaller resolution.",
            code="picture_too_large",
        )
    return size


def coded_sizes(codec: SampleCodec, access_unit: bytes) -> list[PictureSize]:
    """Every size this access unit announces; none in most. Raises BadInput `bad_bitstream`."""
    if codec is SampleCodec.VP8:
        return [_vp8_size(access_unit)] if is_keyframe(codec, access_unit) else []
    return [_sps_size(nal) for nal in nal_units(access_unit) if nal[0] & 0x1F == NAL_SPS]


def is_keyframe(codec: SampleCodec, access_unit: bytes) -> bool:
    """Whether decoding can begin here."""
    if codec is SampleCodec.VP8:
        return len(access_unit) > 0 and not access_unit[0] & 1  # RFC 6386 9.1: 0 is a key frame
    return any(nal[0] & 0x1F == NAL_IDR for nal in nal_units(access_unit))


def nal_units(access_unit: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B access unit; slices are cut after their header byte, nobody here reads them."""
    at = access_unit.find(_START_CODE)
    while at >= 0:
        following = access_unit.find(_START_CODE, at + 3)
        nal = access_unit[at + 3 : following if following >= 0 else at + 3 + 256]
        if nal:
            yield nal
        at = following


def _vp8_size(frame: bytes) -> PictureSize:
    # RFC 6386 9.1: 3 bytes frame tag, start code 9d 01 2a, then 14 bits of width and of height, each with 2 of scaling.
    if len(frame) < 10 or frame[3:6] != b"\x9d\x01\x2a":
        raise BadInput("A VP8 key frame without its start code.", code="bad_bitstream")
    return PictureSize(int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF)


class _Bits:
    """Reads an H.264 RBSP. Running off its end raises BadInput."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise BadInput("An H.264 parameter set ends too early.", code="bad_bitstream")
        return self._value >> self._left & (1 << count) - 1

    def ue(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise BadInput("An H.264 parameter set is damaged.", code="bad_bitstream")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _sps_size(nal: bytes) -> PictureSize:
    # ISO 14496-10 7.3.2.1.1, up to the cropping, which only makes the picture smaller and is left out.
    bits = _Bits(nal[1:256].replace(b"\0\0\3", b"\0\0"))
    profile = bits.take(8)
    bits.take(16)  # constraint flags, level
    bits.ue()  # seq_parameter_set_id
    if profile in _HIGH_PROFILES:
        _skip_high_fields(bits)
    bits.ue()  # log2_max_frame_num
    _skip_picture_order(bits)
    bits.ue()  # max_num_ref_frames
    bits.take(1)  # gaps_in_frame_num
    width = (bits.ue() + 1) * 16
    map_units = bits.ue() + 1
    frame_mbs_only = bits.take(1)
    return PictureSize(width, map_units * 16 * (2 - frame_mbs_only))


def _skip_high_fields(bits: _Bits) -> None:
    chroma = bits.ue()
    if chroma == 3:
        bits.take(1)
    bits.ue()
    bits.ue()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if index < 6 else 64)


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_picture_order(bits: _Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.take(1)
        bits.se()
        bits.se()
        cycle = bits.ue()
        if cycle > 255:
            raise BadInput("An H.264 parameter set is damaged.", code="bad_bitstream")
        for _ in range(cycle):
            bits.se()
