"""A transcoder's codecs under the real filter, in a process of its own: `python -m tests.ingest.confined_codecs`.

Films are made, decoded, scaled and encoded after `confine`; it prints what it has seen as JSON.
"""

from __future__ import annotations

import json
from itertools import chain

import av
import numpy as np

from ingest.confinement import confine
from ingest.decode import AudioDecoder, VideoDecoder
from ingest.encode import AudioEncoder, Ladder
from ingest.ladder import AUDIO_BITRATE_BPS, climb
from ingest.packager import AAC_FRAME
from ingest.samples import SampleCodec, SampleKind
from ingest.warm_up import warm_up
from loadtests.films import Film
from tests.transcoder_stage import Timed, encoded_film

FPS = 30
SOURCES = (
    # Each changes its size, the second by another shape, which takes other filters.
    (SampleCodec.H264, (Film(320, 180, FPS, 0.4), Film(640, 360, FPS, 0.4))),
    (SampleCodec.VP8, (Film(180, 320, FPS, 0.4), Film(320, 240, FPS, 0.4))),
)


def play(samples: list[Timed], ladder: Ladder, sound: AudioEncoder, first: int) -> dict[str, object]:
    """One source on air, with decoders of its own."""
    video, audio = VideoDecoder(), AudioDecoder()
    sizes: list[tuple[int, int]] = []
    h264: list[bytes] = []
    heard: list[np.ndarray] = []
    for at, each in enumerate(samples):
        if each.sample.kind is SampleKind.AUDIO:
            pcm = audio.decode(each.sample)
            heard += [] if pcm is None else [pcm]
            continue
        for picture in video.decode(each.sample, at):
            sizes.append((picture.width, picture.height))
            h264 += ladder.encode(picture, first + len(sizes), keyframe=len(sizes) == 1)
    pcm = np.concatenate(heard, axis=1)
    blocks = [pcm[:, at : at + AAC_FRAME] for at in range(0, pcm.shape[1] - AAC_FRAME + 1, AAC_FRAME)]
    aac = [packet for block in blocks for packet in sound.encode(np.ascontiguousarray(block))]
    return {
        "sizes": list(dict.fromkeys(sizes)),
        "pictures": len(sizes),
        "h264": len([packet for packet in h264 if packet]),
        "loudness": float(np.abs(pcm).max()),
        "aac": decoded_sound(aac, sound.config),
    }


def decoded_sound(packets: list[bytes], config: bytes) -> float:
    """How loud the encoded sound is."""
    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = config
    frames = chain.from_iterable(decoder.decode(av.Packet(packet)) for packet in packets)
    return max(float(np.abs(frame.to_ndarray()).max()) for frame in frames)


def main() -> None:
    warm_up()
    encoded_film(Film(64, 64, FPS, 0.1))  # painting and noise load parts of numpy; the filter is not meant for those
    confine("required")
    ladder, sound = Ladder(climb(("360p", "240p")), FPS, "superfast"), AudioEncoder(AUDIO_BITRATE_BPS)
    seen = []
    for number, (codec, films) in enumerate(SOURCES):
        samples = [each for film in films for each in encoded_film(film, codec=codec)]
        seen.append(play(samples, ladder, sound, number * 100))
    print(json.dumps(seen))  # noqa: T201 - for the test


if __name__ == "__main__":
    main()
