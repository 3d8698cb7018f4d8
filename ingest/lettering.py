"""A line font drawn with a round pen, for the slate: PyAV's FFmpeg has no drawtext and we ship no font file. Rules only.

A glyph is its width and some strokes, in units where capitals are 10 high and the baseline is 0:
`P x y x y ...` a polyline, `O cx cy rx ry from to` an arc in degrees (counter-clockwise where `to` is larger),
`D x y` a dot. Accents are put on by Unicode decomposition; a character nobody drew becomes a box.
"""

from __future__ import annotations

import math
import unicodedata
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Mask: TypeAlias = NDArray[np.float32]
"""Coverage of each pixel, 0 to 1."""
Stroke: TypeAlias = tuple[tuple[float, float], ...]
"""Points joined by straight lines; a single one is a dot."""

LINE_HEIGHT = 18.0
PEN = 0.62
"""Radius."""
DOT = 0.95
SPACE = 3.4
GAP = 2.3
"""Between two glyphs."""

_GLYPHS = """
A 8 P 0 0 4 10 8 0;P 1.4 3.4 6.6 3.4
B 6.4 P 3.6 10 0 10 0 0 3.8 0;O 3.6 7.6 2.4 2.4 90 -90;P 0 5.2 3.8 5.2;O 3.8 2.6 2.6 2.6 90 -90
C 8 O 4.8 5 4.8 5 48 312
D 7.5 P 2.9 10 0 10 0 0 2.9 0;O 2.9 5 4.6 5 90 -90
E 5.8 P 5.8 10 0 10 0 0 5.8 0;P 0 5.2 5 5.2
F 5.6 P 5.6 10 0 10 0 0;P 0 5.2 4.8 5.2
G 9 O 4.8 5 4.8 5 48 352;P 9.5 4.6 5.6 4.6
H 7.4 P 0 0 0 10;P 7.4 0 7.4 10;P 0 5.2 7.4 5.2
I 0 P 0 0 0 10
J 4.6 P 4.6 10 4.6 2.3;O 2.3 2.3 2.3 2.3 0 -165
K 7 P 0 0 0 10;P 6.6 10 0 3.9;P 2.4 6.1 7 0
L 5.4 P 0 10 0 0 5.4 0
M 9 P 0 0 0 10 4.5 3.4 9 10 9 0
N 7.6 P 0 0 0 10 7.6 0 7.6 10
O 9.6 O 4.8 5 4.8 5 0 360
P 6.4 P 3.6 10 0 10 0 0;O 3.6 7.2 2.8 2.8 90 -90;P 3.6 4.4 0 4.4
Q 9.6 O 4.8 5 4.8 5 0 360;P 5.8 2.8 9.2 -0.6
R 6.8 P 3.6 10 0 10 0 0;O 3.6 7.2 2.8 2.8 90 -90;P 3.6 4.4 0 4.4;P 3.4 4.4 6.8 0
S 6.4 O 3.2 7.5 2.8 2.5 40 270;O 3.2 2.5 3.2 2.5 90 -140
T 7.4 P 0 10 7.4 10;P 3.7 10 3.7 0
U 7.2 P 0 10 0 3.6;O 3.6 3.6 3.6 3.6 180 360;P 7.2 3.6 7.2 10
V 8 P 0 10 4 0 8 10
W 11.4 P 0 10 2.85 0 5.7 9 8.55 0 11.4 10
X 7.4 P 0 10 7.4 0;P 7.4 10 0 0
Y 7.6 P 0 10 3.8 4.8 7.6 10;P 3.8 4.8 3.8 0
Z 7 P 0 10 7 10 0 0 7 0
a 6.2 O 3.1 3.5 3.1 3.5 0 360;P 6.2 7 6.2 0
b 6.2 P 0 10.6 0 0;O 3.1 3.5 3.1 3.5 0 360
c 5.6 O 3.2 3.5 3.2 3.5 48 312
d 6.2 O 3.1 3.5 3.1 3.5 0 360;P 6.2 10.6 6.2 0
e 6.2 P 0.1 3.6 6.2 3.6;O 3.1 3.5 3.1 3.5 2 318
f 3.8 O 3.6 8.3 2.1 2.3 80 180;P 1.5 8.3 1.5 0;P 0 7 3.6 7
g 6.2 O 3.1 3.5 3.1 3.5 0 360;P 6.2 7 6.2 -0.2;O 3.1 -0.2 3.1 2.8 0 -150
h 5.8 P 0 10.6 0 0;O 2.9 4.1 2.9 2.9 180 0;P 5.8 4.1 5.8 0
i 0 P 0 7 0 0;D 0 9.7
j 1.8 P 1.8 7 1.8 -1.4;O 0.2 -1.4 1.6 1.6 0 -95;D 1.8 9.7
k 5.4 P 0 10.6 0 0;P 5 7 0 2.6;P 1.9 4.3 5.4 0
l 0 P 0 10.6 0 0
m 9.4 P 0 7 0 0;O 2.35 4.65 2.35 2.35 180 0;P 4.7 4.65 4.7 0;O 7.05 4.65 2.35 2.35 180 0;P 9.4 4.65 9.4 0
n 5.8 P 0 7 0 0;O 2.9 4.1 2.9 2.9 180 0;P 5.8 4.1 5.8 0
o 6.4 O 3.2 3.5 3.2 3.5 0 360
p 6.2 P 0 7 0 -3;O 3.1 3.5 3.1 3.5 0 360
q 6.2 P 6.2 7 6.2 -3;O 3.1 3.5 3.1 3.5 0 360
r 3.3 P 0 7 0 0;O 2.8 4 2.8 3 180 78
s 4.8 O 2.4 5.25 2.1 1.75 40 270;O 2.4 1.75 2.4 1.75 90 -140
t 3.6 P 1.4 9.4 1.4 2;O 3.2 2 1.8 2 180 275;P 0 7 3.4 7
u 5.8 P 0 7 0 2.9;O 2.9 2.9 2.9 2.9 180 360;P 5.8 7 5.8 0
v 6 P 0 7 3 0 6 7
w 8.8 P 0 7 2.2 0 4.4 6.4 6.6 0 8.8 7
x 5.4 P 0 7 5.4 0;P 5.4 7 0 0
y 6 P 0 7 3 0;P 6 7 1.8 -2.8
z 5 P 0 7 5 7 0 0 5 0
ß 5.8 P 0 0 0 7.9;O 2.5 7.9 2.5 2.5 180 -55;O 2.9 2.9 2.9 2.9 68 -115
0 6.2 O 3.1 5 3.1 5 0 360
1 6.2 P 1 8.2 3.4 10 3.4 0
2 6.2 O 3 7.1 2.8 2.9 170 -35;P 5.29 5.44 0.2 0 6.1 0
3 6.2 O 2.9 7.6 2.5 2.4 150 -90;O 2.9 2.6 3.1 2.6 90 -150
4 6.2 P 4.6 0 4.6 10 0 2.9 6.3 2.9
5 6.2 P 5.6 10 1 10 0.6 5.3;O 2.9 3.2 3.1 3.2 138 -145
6 6.2 O 3.1 3.1 3.1 3.1 0 360;P 4.7 10 0.55 4.8
7 6.2 P 0 10 6.2 10 2 0
8 6.2 O 3.1 7.5 2.5 2.5 0 360;O 3.1 2.5 3.1 2.5 0 360
9 6.2 O 3.1 6.9 3.1 3.1 0 360;P 5.65 5.2 1.5 0
. 0 D 0 0.4
, 0.6 P 0.6 0.5 0 -1.6
: 0 D 0 0.4;D 0 6
; 0.6 D 0.4 6;P 0.6 0.5 0 -1.6
! 0 P 0 10 0 3.2;D 0 0.4
? 5.2 O 2.6 7.4 2.6 2.6 170 -65;P 3.7 5.04 2.7 3.9 2.7 3.2;D 2.7 0.4
- 3.4 P 0 3.6 3.4 3.6
– 6 P 0 3.6 6 3.6
— 9 P 0 3.6 9 3.6
_ 6 P 0 -1.5 6 -1.5
( 2.4 O 5 4.4 5 7 130 230
) 2.4 O -2.6 4.4 5 7 50 -50
[ 2.2 P 2.2 11 0 11 0 -2 2.2 -2
] 2.2 P 0 11 2.2 11 2.2 -2 0 -2
/ 4.6 P 0 -1.5 4.6 10.6
& 6.8 O 3 8.1 1.8 1.9 -40 220;P 1.62 6.9 6.8 0;P 4.38 6.9 1.2 4.7;O 2.7 2.5 2.7 2.5 125 315;P 4.6 0.75 6.6 4.2
' 0 P 0 10.4 0 8
" 2.2 P 0 10.4 0 8;P 2.2 10.4 2.2 8
+ 6 P 0 4 6 4;P 3 1 3 7
= 6 P 0 2.8 6 2.8;P 0 5.2 6 5.2
* 4 P 2 10 2 6;P 0.3 9 3.7 7;P 0.3 7 3.7 9
% 8.4 O 1.6 8.2 1.6 1.8 0 360;O 6.8 1.8 1.6 1.8 0 360;P 7.2 10 1.2 0
# 7 P 2.6 10 1.4 0;P 5.6 10 4.4 0;P 0.4 6.6 7 6.6;P 0 3.4 6.6 3.4
@ 9.6 O 4.8 4 4.8 5 310 0;O 8.1 4 1.5 2 0 -180;O 4.6 4 2 2.4 0 360
€ 7.6 O 5 5 4 5 50 310;P 0 6 5.6 6;P 0 4.1 5.2 4.1
| 0 P 0 11 0 -2
· 0 D 0 4
"""
_BOX = (5.0, (((0.0, 0.0), (5.0, 0.0), (5.0, 10.0), (0.0, 10.0), (0.0, 0.0)),))
_ACCENTS = {
    "\u0300": "P -1.6 2 0.4 0.4",
    "\u0301": "P 1.6 2 -0.4 0.4",
    "\u0302": "P -1.7 0.4 0 2 1.7 0.4",
    "\u0303": "O -0.9 0.9 0.9 0.7 180 0;O 0.9 0.9 0.9 0.7 180 360",
    "\u0304": "P -1.8 1 1.8 1",
    "\u0306": "O 0 1.8 1.6 1.4 180 360",
    "\u0307": "D 0 1",
    "\u0308": "D -1.6 1;D 1.6 1",
    "\u030a": "O 0 1.2 1.1 1.1 0 360",
    "\u030b": "P 0.4 2 -1 0.4;P 2.4 2 1 0.4",
    "\u030c": "P -1.7 2 0 0.4 1.7 2",
}
_BELOW = {"\u0327": "P 0.4 0 -0.5 -2", "\u0328": "P 0.6 0 1.2 -2"}
_SAME = str.maketrans(
    {
        **dict.fromkeys("„“”«»", '"'),
        **dict.fromkeys("‚‘’`´", "'"),
        **{"…": "...", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"},
        **{"đ": "d", "Đ": "D", "ı": "i", "•": "·", "\u00a0": " "},
    }
)


def _parse(text: str) -> tuple[Stroke, ...]:
    return tuple(_stroke(piece[0], [float(number) for number in piece[1:].split()]) for piece in text.split(";"))


def _stroke(kind: str, numbers: list[float]) -> Stroke:
    if kind != "O":
        return tuple(zip(numbers[::2], numbers[1::2], strict=True))
    x, y, rx, ry, start, end = numbers
    steps = max(4, int(abs(end - start) / 12))
    angles = [math.radians(start + (end - start) * step / steps) for step in range(steps + 1)]
    return tuple((x + rx * math.cos(angle), y + ry * math.sin(angle)) for angle in angles)


@cache
def _font() -> dict[str, tuple[float, tuple[Stroke, ...]]]:
    font = {}
    for line in _GLYPHS.strip().splitlines():
        character, width, strokes = line.split(" ", 2)
        font[character] = (float(width), _parse(strokes))
    return font


def _lay(text: str) -> tuple[list[tuple[float, Stroke]], float]:
    """Strokes with their x, and the width of the line, in units."""
    placed: list[tuple[float, Stroke]] = []
    x = 0.0
    width, top = 0.0, 7.0
    for character in unicodedata.normalize("NFD", text.translate(_SAME)):
        if character == " ":
            x += SPACE
        elif character in _ACCENTS or character in _BELOW:
            middle = x - GAP - width / 2
            lift = top + 1.2 if character in _ACCENTS else 0.0
            strokes = _parse(_ACCENTS.get(character) or _BELOW[character])
            placed += [(middle, tuple((px, py + lift) for px, py in stroke)) for stroke in strokes]
        elif not unicodedata.combining(character):
            width, strokes = _font().get(character, _BOX)
            top = max(py for stroke in strokes for _, py in stroke)
            placed += [(x, stroke) for stroke in strokes]
            x += width + GAP
    return placed, max(0.0, x - GAP)


def line_width(text: str) -> float:
    """In units of the font."""
    return _lay(text)[1]


def wrap(text: str, width: float) -> list[str]:
    """Lines of at most this width in units; a word that is longer alone stays whole."""
    lines: list[str] = []
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and line_width(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def draw_line(mask: Mask, text: str, center_x: float, baseline_y: float, unit: float) -> None:
    """Draw a line into the mask, centred; `unit` is pixels for each unit, y grows downwards."""
    placed, width = _lay(text)
    left = center_x - width * unit / 2
    for x, stroke in placed:
        points = [(left + (x + px) * unit, baseline_y - py * unit) for px, py in stroke]
        radius = (DOT if len(points) == 1 else PEN) * unit
        for start, end in zip(points, points[1:] or points, strict=False):
            _draw_segment(mask, start, end, radius)


def _draw_segment(mask: Mask, start: tuple[float, float], end: tuple[float, float], radius: float) -> None:
    reach = radius + 1
    x0, x1 = int(min(start[0], end[0]) - reach), int(max(start[0], end[0]) + reach) + 1
    y0, y1 = int(min(start[1], end[1]) - reach), int(max(start[1], end[1]) + reach) + 1
    area = mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    if area.size == 0:
        return
    xs = np.arange(max(0, x0), max(0, x0) + area.shape[1], dtype=np.float32)[None, :] + 0.5 - start[0]
    ys = np.arange(max(0, y0), max(0, y0) + area.shape[0], dtype=np.float32)[:, None] + 0.5 - start[1]
    dx, dy = end[0] - start[0], end[1] - start[1]
    squared = dx * dx + dy * dy
    along = np.clip((xs * dx + ys * dy) / squared, 0.0, 1.0) if squared > 0 else np.float32(0)
    distance = np.hypot(xs - along * dx, ys - along * dy)
    np.maximum(area, np.clip(radius + 0.5 - distance, 0.0, 1.0), out=area)
