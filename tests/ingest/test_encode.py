"""Encoders, CMAF bytes and packager together: what comes out is read by FFmpeg, libav and our own reader."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.capture_wall import CaptureWall
from ingest.encode import AudioEncoder, Ladder, Letterbox
from ingest.ladder import AUDIO_BITRATE_BPS, climb
from ingest.pace import Tick
from ingest.packager import AAC_FRAME, AUDIO_RATE, Timeline
from ingest.renditions import Renditions
from loadtests.films import BEEP_HZ, Film, Painter, sound_track
from loadtests.reading import in_order, offsets, read_beeps, read_pictures
from plenum.media import Part, Rendition

LADDER = ("480p", "360p", "240p")
FIRST_TICK = 12_345


class Made:
    """Renditions of a numbered film."""

    def __init__(self, film: Film, ladder: tuple[str, ...] = LADDER, *, jump_at: int = 0) -> None:
        timeline = Timeline(film.fps, FIRST_TICK, 7, discontinuity=False)
        self.renditions = Renditions(
            Ladder(climb(ladder), film.fps, "superfast"),
            AudioEncoder(AUDIO_BITRATE_BPS),
            timeline,
            CaptureWall(1_700_000_000_000_000),
            init_id=3,
            epoch=1,
        )
        self.parts = list(self._parts(film, timeline, jump_at))

    def _parts(self, film: Film, timeline: Timeline, jump_at: int) -> Iterator[Part]:
        painter = Painter(film)
        track = sound_track(film.seconds)
        sound = np.stack([track, track])
        at = hole = 0
        for number in range(film.frames):
            jumped = bool(jump_at) and number == jump_at
            hole += 1000 if jumped else 0
            yield from self.renditions.add_picture(
                painter.frame(number), Tick(timeline.first_tick + number + hole, 1, jumped)
            )
            while at + AAC_FRAME <= (number + 1) * AUDIO_RATE // film.fps:
                yield from self.renditions.add_sound(np.ascontiguousarray(sound[:, at : at + AAC_FRAME]))
                at += AAC_FRAME
        yield from self.renditions.finish()

    def rendition(self, name: str) -> Rendition:
        return next(each for each in self.renditions.announced() if each.name == name)

    def of(self, name: str) -> list[Part]:
        return [part for part in self.parts if part.rendition == self.rendition(name).id]

    def film(self, name: str) -> bytes:
        init = self.renditions.inits()[self.rendition(name).id]
        return init.data + b"".join(part.data for part in self.of(name))


@pytest.fixture(scope="module")
def made() -> Made:
    return Made(Film(640, 360, 30, 5.0))


@pytest.mark.parametrize("name", LADDER)
def test_every_picture_comes_out_of_every_rung_in_the_stated_size(made: Made, name: str) -> None:
    pictures = read_pictures(made.film(name))
    rendition = made.rendition(name)
    assert (pictures.width, pictures.height) == (rendition.width, rendition.height)
    assert pictures.numbers == list(range(150))


@pytest.mark.parametrize("name", LADDER)
def test_the_bitrate_is_the_stated_one(made: Made, name: str) -> None:
    assert read_pictures(made.film(name)).bitrate_bps == pytest.approx(made.rendition(name).bitrate_bps, rel=0.25)


def test_key_frames_stand_at_the_same_instants_in_all_rungs_every_two_seconds(made: Made) -> None:
    keys = [read_pictures(made.film(name)).keys_s for name in LADDER]
    assert keys[0] == keys[1] == keys[2]
    assert [later - earlier for earlier, later in pairwise(keys[0])] == pytest.approx([2.0, 2.0])


@pytest.mark.parametrize("name", [*LADDER, "audio"])
def test_ffmpeg_reads_init_and_parts_without_a_complaint(made: Made, name: str, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(made.film(name))
    done = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", file, "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_ffprobe_sees_constrained_baseline_without_b_frames_in_bt709(made: Made, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(made.film("360p"))
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-show_streams", "-of", "json", file], capture_output=True, text=True, check=True
    )
    stream = json.loads(done.stdout)["streams"][0]
    assert (stream["profile"], stream["has_b_frames"]) == ("Constrained Baseline", 0)
    assert stream["color_space"] == stream["color_primaries"] == "bt709"


def test_decode_times_in_the_bytes_are_those_of_the_parts(made: Made) -> None:
    for name in ("480p", "audio"):
        parts = made.of(name)
        rendition = made.rendition(name)
        with av.open(io.BytesIO(made.film(name))) as container:
            stream = container.streams[0]
            times = [packet.dts * packet.time_base for packet in container.demux(stream) if packet.dts is not None]
        assert float(times[0]) == pytest.approx(parts[0].start / rendition.timescale)
        steps = {round(float(later - earlier), 6) for earlier, later in pairwise(times)}
        assert len(steps) == 1  # no hole, no overlap


def test_codec_names_say_what_the_bytes_hold(made: Made) -> None:
    assert made.rendition("360p").codec == "avc1.42c01e"
    assert made.rendition("audio").codec == "mp4a.40.2"


def test_beeps_stay_with_their_flashes(made: Made) -> None:
    apart = offsets(read_pictures(made.film("480p")).flashes_s, read_beeps(made.film("audio")))
    assert len(apart) >= 3
    assert max(map(abs, apart)) <= 0.02


def test_sound_keeps_its_pitch_and_level(made: Made) -> None:
    with av.open(io.BytesIO(made.film("audio"))) as container:
        pcm = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    beep = pcm[AUDIO_RATE + 1000 : AUDIO_RATE + 4000]
    spectrum = np.abs(np.fft.rfft(beep))
    assert np.argmax(spectrum) * AUDIO_RATE / len(beep) == pytest.approx(BEEP_HZ, abs=20)
    assert np.sqrt(np.mean(beep**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_after_a_jump_every_rendition_goes_on_in_the_next_segment_with_sound_in_place() -> None:
    made = Made(Film(320, 180, 30, 4.0), ("240p",), jump_at=70)
    for name in ("240p", "audio"):
        parts = made.of(name)
        broken = [part for part in parts if part.discontinuity]
        assert [(part.msn, part.index) for part in broken] == [(9, 0)]
        assert {part.msn for part in parts} == {7, 8, 9}
    assert in_order(read_pictures(made.film("240p")).numbers, range(120)) == 1.0
    apart = offsets(read_pictures(made.film("240p")).flashes_s, read_beeps(made.film("audio")))
    assert max(map(abs, apart)) <= 0.03


class TestLetterbox:
    @staticmethod
    def white(width: int, height: int, pixels: str = "yuv420p") -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 255, np.uint8), format="rgb24")
        return frame.reformat(format=pixels)

    @staticmethod
    def luma(frame: av.VideoFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        return frame.to_ndarray()[: frame.height]

    def test_a_portrait_picture_gets_bars_left_and_right(self) -> None:
        luma = self.luma(Letterbox(640, 360).fit(self.white(360, 640)))
        assert luma.shape == (360, 640)
        assert luma[180, 0] == luma[180, 639] == 16
        assert luma[5, 320] > 230
        assert luma[355, 320] > 230

    def test_a_4_to_3_picture_keeps_its_shape(self) -> None:
        luma = self.luma(Letterbox(640, 360).fit(self.white(640, 480)))
        assert int((luma[180] > 200).sum()) == pytest.approx(480, abs=4)

    def test_sizes_may_change_from_picture_to_picture(self) -> None:
        letterbox = Letterbox(640, 360)
        for size in [(320, 180), (360, 640), (1280, 720), (480, 640), (360, 640), (17, 33)]:
            frame = letterbox.fit(self.white(*size))
            assert (frame.width, frame.height, frame.format.name) == (640, 360, "yuv420p")

    def test_a_picture_that_fits_is_not_copied(self) -> None:
        frame = self.white(640, 360)
        assert Letterbox(640, 360).fit(frame) is frame

    def test_other_pixel_formats_are_brought_to_ours(self) -> None:
        for size in [(640, 360), (360, 640)]:
            assert Letterbox(640, 360).fit(self.white(*size, "yuv444p")).format.name == "yuv420p"
