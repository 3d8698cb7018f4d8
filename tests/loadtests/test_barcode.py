"""The frame barcode: what is drawn is read, whatever an encoder does to it; what is no code is not read as one."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import barcode


def _grey(width: int, height: int) -> barcode.Plane:
    return np.full((height, width), 128, np.uint8)


@given(st.integers(0, barcode.LIMIT - 1))
def test_every_number_is_read_as_drawn(number: int) -> None:
    picture = _grey(320, 180)
    barcode.draw(picture, number)
    assert barcode.read(picture) == number


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (854, 480), (640, 360), (320, 180)])
def test_a_number_drawn_at_720p_is_read_after_scaling(width: int, height: int) -> None:
    picture = np.full((1080, 1280), 128, np.uint8)
    barcode.draw(picture[:720], 0xABCDEF)
    scaled = av.VideoFrame.from_ndarray(picture, format="yuv420p").reformat(width=width, height=height)
    rows = np.frombuffer(scaled.planes[0], np.uint8).reshape(-1, scaled.planes[0].line_size)
    assert barcode.read(rows[:height, :width]) == 0xABCDEF


@pytest.mark.parametrize("level", [0, 16, 128, 235, 255])
def test_an_even_picture_holds_no_number(level: int) -> None:
    assert barcode.read(np.full((360, 640), level, np.uint8)) is None


def test_a_block_turned_over_is_noticed() -> None:
    picture = _grey(640, 360)
    barcode.draw(picture, 77)
    picture[:30, :40] = 255 - picture[:30, :40]
    assert barcode.read(picture) is None


def test_numbers_wrap_at_their_limit() -> None:
    picture = _grey(640, 360)
    barcode.draw(picture, barcode.LIMIT + 5)
    assert barcode.read(picture) == 5
