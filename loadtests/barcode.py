"""A number drawn into a picture so that it survives encoding, scaling and letterboxing: rules only.

The top sixth of the picture holds two rows of sixteen blocks, black or white: 24 bits of number, then 8 bits of checksum,
most significant first. At 360p a block is still 40 by 30 pixels, and only its middle is read. A picture without a code
(slate, black bars, grey) reads as None: the checksum of nothing is not nothing. `bench/capture.js` and `bench/viewer.js`
draw and read the same layout in a page.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.uint8]

NUMBER_BITS = 24
LIMIT = 1 << NUMBER_BITS
"""Numbers wrap here: as milliseconds that is four and a half hours."""
COLUMNS = 16
ROWS = 2
BAND = 6
"""The code takes one part in `BAND` of the picture's height, at the top."""
BLACK, WHITE = 16, 235
_DARK_BELOW, _LIGHT_ABOVE = 96, 160
_CRC_POLYNOMIAL, _CRC_START = 0x07, 0xA5


def checksum(number: int) -> int:
    """CRC-8 over the three bytes, not starting at zero."""
    crc = _CRC_START
    for byte in number.to_bytes(NUMBER_BITS // 8, "big"):
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ _CRC_POLYNOMIAL if crc & 0x80 else crc << 1) & 0xFF
    return crc


def draw(luma: Plane, number: int) -> None:
    """Write the number into the top band of a luma plane, in place."""
    number %= LIMIT
    word = number << 8 | checksum(number)
    bits = [word >> shift & 1 for shift in range(COLUMNS * ROWS - 1, -1, -1)]
    for index, bit in enumerate(bits):
        top, bottom, left, right = _block(luma.shape, index)
        luma[top:bottom, left:right] = WHITE if bit else BLACK


def read(luma: Plane) -> int | None:
    """The number in the top band, or None where a block is neither black nor white or the checksum is wrong."""
    word = 0
    for index in range(COLUMNS * ROWS):
        level = _level(luma, index)
        if _DARK_BELOW < level < _LIGHT_ABOVE:
            return None
        word = word << 1 | (level >= _LIGHT_ABOVE)
    number, crc = word >> 8, word & 0xFF
    return number if checksum(number) == crc else None


def _block(shape: tuple[int, ...], index: int) -> tuple[int, int, int, int]:
    height, width = shape[0] // BAND, shape[1]
    row, column = divmod(index, COLUMNS)
    return (
        row * height // ROWS,
        (row + 1) * height // ROWS,
        column * width // COLUMNS,
        (column + 1) * width // COLUMNS,
    )


def _level(luma: Plane, index: int) -> float:
    """Mean of the middle half of a block: its edges bleed into the neighbours."""
    top, bottom, left, right = _block(luma.shape, index)
    high, wide = bottom - top, right - left
    return float(luma[top + high // 4 : bottom - high // 4, left + wide // 4 : right - wide // 4].mean())
