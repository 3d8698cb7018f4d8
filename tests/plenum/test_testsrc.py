"""The test picture and its sound."""

from fractions import Fraction
from itertools import islice, pairwise

import numpy as np
from av import VideoFrame

from plenum.testsrc import BEEP_S, TestSource

NOON = 1_700_000_000.0


def frames(count: int, wall: float = NOON) -> list[tuple[Fraction, np.ndarray | None, int]]:
    """Time, the picture's luma or None, and the sound's loudest sample; copied, as pictures share one buffer."""
    found = []
    for timed in islice(TestSource().frames(lambda media: wall + float(media)), count):
        if isinstance(timed.frame, VideoFrame):
            found.append((timed.time, timed.frame.to_ndarray()[: timed.frame.height].copy(), 0))
        else:
            found.append((timed.time, None, int(np.abs(timed.frame.to_ndarray()).max())))
    return found


def test_pictures_and_sound_come_in_order_and_without_holes():
    timed = frames(200)
    pictures = [time for time, picture, _ in timed if picture is not None]
    sounds = [time for time, picture, _ in timed if picture is None]
    assert pictures == [Fraction(number, 30) for number in range(len(pictures))]
    assert sounds == [Fraction(number * 960, 48_000) for number in range(len(sounds))]
    assert [time for time, _, _ in timed] == sorted(time for time, _, _ in timed)


def test_each_picture_shows_another_time():
    pictures = [picture for _, picture, _ in frames(10) if picture is not None]
    assert all((before != after).any() for before, after in pairwise(pictures))


def test_the_same_time_is_the_same_picture_whatever_was_shown_before():
    late = next(picture for time, picture, _ in frames(140) if picture is not None and time == 1)
    fresh = frames(1, NOON + 1)[0][1]
    assert (late == fresh).all()


def test_the_lamp_lights_exactly_while_the_beep_sounds():
    for time, picture, loudest in frames(170):
        sounding = float(time) % 1.0 < BEEP_S
        if picture is not None:
            side = picture.shape[0] // 12
            assert (picture[side + 5, -side - 5] == 235) == sounding
        else:
            assert (loudest > 500) == sounding


def test_the_beep_is_soft():
    assert 0.05 < max(loudest for _, _, loudest in frames(60)) / 32767 < 0.2
