"""Reads films back: which numbers were shown when, when it flashed and beeped, how near the pictures are to their source.

Takes anything FFmpeg opens: a path, an address, or the bytes of an init segment with its parts. Times are the media's own
(the decode time written in the parts counts), so that readings of two renditions can be laid side by side.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import av
import msgspec
import numpy as np
import numpy.typing as npt

from loadtests import barcode
from loadtests.films import BEEP_HZ

Source = Path | str | bytes

_WINDOW_S = 0.005
_TONE_SHARE = 0.25
"""A window sounds when its tone has at least this share of the loudest one's."""
_QUIET = 1e-4
_WHITE_BAND = 160.0


class Shown(msgspec.Struct, frozen=True):
    """One decoded picture."""

    number: int | None
    at_s: float
    flash: bool
    key: bool


class Pictures(msgspec.Struct, frozen=True):
    """What a video stream showed."""

    shown: tuple[Shown, ...]
    width: int
    height: int
    bitrate_bps: float

    @property
    def numbers(self) -> list[int | None]:
        return [frame.number for frame in self.shown]

    @property
    def flashes_s(self) -> list[float]:
        """When the band turned white."""
        return [now.at_s for before, now in pairwise(self.shown) if now.flash and not before.flash]

    @property
    def keys_s(self) -> list[float]:
        return [frame.at_s for frame in self.shown if frame.key]


def read_pictures(source: Source) -> Pictures:
    """Decode the video and read every frame."""
    sizes: list[int] = []
    with _opened(source) as container:
        video = container.streams.video[0]
        shown = []
        for packet in container.demux(video):
            sizes.append(packet.size)
            shown += [_shown(frame) for frame in packet.decode()]
        rate = float(video.average_rate or 30)
        return Pictures(tuple(shown), video.width, video.height, sum(sizes) * 8 / _length_s(shown, 1 / rate))


def read_beeps(source: Source) -> list[float]:
    """When each tone began, to about 5 ms."""
    samples, rate, start_s = _samples(source)
    tone = _tone(samples, rate)
    if tone.size == 0 or tone.max() < _QUIET:
        return []
    sounding = tone > tone.max() * _TONE_SHARE
    begins = np.flatnonzero(sounding[1:] & ~sounding[:-1]) + 1
    firsts = [0, *begins] if sounding[0] else list(begins)
    return [start_s + int(index) * _WINDOW_S for index in firsts]


