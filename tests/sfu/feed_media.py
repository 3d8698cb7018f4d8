"""Real CMAF for the tests of delivery: two small pictures and a tone, encoded once, as feed messages by media sequence number.

FFmpeg's muxer writes one fragment per frame; parts are runs of fragments, cut as the packager cuts them: segments of 2 s,
parts of 200 ms, the audio's last part of a segment shorter.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import av
import numpy as np

from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import pack_init, pack_part

FPS = 30
SECONDS = 20
WALL_US = 1_800_000_000_000_000
"""Capture time of the programme's first sample."""

LARGE = Rendition(0, "360p", RenditionKind.VIDEO, 300_000, "avc1.42c01e", 90_000, 640, 360, 30.0)
SMALL = Rendition(1, "180p", RenditionKind.VIDEO, 120_000, "avc1.42c00d", 90_000, 320, 180, 30.0)
AUDIO = Rendition(2, "audio", RenditionKind.AUDIO, 96_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
RENDITIONS = (LARGE, SMALL, AUDIO)


def programme(state: ProgrammeState = ProgrammeState.LIVE, epoch: int = 1) -> Programme:
    return Programme(RENDITIONS, state, epoch, on_air="Test", started_at_ms=WALL_US // 1000)


@dataclass(frozen=True)
class Media:
    """One rendition: its init segment, and parts by segment."""

    rendition: Rendition
    init: bytes
    segments: tuple[tuple[Part, ...], ...]

    def init_message(self, init_id: int = 1, epoch: int = 1) -> bytes:
        return pack_init(Init(self.rendition.id, init_id, epoch, self.init))


@dataclass(frozen=True)
class Film:
    """All renditions, aligned by segment."""

    media: tuple[Media, ...]

    def inits(self) -> list[bytes]:
        return [media.init_message() for media in self.media]

    def parts(self, msn: int) -> list[bytes]:
        """All parts of one segment of every rendition, in the order of their time."""
        parts = [part for media in self.media for part in media.segments[msn]]
        return [pack_part(part) for part in sorted(parts, key=lambda part: (part.wall_us, part.rendition))]

    @property
    def length(self) -> int:
        return min(len(media.segments) for media in self.media)


def make_film() -> Film:
    return Film((_video(LARGE), _video(SMALL), _audio()))


def _video(rendition: Rendition) -> Media:
    out = io.BytesIO()
    options = {"movflags": "frag_every_frame+empty_moov+default_base_moof+skip_trailer", "use_editlist": "0"}
    with av.open(out, "w", format="mp4", options={**options, "video_track_timescale": "90000"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = rendition.width, rendition.height, "yuv420p"
        stream.bit_rate = rendition.bitrate_bps
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "x264-params": "keyint=60:min-keyint=60:scenecut=0",
        }
        for number in range(FPS * SECONDS):
            for packet in stream.encode(_picture(rendition, number)):
                container.mux(packet)
    return _cut(rendition, out.getvalue(), ticks=3000, per_part=6)


def _picture(rendition: Rendition, number: int) -> av.VideoFrame:
    picture = np.zeros((rendition.height, rendition.width, 3), np.uint8)
    picture[:, :, 1] = np.linspace(0, 255, rendition.width, dtype=np.uint8)
    at = number * 5 % (rendition.width - 40)
    picture[40:120, at : at + 40] = (255, number % 256, 0)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    frame.pts = number
    return frame


def _audio() -> Media:
    out = io.BytesIO()
    options = {"movflags": "frag_every_frame+empty_moov+default_base_moof+skip_trailer", "use_editlist": "0"}
    with av.open(out, "w", format="mp4", options=options) as container:
        stream = container.add_stream("aac", rate=48_000, layout="stereo")
        stream.bit_rate = AUDIO.bitrate_bps
        for number in range(SECONDS * 48_000 // 1024):
            time = (np.arange(1024) + number * 1024) / 48_000
            tone = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(np.stack([tone, tone]), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = 48_000, number * 1024
            for packet in stream.encode(frame):
                container.mux(packet)
    return _cut(AUDIO, out.getvalue(), ticks=1024, per_part=9)


def _cut(rendition: Rendition, data: bytes, ticks: int, per_part: int) -> Media:
    """Fragments of one sample each to parts and segments of 2 s."""
    boxes = list(_boxes(data))
    init = b"".join(box for kind, box in boxes if kind in (b"ftyp", b"moov"))
    moofs = [box for kind, box in boxes if kind == b"moof"]
    mdats = [box for kind, box in boxes if kind == b"mdat"]
    fragments = [moof + mdat for moof, mdat in zip(moofs, mdats, strict=True)]
    segments: list[list[bytes]] = []
    for number, fragment in enumerate(fragments):
        msn = number * ticks // (2 * rendition.timescale)
        if msn == len(segments):
            segments.append([])
        segments[msn].append(fragment)
    first = 0
    cut: list[tuple[Part, ...]] = []
    for msn, samples in enumerate(segments):
        cut.append(tuple(_parts(rendition, msn, first, samples, ticks, per_part)))
        first += len(samples)
    return Media(rendition, init, tuple(cut))


def _parts(rendition: Rendition, msn: int, first: int, samples: list[bytes], ticks: int, per_part: int) -> list[Part]:
    parts = []
    for index, at in enumerate(range(0, len(samples), per_part)):
        inside = samples[at : at + per_part]
        start = (first + at) * ticks
        parts.append(
            Part(
                rendition=rendition.id,
                init_id=1,
                epoch=1,
                msn=msn,
                index=index,
                start=start,
                duration=len(inside) * ticks,
                wall_us=WALL_US + start * 1_000_000 // rendition.timescale,
                independent=index == 0 or rendition.kind is RenditionKind.AUDIO,
                last=at + per_part >= len(samples),
                discontinuity=False,
                data=b"".join(inside),
            )
        )
    return parts


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    boxes, at = [], 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    return boxes
