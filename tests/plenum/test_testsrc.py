"""The test picture and its sound."""

from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
from av import AudioFrame, VideoFrame

from plenum.testsrc import BEEP_S, TestSource

NOON = 1_700_000_000.0


def frames(count: int, wall: float = NOON) -> list:
    return list(islice(TestSource().frames(lambda media: wall + float(media)), count))


def luma(frame: VideoFrame) -> np.ndarray:
    return frame.to_ndarray()[: frame.height]


def test_pictures_and_sound_come_in_order_and_without_holes():
    timed = frames(200)
    pictures = [t.time for t in timed if isinstance(t.frame, VideoFrame)]
    sounds = [t.time for t in timed if isinstance(t.frame, AudioFrame)]
    assert pictures == [Fraction(number, 30) for number in range(len(pictures))]
    assert sounds == [Fraction(number * 960, 48_000) for number in range(len(sounds))]
    assert [t.time for t in timed] == sorted(t.time for t in timed)


def test_each_picture_shows_another_time():
    pictures = [luma(t.frame) for t in frames(10) if isinstance(t.frame, VideoFrame)]
    assert all((before != after).any() for before, after in pairwise(pictures))


def test_the_lamp_lights_exactly_while_the_beep_sounds():
    for timed in frames(170):
        into_second = float(timed.time) % 1.0
        if isinstance(timed.frame, VideoFrame):
            side = timed.frame.height // 12
            lit = luma(timed.frame)[side + 5, -side - 5] == 235
            assert lit == (into_second < BEEP_S)
        else:
            loud = np.abs(timed.frame.to_ndarray()).max() > 500
            assert loud == (into_second < BEEP_S)


def test_the_beep_is_soft():
    loudest = max(np.abs(t.frame.to_ndarray()).max() for t in frames(60) if isinstance(t.frame, AudioFrame))
    assert 0.05 < loudest / 32767 < 0.2
