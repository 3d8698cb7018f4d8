"""The publisher's encoders; FFmpeg's decoders say what came out."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from av import AudioFrame, VideoFrame

from plenum.encoding import Encoded, PictureEncoder, SoundEncoder, upright
from plenum.rtp_stream import nal_units
from plenum.testsrc import TestSource

FPS = Fraction(25)


def picture(number: int, size: tuple[int, int] = (640, 360)) -> VideoFrame:
    noise = np.random.default_rng(number).integers(0, 255, (size[1] * 3 // 2, size[0]), dtype=np.uint8)
    return VideoFrame.from_ndarray(noise, format="yuv420p")


def encode(count: int, *, keyframes: tuple[int, ...] = (), bitrate_bps: int = 2_000_000) -> list[Encoded]:
    encoder = PictureEncoder(640, 360, FPS, bitrate_bps)
    return [
        encoded
        for number in range(count)
        for encoded in encoder.encode(picture(number % 5), number / FPS, keyframe=number in keyframes)
    ]


def test_each_picture_comes_out_at_once_with_its_own_time():
    encoder = PictureEncoder(640, 360, FPS, 2_000_000)
    for number in range(10):
        [encoded] = encoder.encode(picture(number), number / FPS, keyframe=False)
        assert encoded.ticks == number * 3600


def test_key_frames_come_every_two_seconds_and_when_asked_for():
    keys = [index for index, encoded in enumerate(encode(120, keyframes=(20,))) if encoded.keyframe]
    assert keys == [0, 20, 70]


def test_pictures_are_constrained_baseline_with_parameter_sets_before_each_key_frame():
    encoded = encode(1)[0]
    units = list(nal_units(encoded.data))
    kinds = [unit[0] & 0x1F for unit in units]
    sps = units[kinds.index(7)]
    assert (sps[1], sps[2] & 0x40) == (66, 0x40)
    assert kinds.index(7) < kinds.index(8) < kinds.index(5)
    assert kinds.count(5) == 1  # one slice


@pytest.mark.parametrize("bitrate_bps", [1_000_000, 4_000_000])
def test_the_bitrate_is_what_was_asked_for(bitrate_bps: int):
    encoded = encode(100, bitrate_bps=bitrate_bps)
    assert 0.7 < sum(len(e.data) for e in encoded) * 8 / 4 / bitrate_bps < 1.15


def test_the_picture_is_scaled_and_decodes():
    encoder = PictureEncoder(320, 180, FPS, 1_000_000)
    [encoded] = encoder.encode(picture(0), Fraction(0), keyframe=False)
    decoder = av.CodecContext.create("h264", "r")
    [decoded] = [*decoder.decode(av.Packet(encoded.data)), *decoder.decode(None)]
    assert (decoded.width, decoded.height) == (320, 180)


def test_a_picture_filmed_on_its_side_is_turned_upright():
    class Sideways:
        rotation = 90

        def to_ndarray(self, **_: str) -> np.ndarray:
            return np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3)

    turned = upright(Sideways())
    assert (turned.width, turned.height) == (2, 4)
    straight = picture(0)
    assert upright(straight) is straight


def sound(samples: int, rate: int = 48_000) -> AudioFrame:
    tone = (np.sin(np.arange(samples) * 2 * np.pi * 440 / rate) * 8000).astype(np.int16)
    frame = AudioFrame.from_ndarray(np.repeat(tone, 2).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate = rate
    return frame


def encode_sound(pieces: list[tuple[Fraction, int]], rate: int = 48_000) -> list[int]:
    encoder = SoundEncoder()
    return [e.ticks for time, samples in pieces for e in encoder.encode(sound(samples, rate), time)]


def steps(ticks: list[int]) -> set[int]:
    return {after - before for before, after in itertools.pairwise(ticks)}


@pytest.mark.parametrize("rate", [48_000, 44_100, 16_000])
def test_sound_of_any_rate_becomes_blocks_of_20_ms(rate: int):
    pieces = [(Fraction(number * 1024, rate), 1024) for number in range(100)]
    ticks = encode_sound(pieces, rate)
    assert steps(ticks) == {960}
    assert abs(len(ticks) - 1024 * 100 / rate / 0.02) < 4
    assert abs(ticks[0]) <= 960


def test_a_gap_in_the_sound_becomes_silence_of_the_same_length():
    pieces = [(Fraction(number, 50), 960) for number in range(100) if not 20 <= number < 45]
    ticks = encode_sound(pieces)
    assert steps(ticks) == {960}
    assert len(ticks) == 100


def test_a_long_gap_moves_the_clock_instead():
    ticks = encode_sound([(Fraction(0), 9600), (Fraction(60), 9600)])
    assert max(steps(ticks)) > 59 * 48_000


def test_sound_that_overlaps_is_cut():
    ticks = encode_sound([(Fraction(0), 48_000), (Fraction(1, 2), 48_000)])
    assert steps(ticks) == {960}
    assert len(ticks) == 75


def test_the_test_sound_passes_through():
    encoder = SoundEncoder()
    frames = (t for t in TestSource().frames(float) if isinstance(t.frame, AudioFrame))
    blocks = [e for _, t in zip(range(50), frames, strict=False) for e in encoder.encode(t.frame, t.time)]
    assert len(blocks) == 50
    assert all(0 < len(block.data) < 1200 for block in blocks)
