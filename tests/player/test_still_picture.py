"""The page's pictures that stand still (player/src/media/still.ts) on what our own encoder makes, judged by a decoder.

Node runs the page's own code; PyAV decodes init segment, real parts, filler and the segment that follows, and hears every
complaint of libav. What the filler shows must be the last real picture, in every pixel.
"""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import numpy as np
import pytest
from av.video.frame import PictureType, VideoFrame

from ingest.cmaf import MediaSample, chunk, video_init
from ingest.encode import VideoEncoder
from ingest.ladder import climb
from player import build_hook

PLAYER = Path(build_hook.__file__).parent
SCRIPT = Path(__file__).with_name("fill_still.mjs")
FPS, TIMESCALE = 30, 90_000
FRAME = TIMESCALE // FPS
WIDTH, HEIGHT = 426, 240


def picture(number: int) -> VideoFrame:
    """Moves everywhere, so that nothing is skipped by itself and any motion of the filler would show."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = np.random.default_rng(number).integers(0, 60, (HEIGHT, WIDTH))
    luma = ((rows * 3 + columns * 2 + number * 11) % 190 + noise).astype(np.uint8)
    chroma = np.full((HEIGHT // 2, WIDTH), (number * 9) % 256, np.uint8)
    return VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")


@dataclass
class Film:
    """Samples as an encoder gave them, and its decoder configuration."""

    avcc: bytes
    samples: list[bytes]

    @property
    def init(self) -> bytes:
        return video_init(WIDTH, HEIGHT, TIMESCALE, self.avcc)

    def part(self, first: int, end: int, at: int) -> bytes:
        media = [MediaSample(self.samples[n], FRAME, n % SEGMENT == 0) for n in range(first, end)]
        return chunk(1 + first, at, media)


SEGMENT = 20


def ours() -> Film:
    encoder = VideoEncoder(climb(["240p"])[0], FPS, "superfast")
    samples = [encoder.encode(picture(n), n, keyframe=n % SEGMENT == 0) for n in range(2 * SEGMENT)]
    return Film(encoder.avcc, samples)


def others(profile: str, params: str) -> Film:
    """x264 with other settings, every picture a P or an IDR."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    context.thread_count = 1
    context.options = {
        "preset": "superfast",
        "tune": "zerolatency",
        "profile": profile,
        "forced-idr": "1",
        "x264-params": f"annexb=0:keyint=infinite:scenecut=0:{params}",
    }
    context.flags |= av.codec.context.Flags.global_header
    context.open()
    packets = []
    for number in range(2 * SEGMENT):
        frame = picture(number)
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        frame.pict_type = PictureType.P if number % SEGMENT else PictureType.I
        packets += context.encode(frame)
    packets += context.encode(None)
    return Film(bytes(context.extradata or b""), [bytes(packet) for packet in packets])


def fill(film: Film, folder: Path, last: bytes, start: int, *ends: int) -> list[bytes]:
    """What the page would append between `start` and each of `ends`; nothing where it does not understand the stream."""
    (folder / "init.mp4").write_bytes(film.init)
    (folder / "last.m4s").write_bytes(last)
    node = build_hook.find_node()
    build_hook.install_packages(PLAYER, node, everything=False)
    command = [str(node.program), str(SCRIPT), str(PLAYER), str(folder), str(TIMESCALE), str(start), *map(str, ends)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=node.environment())
    assert done.returncode == 0, done.stderr
    paths = [folder / f"still-{number}.m4s" for number in range(len(ends))]
    return [path.read_bytes() for path in paths if path.exists()]


def decode(media: bytes) -> tuple[list[tuple[int, np.ndarray]], list[str]]:
    """When each picture is shown and what it is; and all that libav complained of."""
    av.logging.set_level(av.logging.WARNING)
    with av.logging.Capture() as complaints, av.open(io.BytesIO(media)) as film:
        stream = film.streams.video[0]
        stream.thread_type = "NONE"
        shown = [(frame.pts, frame.to_ndarray(format="yuv420p")) for frame in film.decode(stream)]
    return shown, [message for _, _, message in complaints]


LAST = 13
"""The picture after which the part breaks off, in the middle of a segment."""


@pytest.mark.parametrize(
    "film",
    [
        pytest.param(ours, id="our own encoder"),
        pytest.param(lambda: others("main", "cabac=0:weightp=2:ref=3:bframes=0"), id="weighted prediction"),
        pytest.param(lambda: others("main", "cabac=0:bframes=1:b-adapt=0"), id="order type 0"),
    ],
)
def test_the_filler_shows_the_last_picture_unchanged_and_the_next_segment_decodes_after_it(film, tmp_path: Path):
    made = film()
    last = made.part(6, LAST, 6 * FRAME)
    start, end = LAST * FRAME, LAST * FRAME + 2 * TIMESCALE
    between = (start + 7001, start + TIMESCALE)
    stills = fill(made, tmp_path, last, start, *between, end)
    assert len(stills) == 3
    rest = made.part(SEGMENT, 2 * SEGMENT, end)
    shown, complaints = decode(made.init + made.part(0, 6, 0) + last + b"".join(stills) + rest)
    assert complaints == []
    real, filler, after = shown[:LAST], shown[LAST:-SEGMENT], shown[-SEGMENT:]
    assert [at for at, _ in filler] == [start, *between], "one picture each time"
    assert all(np.array_equal(pixels, real[-1][1]) for _, pixels in filler)
    assert not np.array_equal(real[-1][1], real[-2][1]), "the film stands still anyway: nothing was shown"
    alone, _ = decode(made.init + rest)
    assert [at for at, _ in after] == [end + n * FRAME for n in range(SEGMENT)]
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(after, alone, strict=True))


def test_frame_numbers_wrap(tmp_path: Path):
    film = ours()
    last = film.part(0, LAST, 0)
    start = LAST * FRAME
    pictures = 300  # x264 counts to 16 here
    stills = fill(film, tmp_path, last, start, *(start + (n + 1) * TIMESCALE for n in range(pictures)))
    shown, complaints = decode(film.init + last + b"".join(stills))
    assert complaints == []
    assert len(shown) == LAST + pictures
    assert np.array_equal(shown[-1][1], shown[LAST - 1][1])


def test_a_segment_that_broke_off_after_its_key_frame_is_continued_too(tmp_path: Path):
    film = ours()
    last = film.part(0, 1, 0)
    (still,) = fill(film, tmp_path, last, FRAME, TIMESCALE)
    shown, complaints = decode(film.init + last + still)
    assert complaints == []
    assert all(np.array_equal(pixels, shown[0][1]) for _, pixels in shown)


@pytest.mark.parametrize("params", ["cabac=1:bframes=0", "cabac=0:interlaced=1:bframes=0"])
def test_a_stream_that_we_cannot_continue_is_left_alone(params: str, tmp_path: Path):
    film = others("main", params)
    assert fill(film, tmp_path, film.part(0, LAST, 0), LAST * FRAME, TIMESCALE) == []
