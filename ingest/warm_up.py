"""A rehearsal: every codec and filter of a programme once, in small, before the process is confined.

Libraries load on first use what they did not at import: modules, tables, code for this processor. Confined they could
not. It also takes a part of the time that a programme's start would take. Nothing of it is kept.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from ingest.concealment import HISTORY, conceal
from ingest.decode import AudioDecoder, VideoDecoder
from ingest.encode import AudioEncoder, Ladder
from ingest.ladder import AUDIO_BITRATE_BPS, climb
from ingest.packager import AAC_FRAME
from ingest.pcm import CHANNELS
from ingest.samples import SampleCodec, audio_sample, video_sample
from ingest.slate import name_plate
from plenum.encoding import PictureEncoder

FPS = 30
SILENT_OPUS = b"\xf8\xff\xfe"
"""20 ms (RFC 6716 3.1: CELT, full band, one frame)."""


def warm_up() -> None:
    """Raises what an encoder or decoder raises that this machine lacks."""
    _rehearse_picture()
    _rehearse_sound()


def _rehearse_picture() -> None:
    drawn = name_plate("Aä", 320, 240)  # of another shape than the rung: the letterbox' filters too
    sent = PictureEncoder(320, 240, Fraction(FPS), 300_000, preset="ultrafast")
    decoder, ladder = VideoDecoder(), Ladder(climb(("360p", "240p")), FPS, "superfast")
    for packet in sent.encode(drawn, Fraction(0), keyframe=True):
        for picture in decoder.decode(video_sample(SampleCodec.H264, 0, 0, packet.data, keyframe=True), packet.ticks):
            ladder.encode(picture, 0, keyframe=True)
    for encoder in ladder.encoders:
        encoder.close()
    av.CodecContext.create("vp8", "r").open()


def _rehearse_sound() -> None:
    AudioDecoder().decode(audio_sample(0, 0, SILENT_OPUS))
    encoder = AudioEncoder(AUDIO_BITRATE_BPS)
    conceal(np.zeros((CHANNELS, HISTORY), np.float32), AAC_FRAME)
    for _ in range(2):
        encoder.encode(np.zeros((CHANNELS, AAC_FRAME), np.float32))
