"""A source's encoded samples to pictures and sound: H.264 and VP8, Opus. Nothing is decoded before its size is known.

Runs in the transcoder's main thread. One decoder each for picture and sound of the source on air, made anew whenever
somebody goes on air, so that a hostile stream never leaves its state to the next.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
import numpy as np
from av.codec.context import Flags, ThreadType
from av.video.frame import VideoFrame

from ingest.pcm import RATE, Pcm
from ingest.picture_size import PictureSize, check_size, coded_sizes, is_keyframe
from ingest.samples import Sample, SampleCodec
from plenum.errors import BadInput

_VIDEO_DECODERS = {SampleCodec.H264: "h264", SampleCodec.VP8: "vp8"}
_TIME_BASE = Fraction(1, 90_000)


class Undecodable(Exception):
    """The bitstream is damaged here; decoding goes on with the next key frame."""


class VideoDecoder:
    """Pictures with their unwrapped RTP timestamp as `pts`."""

    def __init__(self) -> None:
        self._codec = SampleCodec.NONE
        self._context: av.VideoCodecContext | None = None
        self.waits_for_keyframe = True
        self.is_damaged = False
        """The last picture was concealed over: ask for a key frame, show it all the same."""

    def decode(self, sample: Sample, timestamp: int) -> list[VideoFrame]:
        """Raises BadInput `picture_too_large`, or Undecodable."""
        self._check_sizes(sample)
        if self.waits_for_keyframe and not is_keyframe(sample.codec, sample.payload):
            return []
        packet = av.Packet(sample.payload)
        packet.pts, packet.time_base = timestamp, _TIME_BASE
        try:
            frames = self._decoder(sample.codec).decode(packet)
        except av.error.FFmpegError as error:
            self.waits_for_keyframe = True
            raise Undecodable(str(error)) from None
        self.waits_for_keyframe = False
        self.is_damaged = any(frame.is_corrupt for frame in frames)
        return [frame for frame in frames if self._is_sound(frame)]

    def _check_sizes(self, sample: Sample) -> None:
        try:
            for size in coded_sizes(sample.codec, sample.payload):
                check_size(size)
        except BadInput as error:
            if error.code == "picture_too_large":
                raise
            self.waits_for_keyframe = True
            raise Undecodable(error.message) from None

    @staticmethod
    def _is_sound(frame: VideoFrame) -> bool:
        check_size(PictureSize(frame.width, frame.height))
        return frame.pts is not None

    def _decoder(self, codec: SampleCodec) -> av.VideoCodecContext:
        if self._context is None or codec is not self._codec:
            self._codec = codec
            self._context = _video_decoder(_VIDEO_DECODERS[codec])
        return self._context


def _video_decoder(name: str) -> av.VideoCodecContext:
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, av.VideoCodecContext)  # noqa: S101  # narrows the type
    context.thread_count = 1
    context.thread_type = ThreadType.NONE  # frame threads would hold a picture back
    context.flags |= Flags.low_delay
    return context


class AudioDecoder:
    """Opus packets to stereo at 48 kHz."""

    def __init__(self) -> None:
        context = av.CodecContext.create("opus", "r")
        assert isinstance(context, av.AudioCodecContext)  # noqa: S101  # narrows the type
        context.sample_rate, context.layout = RATE, "stereo"
        self._context = context

    def decode(self, sample: Sample) -> Pcm | None:
        """None where the packet holds no sound. Raises Undecodable."""
        try:
            frames = self._context.decode(av.Packet(sample.payload))
        except av.error.FFmpegError as error:
            raise Undecodable(str(error)) from None
        blocks = [frame.to_ndarray() for frame in frames if frame.format.name == "fltp" and frame.samples]
        return np.concatenate(blocks, axis=1, dtype=np.float32) if blocks else None
