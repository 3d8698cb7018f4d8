from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.picture_size import PictureSize, check_size, coded_sizes, is_keyframe
from ingest.samples import SampleCodec
from plenum.errors import BadInput


def encoded(codec: str, width: int, height: int, **options: str) -> list[bytes]:
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.bit_rate = Fraction(1, 30), 300_000
    encoder.options = options
    frames = [av.VideoFrame(width, height, "yuv420p") for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.pts = number
    return [bytes(packet) for frame in [*frames, None] for packet in encoder.encode(frame)]


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
@pytest.mark.parametrize(("width", "height"), [(640, 360), (1920, 1080), (320, 180), (720, 1280)])
def test_h264_says_its_size_in_whole_macroblocks(profile: str, width: int, height: int) -> None:
    first = encoded("libx264", width, height, profile=profile, tune="zerolatency")[0]
    assert coded_sizes(SampleCodec.H264, first) == [PictureSize(-(-width // 16) * 16, -(-height // 16) * 16)]


def test_a_custom_scaling_matrix_is_read_over() -> None:
    first = encoded("libx264", 640, 352, **{"x264-params": "cqm=jvt", "profile": "high", "tune": "zerolatency"})[0]
    assert coded_sizes(SampleCodec.H264, first) == [PictureSize(640, 352)]


def test_vp8_says_its_size_in_key_frames_only() -> None:
    key, other, *_ = encoded("libvpx", 640, 360, deadline="realtime")
    assert coded_sizes(SampleCodec.VP8, key) == [PictureSize(640, 360)]
    assert coded_sizes(SampleCodec.VP8, other) == []


@pytest.mark.parametrize(("codec", "name"), [(SampleCodec.H264, "libx264"), (SampleCodec.VP8, "libvpx")])
def test_key_frames_are_told_from_others(codec: SampleCodec, name: str) -> None:
    options = {"tune": "zerolatency"} if name == "libx264" else {"deadline": "realtime"}
    key, other, *_ = encoded(name, 320, 180, **options)
    assert is_keyframe(codec, key)
    assert not is_keyframe(codec, other)


def test_a_vp8_key_frame_patched_to_16383_is_refused() -> None:
    bomb = bytearray(encoded("libvpx", 64, 64, deadline="realtime")[0])
    bomb[6:10] = b"\xff\x3f\xff\x3f"
    with pytest.raises(BadInput) as caught:
        check_size(coded_sizes(SampleCodec.VP8, bytes(bomb))[0])
    assert caught.value.code == "picture_too_large"


@pytest.mark.parametrize("size", [(1920, 1088), (1088, 1920), (16, 16), (1440, 1440)])
def test_sizes_up_to_1080p_are_taken_in_any_orientation(size: tuple[int, int]) -> None:
    assert check_size(PictureSize(*size)) == size


@pytest.mark.parametrize("size", [(1936, 1088), (1920, 1104), (8192, 16), (0, 100), (1920, 1920)])
def test_larger_ones_are_not(size: tuple[int, int]) -> None:
    with pytest.raises(BadInput):
        check_size(PictureSize(*size))


@given(st.binary(max_size=200), st.sampled_from([SampleCodec.H264, SampleCodec.VP8]))
def test_nonsense_is_bad_input_at_most(junk: bytes, codec: SampleCodec) -> None:
    for unit in (junk, b"\0\0\0\1\x67" + junk, b"\x10\x00\x00\x9d\x01\x2a" + junk):
        try:
            coded_sizes(codec, unit)
        except BadInput as error:
            assert error.code == "bad_bitstream"
