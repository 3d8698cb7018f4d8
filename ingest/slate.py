"""The still pictures of a programme: the slate while nobody is on air, the name plate of a source without a picture.

Drawn once in the top rung's size and sent through the same encoders as everything else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from ingest.lettering import LINE_HEIGHT, Mask, draw_line, line_width, wrap

MESSAGES = {"de": "Gleich geht es weiter", "en": "We will be right back"}
_TOP = (17, 22, 34)
_BOTTOM = (30, 40, 62)
_INK = (240, 244, 250)
_DIM = (158, 170, 192)
_ACCENT = (92, 148, 255)
_TEXT_SHARE = 0.82
"""Of the picture's width."""
_LINES_MAX = 3


class Canvas:
    """An RGB picture with a vertical gradient, to be lettered."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        down = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
        top, bottom = np.array(_TOP, np.float32), np.array(_BOTTOM, np.float32)
        self._pixels: NDArray[np.float32] = np.broadcast_to(top + (bottom - top) * down, (height, width, 3)).copy()

    def write(self, lines: list[str], middle: float, unit: float, ink: tuple[int, int, int]) -> None:
        """Centred lines around a height, given as a share of the picture's."""
        mask: Mask = np.zeros((self.height, self.width), np.float32)
        first = middle * self.height - (len(lines) - 1) * LINE_HEIGHT * unit / 2 + 4 * unit
        for number, line in enumerate(lines):
            draw_line(mask, line, self.width / 2, first + number * LINE_HEIGHT * unit, unit)
        self.paint(mask, ink)

    def bar(self, middle: float, width_share: float, thickness: float) -> None:
        """A short rule in the accent colour."""
        half, y = self.width * width_share / 2, int(middle * self.height)
        left, right = int(self.width / 2 - half), int(self.width / 2 + half)
        self._pixels[y : y + max(2, int(thickness)), left:right] = _ACCENT

    def paint(self, mask: Mask, ink: tuple[int, int, int]) -> None:
        rows = np.flatnonzero(mask.any(axis=1))
        if rows.size:
            inked = slice(rows[0], rows[-1] + 1)
            self._pixels[inked] += mask[inked, :, None] * (np.array(ink, np.float32) - self._pixels[inked])

    def frame(self) -> VideoFrame:
        picture = VideoFrame.from_ndarray(self._pixels.round().astype(np.uint8), format="rgb24")
        return picture.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, threads=1)


def slate(title: str, language: str, width: int, height: int) -> VideoFrame:
    """The event's title and the promise to be back."""
    canvas = Canvas(width, height)
    unit, lines = _fit(title, width, height)
    canvas.write(lines, 0.42, unit, _INK)
    below = 0.42 + len(lines) * LINE_HEIGHT * unit / 2 / height
    canvas.bar(below + 0.03, 0.06, height / 180)
    canvas.write([MESSAGES.get(language, MESSAGES["en"])], below + 0.12, height / 300, _DIM)
    return canvas.frame()


def name_plate(name: str, width: int, height: int) -> VideoFrame:
    """Somebody is on air with sound alone."""
    canvas = Canvas(width, height)
    unit, lines = _fit(name or "–", width, height)
    canvas.write(lines, 0.47, unit, _INK)
    canvas.bar(0.47 + len(lines) * LINE_HEIGHT * unit / 2 / height + 0.03, 0.06, height / 180)
    return canvas.frame()


def _fit(text: str, width: int, height: int) -> tuple[float, list[str]]:
    """The largest letters in which the text takes three lines at most, and those lines."""
    largest, smallest = height / 130, height / 400
    unit = largest
    while unit > smallest:
        lines = wrap(text, width * _TEXT_SHARE / unit)
        if len(lines) <= _LINES_MAX and all(line_width(line) * unit <= width * _TEXT_SHARE for line in lines):
            return unit, lines
        unit *= 0.92
    room = width * _TEXT_SHARE / smallest
    return smallest, wrap(" ".join(_pieces(text, room)), room)[:_LINES_MAX]


def _pieces(text: str, room: float) -> Iterator[str]:
    """Words, those wider than a line cut into pieces that fit."""
    for word in text.split():
        rest = word
        while rest:
            length = len(rest)
            while length > 1 and line_width(rest[:length]) > room:
                length = length * 3 // 4
            yield rest[:length]
            rest = rest[length:]
