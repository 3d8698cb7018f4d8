"""What viewers see when nobody is on air: a still with the event's title, drawn once when a transcoder starts.

Fonts: the one given (the pages' Inter, WOFF2), else one of the system's, else the one Pillow carries, which knows no
umlauts: then they are written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

WORDS = {
    "en": ("We will be right back", "The event has not begun yet", "Sound only"),
    "de": ("Gleich geht es weiter", "Die Veranstaltung hat noch nicht begonnen", "Nur Ton"),
}
BACKGROUND_TOP, BACKGROUND_BOTTOM = (24, 27, 44), (10, 11, 18)
TEXT, MUTED, ACCENT = (240, 242, 250), (168, 174, 196), (110, 140, 255)
SYSTEM_FONTS = (
    "/usr/share/fonts/opentype/inter/Inter-Regular.otf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/System/Library/Fonts/Helvetica.ttc",
)
_WRITTEN_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "–": "-", "…": "..."}
)
LINES_MAX = 3


def slate(width: int, height: int, title: str, language: str, font: str = "") -> av.VideoFrame:
    """The still between presenters."""
    return _still(width, height, title, WORDS.get(language, WORDS["en"])[0], font)


def name_plate(width: int, height: int, name: str, language: str, font: str = "") -> av.VideoFrame:
    """The still of a source that sends sound and no picture."""
    return _still(width, height, name, WORDS.get(language, WORDS["en"])[2], font)


def _still(width: int, height: int, large: str, small: str, font: str) -> av.VideoFrame:
    image = Image.fromarray(_gradient(width, height))
    draw = ImageDraw.Draw(image)
    title_font, knows_umlauts = _font(font, height // 12, weight=650)
    small_font, _ = _font(font, height // 24, weight=400)
    if not knows_umlauts:
        large, small = large.translate(_WRITTEN_OUT), small.translate(_WRITTEN_OUT)
    lines = list(_wrapped(draw, large, title_font, int(width * 0.84)))
    line_height = height // 9
    top = (height - line_height * len(lines) - height // 10) // 2
    for number, line in enumerate(lines):
        draw.text((width // 2, top + line_height * number), line, font=title_font, anchor="ma", fill=TEXT)
    below = top + line_height * len(lines) + height // 40
    bar = width // 24
    draw.rectangle((width // 2 - bar, below, width // 2 + bar, below + max(2, height // 180)), fill=ACCENT)
    draw.text((width // 2, below + height // 24), small, font=small_font, anchor="ma", fill=MUTED)
    frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709")


def _gradient(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    share = np.linspace(0.0, 1.0, height)[:, None]
    column = np.array(BACKGROUND_TOP) * (1 - share) + np.array(BACKGROUND_BOTTOM) * share
    return np.ascontiguousarray(np.repeat(column[:, None, :], width, axis=1).astype(np.uint8))


def _font(given: str, size: int, weight: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, bool]:
    for path in (given, *SYSTEM_FONTS):
        if path and Path(path).exists():
            try:
                font = ImageFont.truetype(path, size)
                if path == given:
                    font.set_variation_by_axes([weight])
            except (OSError, ValueError):
                continue
            return font, True
    return ImageFont.load_default(size), False


def _wrapped(
    draw: ImageDraw.ImageDraw, text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> Iterator[str]:
    line, lines = "", 0
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and draw.textlength(longer, font=font) > width:
            yield line
            lines += 1
            line = word
            if lines == LINES_MAX - 1:
                break
        else:
            line = longer
    rest = text.split()
    if lines == LINES_MAX - 1 and line != rest[-1]:
        line += " …"
    if line:
        yield line
