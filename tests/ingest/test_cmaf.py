"""The boxes hold what they are given, or say that they cannot; that they play is shown by test_encode.py."""

import struct

import pytest

from ingest.cmaf import MediaSample, audio_init, chunk, video_init
from plenum.errors import BadInput

U32, U64 = 2**32, 2**64


@pytest.mark.parametrize(
    "write",
    [
        lambda: chunk(U32, 0, []),
        lambda: chunk(-1, 0, []),
        lambda: chunk(1, U64, []),
        lambda: chunk(1, 0, [MediaSample(b"", U32, False)]),
        lambda: video_init(65_536, 720, 90_000, b""),
        lambda: video_init(1280, 720, U32, b""),
        lambda: audio_init(96_000, 2, 128_000, b"\x11\x90"),  # its field has 16 bits before the point
        lambda: audio_init(48_000, 2, 128_000, bytes(105)),
        lambda: audio_init(48_000, 2, 128_000, bytes(300)),
    ],
)
def test_what_a_box_cannot_hold_is_bad_media(write) -> None:
    with pytest.raises(BadInput) as caught:
        write()
    assert caught.value.code == "bad_media"


def test_the_largest_values_fit() -> None:
    data = chunk(U32 - 1, U64 - 1, [MediaSample(b"ab", U32 - 1, True)])
    assert struct.unpack("!I4s", data[:8]) == (len(data) - 10, b"moof")
    assert struct.pack("!Q", U64 - 1) in data
    assert bytes(104) in audio_init(48_000, 255, U32 - 1, bytes(104))
    assert b"avcC" in video_init(65_535, 65_535, U32 - 1, bytes(90))
