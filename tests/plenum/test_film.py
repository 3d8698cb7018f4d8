"""Films as a source: timing, loops, and files that are none."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av import AudioFrame, VideoFrame

from plenum.encoding import upright
from plenum.errors import BadInput
from plenum.film import Film, fitting_size


def write_film(
    path: Path,
    *,
    pictures: int = 25,
    fps: int = 25,
    size: tuple[int, int] = (320, 180),
    sound_from_s: float | None = 0.0,
    codec: str = "libx264",
) -> Path:
    """A short film; sound begins `sound_from_s` after the first picture, or is missing."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=fps, width=size[0], height=size[1], pix_fmt="yuv420p")
        audio = None if sound_from_s is None else container.add_stream("libopus", rate=48_000, layout="stereo")
        for number in range(pictures):
            luma = np.full((size[1] * 3 // 2, size[0]), number * 5 % 256, dtype=np.uint8)
            frame = VideoFrame.from_ndarray(luma, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            for number in range(int(pictures / fps / 0.02)):
                frame = AudioFrame.from_ndarray(np.zeros((1, 1920), dtype=np.int16), format="s16", layout="stereo")
                frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
                frame.pts = number * 960 + int(sound_from_s * 48_000)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def read(film: Film, count: int | None = None) -> tuple[list[Fraction], list[Fraction]]:
    """Times of pictures and sounds."""
    pictures, sounds = [], []
    for timed in film.frames(lambda _: 0.0):
        (sounds if isinstance(timed.frame, AudioFrame) else pictures).append(timed.time)
        if count is not None and len(pictures) == count:
            film.close()
            break
    return pictures, sounds


def test_pictures_have_exactly_the_times_of_the_file(tmp_path: Path):
    film = Film(write_film(tmp_path / "film.mkv", sound_from_s=None))
    pictures, sounds = read(film)
    assert pictures == [Fraction(number, 25) for number in range(25)]
    assert sounds == []
    assert (film.width, film.height, film.fps, film.has_audio) == (320, 180, 25, False)


def test_sound_keeps_its_offset_to_the_picture(tmp_path: Path):
    pictures, sounds = read(Film(write_film(tmp_path / "late.mkv", sound_from_s=0.3)))
    assert abs(sounds[0] - pictures[0] - Fraction(3, 10)) < Fraction(1, 50)


def test_frames_come_in_the_order_of_their_times(tmp_path: Path):
    film = Film(write_film(tmp_path / "film.mp4"))
    times = [timed.time for timed in film.frames(lambda _: 0.0)]
    assert times == sorted(times)
    assert len(times) > 60


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx")])
def test_any_container_is_read(tmp_path: Path, name: str, codec: str):
    pictures, sounds = read(Film(write_film(tmp_path / name, codec=codec)))
    assert len(pictures) == 25
    assert sounds


def test_a_loop_goes_on_without_a_hole_or_a_step_back(tmp_path: Path):
    film = Film(write_film(tmp_path / "film.mkv", sound_from_s=None), loop=True)
    pictures, _ = read(film, count=60)
    assert pictures == [Fraction(number, 25) for number in range(60)]


def test_a_file_that_is_no_film_says_so(tmp_path: Path):
    broken = tmp_path / "notes.mp4"
    broken.write_text("no film at all")
    for path in (broken, tmp_path / "missing.mp4", tmp_path):
        with pytest.raises(BadInput) as caught:
            Film(path)
        assert caught.value.code == "unreadable_file"
        assert path.name in caught.value.message


def test_a_film_without_a_picture_says_so(tmp_path: Path):
    path = tmp_path / "song.mkv"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("libopus", rate=48_000, layout="stereo")
        frame = AudioFrame.from_ndarray(np.zeros((1, 1920), dtype=np.int16), format="s16", layout="stereo")
        frame.sample_rate = 48_000
        container.mux([*audio.encode(frame), *audio.encode(None)])
    with pytest.raises(BadInput) as caught:
        Film(path)
    assert caught.value.code == "no_video"


def test_a_film_made_with_a_telephone_on_its_side_stands_upright(tmp_path: Path):
    path = write_film(tmp_path / "phone.mp4", sound_from_s=None)
    film = bytearray(path.read_bytes())
    matrix = film.index(b"tkhd") + 44  # ISO 14496-12 8.3.2, version 0
    film[matrix : matrix + 36] = struct.pack("!9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 180 << 16, 0, 1 << 30)
    path.write_bytes(film)
    assert (Film(path).width, Film(path).height) == (180, 320)
    first = next(Film(path).frames(lambda _: 0.0))
    assert (upright(first.frame).width, upright(first.frame).height) == (180, 320)


def test_a_truncated_film_ends_where_it_is_cut(tmp_path: Path):
    whole = write_film(tmp_path / "film.mkv", pictures=100)
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert 0 < len(read(Film(cut))[0]) < 100


@pytest.mark.parametrize(
    ("width", "height", "aspect", "fitting"),
    [
        (1280, 720, None, (1280, 720)),
        (1920, 1088, None, (1920, 1088)),
        (3840, 2160, None, (1920, 1080)),
        (1080, 1920, None, (612, 1088)),
        (721, 577, None, (720, 576)),
        (720, 576, Fraction(64, 45), (1024, 576)),
    ],
)
def test_pictures_are_made_to_fit(width: int, height: int, aspect: Fraction | None, fitting: tuple[int, int]):
    assert fitting_size(SimpleNamespace(width=width, height=height, sample_aspect_ratio=aspect)) == fitting
