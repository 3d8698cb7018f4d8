"""A picture and a sound that are made, not filmed: for the demo, for tests, for measuring from glass to glass.

The picture shows the wall clock to the millisecond, a bar that runs through each second and a lamp that lights when the
second begins; then a soft beep sounds, so that sound and picture can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from av import AudioFrame, VideoFrame

from plenum.media_source import Timed, WallOf

RATE = 48_000
BLOCK = 960
BEEP_S = 0.08
BEEP_HZ = 880.0
BEEP_LEVEL = 0.12

Plane = np.ndarray[Any, np.dtype[np.uint8]]

_SEGMENTS = {
    # Which of the seven segments a digit lights: top, top right, bottom right, bottom, bottom left, top left, middle.
    "0": "1111110", "1": "0110000", "2": "1101101", "3": "1111001", "4": "0110011",
    "5": "1011011", "6": "1011111", "7": "1110000", "8": "1111111", "9": "1111011",
}  # fmt: skip


class TestSource:
    """1280x720 at 30 pictures a second with sound, for ever. A picture is good until the next one is asked for: they
    share one buffer, since new memory for each costs more than drawing and encoding it."""

    __test__ = False  # not a test case, whatever pytest thinks of its name
    has_audio = True

    def __init__(self, width: int = 1280, height: int = 720, fps: int = 30) -> None:
        self.width, self.height, self.fps = width, height, Fraction(fps)
        background = _background(width, height)
        self._frame = VideoFrame.from_ndarray(background, format="yuv420p")
        luma: Any = self._frame.planes[0]
        self._luma: Plane = np.frombuffer(luma, dtype=np.uint8).reshape(height, luma.line_size)[:, :width]
        self._empty: Plane = background[:height].copy()
        self._is_closed = False

    def frames(self, wall_of: WallOf) -> Iterator[Timed]:
        picture = sound = 0
        while not self._is_closed:
            picture_time, sound_time = picture / self.fps, Fraction(sound * BLOCK, RATE)
            if picture_time <= sound_time:
                yield Timed(picture_time, self._picture(wall_of(picture_time)))
                picture += 1
            else:
                yield Timed(sound_time, _sound(wall_of(sound_time)))
                sound += 1

    def close(self) -> None:
        self._is_closed = True

    def _picture(self, wall_s: float) -> VideoFrame:
        into_second = wall_s % 1.0
        self._draw_clock(wall_s)
        bar = slice(int(self.height * 0.70), int(self.height * 0.74))
        self._luma[bar] = self._empty[bar]
        self._luma[bar, : int(self.width * into_second)] = 180
        side = self.height // 12
        lamp = (slice(side, 2 * side), slice(-2 * side, -side))
        self._luma[lamp] = 235 if into_second < BEEP_S else self._empty[lamp]
        return self._frame

    def _draw_clock(self, wall_s: float) -> None:
        whole = int(wall_s)
        text = time.strftime("%H:%M:%S", time.localtime(whole)) + f".{int((wall_s - whole) * 1000):03d}"
        cell = self.width // 16
        x, y, size = (self.width - cell * len(text)) // 2, int(self.height * 0.36), int(cell * 1.6)
        self._luma[y : y + size] = self._empty[y : y + size]
        for character in text:
            _draw_character(self._luma, character, x, y, int(cell * 0.78), size)
            x += cell


def _draw_character(luma: Plane, character: str, x: int, y: int, width: int, height: int) -> None:
    thick, half = max(2, width // 6), height // 2
    if character in ":.":
        heights = [y + height - thick] if character == "." else [y + height // 3, y + 2 * height // 3]
        for at in heights:
            luma[at : at + thick, x + width // 2 - thick // 2 : x + width // 2 + thick] = 235
        return
    boxes = (
        (x, y, width, thick), (x + width - thick, y, thick, half), (x + width - thick, y + half, thick, half),
        (x, y + height - thick, width, thick), (x, y + half, thick, half), (x, y, thick, half),
        (x, y + half - thick // 2, width, thick),
    )  # fmt: skip
    for lit, (left, top, wide, high) in zip(_SEGMENTS[character], boxes, strict=True):
        if lit == "1":
            luma[top : top + high, left : left + wide] = 235


def _background(width: int, height: int) -> Plane:
    """A dark blue field that grows lighter downwards, and eight colour bars: the planes of yuv420p in one array."""
    planes = np.zeros((height * 3 // 2, width), dtype=np.uint8)
    planes[:height] = np.linspace(28, 60, height, dtype=np.uint8)[:, None]
    chroma = planes[height:].reshape(2, height // 2, width // 2)
    chroma[0], chroma[1] = 150, 118
    bars = ((235, 128, 128), (219, 16, 138), (188, 154, 16), (173, 42, 26), (78, 214, 230), (63, 102, 240), (32, 240, 118), (16, 128, 128))  # fmt: skip  # noqa: E501
    top = int(height * 0.85) // 2 * 2
    for index, (luma, blue, red) in enumerate(bars):
        left, right = (width * index // 8) // 2 * 2, (width * (index + 1) // 8) // 2 * 2
        planes[top:height, left:right] = luma
        chroma[0, top // 2 :, left // 2 : right // 2] = blue
        chroma[1, top // 2 :, left // 2 : right // 2] = red
    return planes


def _sound(wall_s: float) -> AudioFrame:
    """20 ms of stereo: silence, or the part of the beep that falls into it."""
    into_second = wall_s % 1.0 + np.arange(BLOCK) / RATE
    into_second = np.where(into_second >= 1.0, into_second - 1.0, into_second)
    envelope = np.where(into_second < BEEP_S, np.sin(np.pi * into_second / BEEP_S) ** 2, 0.0)
    wave = (envelope * np.sin(2 * np.pi * BEEP_HZ * into_second) * BEEP_LEVEL * 32767).astype(np.int16)
    frame = AudioFrame.from_ndarray(np.repeat(wave, 2).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate = RATE
    return frame
