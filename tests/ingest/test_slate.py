from __future__ import annotations

import numpy as np
import pytest

from ingest.lettering import draw_line, line_width, wrap
from ingest.slate import name_plate, slate


def luma(title: str, language: str = "en") -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return slate(title, language, 640, 360).to_ndarray()[:360]


def test_the_slate_is_dark_with_light_letters() -> None:
    picture = luma("Town hall")
    assert np.median(picture) < 60
    assert picture.max() > 200


def test_it_shows_the_title_and_the_language() -> None:
    assert (luma("Town hall") != luma("All hands")).any()
    assert (luma("Town hall", "de") != luma("Town hall", "en")).any()


@pytest.mark.parametrize(
    "title",
    ["x", "Donaudampfschifffahrtsgesellschaftskapitänsversammlung", "word " * 24, "国際会議 2026", "🎉", "W" * 120],
)
def test_any_title_keeps_clear_of_the_edges(title: str) -> None:
    picture = luma(title)
    rim = np.concatenate((picture[:8].ravel(), picture[-8:].ravel(), picture[:, :8].ravel(), picture[:, -8:].ravel()))
    assert rim.max() < 80


def test_umlauts_are_letters_of_their_own() -> None:
    drawn = {}
    for letter in "aäoöuüsß":
        drawn[letter] = np.zeros((40, 40), np.float32)
        draw_line(drawn[letter], letter, 20, 30, 1.5)
    assert all((drawn[plain] != drawn[umlaut]).any() for plain, umlaut in ("aä", "oö", "uü", "sß"))
    assert (drawn["a"] <= drawn["ä"] + 0.01).all()  # the letter is still there, with dots on it


def test_every_letter_has_a_shape_of_its_own() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789ß€&?!"
    shapes = set()
    for letter in letters:
        mask = np.zeros((60, 60), np.float32)
        draw_line(mask, letter, 30, 40, 3)
        shapes.add(mask.tobytes())
    assert len(shapes) == len(letters)


def test_lines_are_broken_between_words() -> None:
    lines = wrap("one two three four", line_width("one two"))
    assert " ".join(lines) == "one two three four"
    assert all(line_width(line) <= line_width("one two") or " " not in line for line in lines)


def test_a_name_plate_is_drawn_also_for_somebody_without_a_name() -> None:
    assert name_plate("", 640, 360).to_ndarray()[:360].max() > 200
