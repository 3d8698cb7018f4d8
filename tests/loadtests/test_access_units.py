"""Against FFmpeg's own reading of what FFmpeg wrote."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from loadtests import barcode
from loadtests.access_units import decoder_configuration, pictures
from loadtests.clock_source import ClockSource


def fragmented(numbers: list[int], tmp_path: Path) -> tuple[bytes, bytes]:
    """An init segment and one fragment with these numbers as barcodes."""
    path = tmp_path / "made.mp4"
    options = {"movflags": "empty_moov+default_base_moof+frag_keyframe"}
    with av.open(str(path), "w", options=options) as container:
        stream: Any = container.add_stream(
            "libx264", rate=30, options={"tune": "zerolatency", "x264-params": "annexb=0"}
        )
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for index, number in enumerate(numbers):
            planes = np.full((270, 320), 128, np.uint8)
            barcode.draw(planes[:180], number)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    at = data.index(b"moof") - 4
    return data[:at], data[at : data.index(b"mfra") - 4]


def test_the_pictures_of_a_part_are_decoded_without_a_demuxer(tmp_path: Path) -> None:
    numbers = [7, 1_000_003, 42, 16_000_000]
    init, part = fragmented(numbers, tmp_path)
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.extradata, decoder.thread_count = decoder_configuration(init), 1
    shown = []
    for unit in pictures(part):
        for frame in decoder.decode(av.Packet(unit)):
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
            shown.append(barcode.read(rows[: frame.height, : frame.width]))
    assert shown == numbers
    assert len(pictures(part)) == sum(1 for _ in av.open(io.BytesIO(init + part)).demux(video=0) if _.size)


def test_what_is_no_part_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="no part"):
        pictures(b"\0\0\0\x08free")
    with pytest.raises(ValueError, match=r"no H\.264"):
        decoder_configuration(b"\0\0\0\x08free")


def test_the_clock_that_presents_can_be_read() -> None:
    source = ClockSource()
    timed = next(source.frames(lambda media: 1_700_000_123.456 + float(media)))
    frame: Any = timed.frame
    plane = frame.planes[0]
    luma = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)[:, : frame.width]
    assert barcode.read(luma) == 1_700_000_123_456 % barcode.LIMIT
