"""Reading films back: order, holes, likeness, and sound that is out of step."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.films import Film, make_film
from loadtests.reading import in_order, offsets, read_beeps, read_pictures, similarity


@pytest.mark.parametrize(
    ("numbers", "share"),
    [
        ([0, 1, 2, 3], 1.0),
        ([0, 0, 1, 1, 2, 3], 1.0),
        ([0, 1, 3], 0.75),
        ([0, 1, None, 3], 0.75),
        ([0, 2, 1, 3], 0.75),
        ([], 0.0),
        ([9, 10, 0, 1, 2, 3], 0.75),
    ],
)
def test_the_share_in_order_counts_holes_and_steps_back(numbers: list[int | None], share: float) -> None:
    assert in_order(numbers, range(4)) == share


def test_bytes_are_read_like_a_file(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", Film(320, 180, 30, 1))
    assert read_pictures(film.read_bytes()) == read_pictures(film)


def test_a_film_is_like_itself_and_unlike_a_coarse_copy(tmp_path: Path) -> None:
    fine = make_film(tmp_path / "fine.mp4", Film(640, 360, 30, 1))
    coarse = make_film(tmp_path / "coarse.mp4", Film(160, 90, 30, 1))
    assert similarity(fine, fine, range(30)) == pytest.approx(1.0)
    assert similarity(fine, coarse, range(30)) < 0.9


def test_films_without_a_common_number_cannot_be_compared(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", Film(320, 180, 30, 1))
    with pytest.raises(ValueError, match="both"):
        similarity(film, film, range(500, 600))


def test_sound_that_comes_late_shows_as_an_offset() -> None:
    assert offsets([1.0, 2.0, 3.0], [1.1, 2.1]) == pytest.approx([0.1, 0.1])


def test_a_silent_film_has_no_beep(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", Film(320, 180, 30, 0.05))
    assert len(read_beeps(film)) == 1
