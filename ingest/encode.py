"""Pictures and sound to encoded samples: letterbox, cascade of sizes, x264, AAC.

Everything here runs in one thread, `ingest/production.py`'s; libav releases the GIL while it works. Encoders get a frame
for every tick and give its packet back at once: `tune=zerolatency`, no B-frames, no look-ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import av
import av.filter
from av.codec.context import Flags
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from ingest.ladder import Rung
from ingest.packager import AAC_FRAME, AUDIO_RATE
from ingest.pcm import Pcm

PIXELS = "yuv420p"
ASPECT_TOLERANCE = 0.01
"""Shapes this near to the rung's are scaled, not letterboxed: 854x480 is not exactly 16:9 either."""


class Letterbox:
    """Brings pictures of any size into one, with black bars where the shape differs."""

    def __init__(self, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._reformatter = VideoReformatter()
        self._graph: av.filter.Graph | None = None
        self._graph_input: tuple[int, int, str] | None = None

    def fit(self, frame: VideoFrame) -> VideoFrame:
        if (frame.width, frame.height, frame.format.name) == (self._width, self._height, PIXELS):
            return frame
        shape = frame.width * self._height / (frame.height * self._width)
        if abs(shape - 1) <= ASPECT_TOLERANCE:
            return scaled(self._reformatter, frame, self._width, self._height)
        return self._pad(frame)

    def _pad(self, frame: VideoFrame) -> VideoFrame:
        described = (frame.width, frame.height, frame.format.name)
        if self._graph is None or self._graph_input != described:
            self._graph, self._graph_input = self._build(frame), described
        frame.pts, frame.time_base = 0, Fraction(1, 90_000)
        self._graph.vpush(frame)
        return self._graph.vpull()

    def _build(self, frame: VideoFrame) -> av.filter.Graph:
        size = f"{self._width}:{self._height}"
        graph = av.filter.Graph()
        graph.threads = 1
        graph.link_nodes(
            graph.add_buffer(
                width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 90_000)
            ),
            graph.add("scale", f"{size}:force_original_aspect_ratio=decrease:force_divisible_by=2:flags=bilinear"),
            graph.add("format", PIXELS),
            graph.add("pad", f"{size}:(ow-iw)/2:(oh-ih)/2:color=black"),
            graph.add("setsar", "1"),
            graph.add("buffersink"),
        ).configure()
        return graph


def scaled(reformatter: VideoReformatter, frame: VideoFrame, width: int, height: int) -> VideoFrame:
    return reformatter.reformat(frame, width, height, PIXELS, interpolation=Interpolation.BILINEAR, threads=1)


class VideoEncoder:
    """One rung: constrained baseline, average bitrate with a bound for each second, key frames only when told."""

    def __init__(self, rung: Rung, fps: int, preset: str) -> None:
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = rung.width, rung.height, PIXELS
        context.time_base, context.framerate = Fraction(1, fps), Fraction(fps)
        context.bit_rate = rung.bitrate_bps
        context.thread_count = 1
        context.options = _x264_options(rung, preset)
        context.flags |= Flags.global_header | Flags.closed_gop
        context.open()
        self._context = context
        self._time_base = Fraction(1, fps)
        self.avcc = bytes(context.extradata or b"")
        """AVCDecoderConfigurationRecord (`annexb=0` makes x264 write it, and packets to match)."""

    def encode(self, frame: VideoFrame, tick: int, *, keyframe: bool) -> bytes:
        frame.pts, frame.time_base = tick, self._time_base
        # A decoded frame says which type it had; x264 would take that for an order.
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        (packet,) = self._context.encode(frame)
        return bytes(packet)

    def close(self) -> None:
        """Nothing is held back in it: `tune=zerolatency`."""
        self._context.encode(None)


def _x264_options(rung: Rung, preset: str) -> dict[str, str]:
    rate = {"vbv-maxrate": rung.vbv_max_bps // 1000, "vbv-bufsize": rung.bitrate_bps // 1000}
    params = {"annexb": 0, "keyint": "infinite", "scenecut": 0, **rate}
    colours = {"colorprim": "bt709", "transfer": "bt709", "colormatrix": "bt709"}
    return {
        "preset": preset,
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "x264-params": ":".join(f"{name}={value}" for name, value in (params | colours).items()),
    }


class Ladder:
    """All rungs of a picture, each scaled from the one above."""

    def __init__(self, rungs: Sequence[Rung], fps: int, preset: str) -> None:
        self.rungs = tuple(rungs)
        self.encoders = tuple(VideoEncoder(rung, fps, preset) for rung in rungs)
        self._letterbox = Letterbox(rungs[0].width, rungs[0].height)
        self._reformatters = tuple(VideoReformatter() for _ in rungs[1:])
        self._picture: VideoFrame | None = None
        self._sizes: tuple[VideoFrame, ...] = ()

    def encode(self, picture: VideoFrame, tick: int, *, keyframe: bool) -> list[bytes]:
        """One encoded sample for each rung. The picture of the tick before again costs no scaling."""
        if picture is not self._picture:
            self._picture, self._sizes = picture, self._cascade(picture)
        return [
            encoder.encode(frame, tick, keyframe=keyframe)
            for encoder, frame in zip(self.encoders, self._sizes, strict=True)
        ]

    def _cascade(self, picture: VideoFrame) -> tuple[VideoFrame, ...]:
        frames = [self._letterbox.fit(picture)]
        for rung, reformatter in zip(self.rungs[1:], self._reformatters, strict=True):
            frames.append(scaled(reformatter, frames[-1], rung.width, rung.height))
        return tuple(frames)


class AudioEncoder:
    """AAC-LC, stereo, 48 kHz; gives one frame for each block of 1024 samples, later by one block."""

    def __init__(self, bitrate_bps: int) -> None:
        context = av.CodecContext.create("aac", "w")
        context.sample_rate, context.layout, context.format = AUDIO_RATE, "stereo", "fltp"
        context.bit_rate = bitrate_bps
        context.time_base = Fraction(1, AUDIO_RATE)
        context.flags |= Flags.global_header
        context.open()
        self._context = context
        self._position = 0
        self._first = 0
        self.config = bytes(context.extradata or b"")
        """AudioSpecificConfig."""

    def encode(self, pcm: Pcm) -> list[bytes]:
        frame = av.AudioFrame.from_ndarray(pcm, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = AUDIO_RATE, self._position, Fraction(1, AUDIO_RATE)
        self._position += AAC_FRAME
        return [bytes(packet) for packet in self._context.encode(frame) if self._is_wanted(packet.pts)]

    def forget_held(self) -> None:
        """The block that the encoder holds back belongs before a hole in time: leave it out."""
        self._first = self._position

    def _is_wanted(self, pts: int | None) -> bool:
        # The packet before the first is the encoder's run-up and would be heard before the first sample.
        return pts is not None and pts >= self._first
