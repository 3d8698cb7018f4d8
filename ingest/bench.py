"""What the encoders cost: a film through ladder, sound and packager as fast as it goes, without clock or network.

`python -m ingest.transcoder --bench FILE --frames N`; load tests set the figures beside those of `ffmpeg`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence

import av
import av.error
import numpy as np
from av.video.frame import VideoFrame

from ingest.capture_wall import CaptureWall
from ingest.encode import AudioEncoder, Ladder
from ingest.ladder import AUDIO_BITRATE_BPS, climb
from ingest.pace import RATES, Tick
from ingest.packager import AAC_FRAME, AUDIO_RATE, Timeline
from ingest.pcm import CHANNELS
from ingest.renditions import Renditions
from plenum.media import Part


def bench(path: str, frames: int, ladder: Sequence[str], preset: str) -> int:
    """Print the cost as JSON; returns the exit code."""
    try:
        report = measure(path, frames, ladder, preset)
    except (av.error.FFmpegError, OSError) as error:
        sys.stderr.write(f"{path} cannot be read as a film: {error}\n")
        return 1
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def measure(path: str, frames: int, ladder: Sequence[str], preset: str) -> dict[str, object]:
    """Encode so many frames of the film, from its start again where it is shorter."""
    fps = _rate(path)
    timeline = Timeline(fps, first_tick=0, first_msn=0, discontinuity=False)
    encoders = Ladder(climb(ladder), fps, preset)
    renditions = Renditions(encoders, AudioEncoder(AUDIO_BITRATE_BPS), timeline, CaptureWall(0), init_id=1, epoch=1)
    sizes = dict.fromkeys((rendition.name for rendition in renditions.announced()), 0)
    names = list(sizes)
    began_cpu, began = _cpu_s(), time.monotonic()
    silence = np.zeros((CHANNELS, AAC_FRAME), np.float32)
    blocks = 0
    for number, picture in enumerate(_pictures(path, frames)):
        parts: list[Part] = renditions.add_picture(picture, Tick(number, 1, jumped=False))
        while (blocks + 1) * AAC_FRAME * fps <= (number + 1) * AUDIO_RATE:
            parts += renditions.add_sound(silence)
            blocks += 1
        for part in parts:
            sizes[names[part.rendition]] += len(part.data)
    cpu_s, wall_s = _cpu_s() - began_cpu, time.monotonic() - began
    return {
        "frames": frames,
        "fps": fps,
        "preset": preset,
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(wall_s, 3),
        "realtime_ratio": round(wall_s * fps / frames, 3),
        "bitrate_bps": {name: round(size * 8 * fps / frames) for name, size in sizes.items()},
    }


def _rate(path: str) -> int:
    with av.open(path) as film:
        rate = float(film.streams.video[0].average_rate or RATES[0])
    return min(RATES, key=lambda known: abs(known - rate))


def _pictures(path: str, count: int) -> Iterator[VideoFrame]:
    left = count
    while left > 0:
        before = left
        with av.open(path) as film:
            film.streams.video[0].codec_context.thread_count = 1
            for picture in film.decode(video=0):
                yield picture
                left -= 1
                if left == 0:
                    return
        if left == before:
            raise OSError("it holds no picture")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