def read_level(source: Source, window_s: float) -> npt.NDArray[np.float64]:
    """RMS level of each window of the sound, of 1.0."""
    samples, rate, _ = _samples(source)
    size = round(rate * window_s)
    windows = samples[: samples.size // size * size].reshape(-1, size).astype(np.float64)
    level: npt.NDArray[np.float64] = np.sqrt(np.mean(windows**2, axis=1))
    return level


def in_order(numbers: list[int | None], expected: range) -> float:
    """Which share of the expected numbers was seen in order: repeats are fine, a step back or a hole costs."""
    seen = [number for number in numbers if number is not None]
    steps = {later for earlier, later in pairwise([expected.start - 1, *seen]) if later > earlier}
    return len(steps.intersection(expected)) / max(1, len(expected))


def offsets(flashes_s: Iterable[float], beeps_s: Iterable[float]) -> list[float]:
    """For each flash how much later its beep came, in seconds; a flash without a beep within half a second is left out."""
    beeps = list(beeps_s)
    nearest = [min((beep - flash for beep in beeps), key=abs, default=1.0) for flash in flashes_s]
    return [offset for offset in nearest if abs(offset) < 0.5]


def similarity(seen: Source, source: Source, numbers: range, step: int = 5) -> float:
    """Mean SSIM (FFmpeg's `ssim` filter) of frames shown against the source's frames of the same number.

    Every `step`th number is compared, at the size of `seen`. Raises ValueError when no number is in both.
    """
    wanted = set(numbers[::step])
    ours = dict(_by_number(seen, wanted))
    scores = [_ssim(ours[number], frame) for number, frame in _by_number(source, wanted) if number in ours]
    if not scores:
        raise ValueError("No frame number is in both films.")
    return fmean(scores)


def _by_number(source: Source, wanted: set[int]) -> Iterator[tuple[int, av.VideoFrame]]:
    left = set(wanted)
    with _opened(source) as container:
        for frame in container.decode(video=0):
            number = barcode.read(_luma(frame))
            if number in left:
                left.remove(number)
                yield number, frame
            if not left:
                return


def _ssim(seen: av.VideoFrame, source: av.VideoFrame) -> float:
    same_size = source.reformat(width=seen.width, height=seen.height, format="yuv420p")
    graph = av.filter.Graph()
    yuv, tick = av.VideoFormat("yuv420p"), Fraction(1)
    inputs = [graph.add_buffer(width=seen.width, height=seen.height, format=yuv, time_base=tick) for _ in range(2)]
    ssim, sink = graph.add("ssim"), graph.add("buffersink")
    for index, buffer in enumerate(inputs):
        buffer.link_to(ssim, 0, index)
    ssim.link_to(sink)
    graph.configure()
    for buffer, frame in zip(inputs, (seen.reformat(format="yuv420p"), same_size), strict=True):
        frame.pts, frame.time_base = 0, tick
        buffer.push(frame)
        buffer.push(None)
    return float(sink.pull().metadata["lavfi.ssim.All"])


def _shown(frame: av.VideoFrame) -> Shown:
    luma = _luma(frame)
    high, wide = luma.shape[0] // barcode.BAND, luma.shape[1]
    band = luma[-high + high // 4 : -(high // 4), wide // 4 : -(wide // 4)]
    return Shown(barcode.read(luma), frame.time or 0.0, float(band.mean()) > _WHITE_BAND, bool(frame.key_frame))


def _luma(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    if frame.format.name not in ("yuv420p", "yuvj420p"):
        frame = frame.reformat(format="yuv420p")
    plane = frame.planes[0]
    rows: npt.NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def _samples(source: Source) -> tuple[npt.NDArray[np.float32], int, float]:
    """All samples as mono, laid out by their time stamps: a hole in the sound stays a hole, as silence."""
    with _opened(source) as container:
        stream = container.streams.audio[0]
        frames = [(frame.time or 0.0, _mono(frame)) for frame in container.decode(stream)]
        rate = int(stream.sample_rate)
    if not frames:
        return np.zeros(0, np.float32), rate, 0.0
    start_s = frames[0][0]
    ends = [round((at_s - start_s) * rate) + samples.size for at_s, samples in frames]
    track = np.zeros(max(ends), np.float32)
    for end, (_, samples) in zip(ends, frames, strict=True):
        track[end - samples.size : end] = samples
    return track, rate, start_s


def _mono(frame: av.AudioFrame) -> npt.NDArray[np.float32]:
    values: npt.NDArray[Any] = frame.to_ndarray()
    scale = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
    channels = len(frame.layout.channels)
    by_channel = values.reshape(channels, -1) if frame.format.is_planar else values.reshape(-1, channels).T
    mono: npt.NDArray[np.float32] = (by_channel.mean(axis=0) / scale).astype(np.float32)
    return mono


def _tone(samples: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float64]:
    """How strong the beep's frequency is in each window: one bin of a Fourier transform."""
    size = round(rate * _WINDOW_S)
    windows = samples[: samples.size // size * size].reshape(-1, size)
    wave = np.exp(-2j * np.pi * BEEP_HZ * np.arange(size) / rate)
    strength: npt.NDArray[np.float64] = np.abs(windows @ wave) / size
    return strength


def _length_s(shown: list[Shown], frame_s: float) -> float:
    return max(frame_s, shown[-1].at_s - shown[0].at_s + frame_s) if shown else frame_s


@contextmanager
def _opened(source: Source) -> Iterator[av.container.InputContainer]:
    with av.open(io.BytesIO(source) if isinstance(source, bytes) else str(source), "r") as container:
        yield container
