"""A publisher's encoders: H.264 constrained baseline and Opus, as WebRTC wants them.

aiortc has encoders of its own, but its H.264 one follows the receiver's REMB and stays at 1 Mbit/s.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import msgspec
import numpy as np
from av import AudioFrame, AudioResampler, VideoFrame
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

VIDEO_RATE = 90_000
AUDIO_RATE = 48_000
AUDIO_BLOCK = 960
KEYFRAME_EVERY_S = 2
AUDIO_BITRATE_BPS = 128_000
GAP_SAMPLES = 960
"""Sound that is off by more than 20 ms is put right; less is the file's rounding."""
SILENCE_MAX = 10 * AUDIO_RATE


class Encoded(msgspec.Struct, frozen=True):
    """A picture or a block of sound, and its time in ticks of its RTP clock."""

    ticks: int
    data: bytes
    keyframe: bool = False


class PictureEncoder:
    """x264 without delay: the packet of a picture comes with the picture."""

    def __init__(self, width: int, height: int, fps: Fraction, bitrate_bps: int, preset: str = "superfast") -> None:
        self._width, self._height = width, height
        self._reformatter = VideoReformatter()
        self._codec: Any = av.CodecContext.create("libx264", "w")
        self._codec.width, self._codec.height = width, height
        self._codec.pix_fmt = "yuv420p"
        self._codec.time_base = Fraction(1, VIDEO_RATE)
        self._codec.framerate = fps
        self._codec.bit_rate = bitrate_bps
        kilobits = bitrate_bps // 1000
        self._codec.options = {
            "preset": preset,
            "tune": "zerolatency",
            "profile": "baseline",
            "forced-idr": "1",
            # A buffer of a quarter second bounds the size of key frames; x264 must not cut pictures into slices.
            "x264-params": f"keyint={round(fps * KEYFRAME_EVERY_S)}:scenecut=0:sliced-threads=0:threads=1"
            f":vbv-maxrate={kilobits}:vbv-bufsize={max(1, kilobits // 4)}",
        }

    def encode(self, frame: VideoFrame, time: Fraction, *, keyframe: bool) -> Iterator[Encoded]:
        picture = self._reformatter.reformat(upright(frame), width=self._width, height=self._height, format="yuv420p")
        picture.pts = round(time * VIDEO_RATE)
        picture.time_base = Fraction(1, VIDEO_RATE)
        picture.pict_type = PictureType.I if keyframe else PictureType.NONE
        for packet in self._codec.encode(picture):
            yield Encoded(packet.pts, bytes(packet), bool(packet.is_keyframe))


def upright(frame: VideoFrame) -> VideoFrame:
    """The picture turned as its display matrix says: telephones film on their side."""
    turns = round(frame.rotation / 90) % 4
    if not turns:
        return frame
    turned: Any = np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), k=turns))
    return VideoFrame.from_ndarray(turned, format="rgb24")


class SoundEncoder:
    """Opus in blocks of 20 ms. Gaps in the source become silence, so that the clock runs through."""

    def __init__(self, bitrate_bps: int = AUDIO_BITRATE_BPS) -> None:
        self._resampler = AudioResampler(format="s16", layout="stereo", rate=AUDIO_RATE)
        self._codec: Any = av.CodecContext.create("libopus", "w")
        self._codec.format, self._codec.layout, self._codec.sample_rate = "s16", "stereo", AUDIO_RATE
        self._codec.time_base = Fraction(1, AUDIO_RATE)
        self._codec.bit_rate = bitrate_bps
        self._codec.options = {"application": "audio"}
        self._held = np.zeros((0, 2), dtype=np.int16)
        self._position: int | None = None
        """Where the first held sample stands."""

    def encode(self, frame: AudioFrame, time: Fraction) -> Iterator[Encoded]:
        frame.pts = None  # the source's time is `time`; the resampler only sees samples
        samples = [piece.to_ndarray().reshape(-1, 2) for piece in self._resampler.resample(frame)]
        for block in samples:
            self._append(block, round(time * AUDIO_RATE))
        while len(self._held) >= AUDIO_BLOCK:
            yield from self._encode_block()

    def _append(self, samples: Any, position: int) -> None:
        if self._position is None:
            self._position = position
        off = position - (self._position + len(self._held))
        if GAP_SAMPLES < off <= SILENCE_MAX:
            self._held = np.concatenate((self._held, np.zeros((off, 2), dtype=np.int16)))
        elif off > SILENCE_MAX:
            self._held, self._position = self._held[:0], position
        elif off < -GAP_SAMPLES:
            samples = samples[min(len(samples), -off) :]
        self._held = np.concatenate((self._held, samples))

    def _encode_block(self) -> Iterator[Encoded]:
        assert self._position is not None  # noqa: S101 - there are samples, so there is a first one
        block = np.ascontiguousarray(self._held[:AUDIO_BLOCK].reshape(1, -1))
        frame = AudioFrame.from_ndarray(block, format="s16", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), self._position
        self._held, self._position = self._held[AUDIO_BLOCK:], self._position + AUDIO_BLOCK
        for packet in self._codec.encode(frame):
            yield Encoded(packet.pts, bytes(packet))
