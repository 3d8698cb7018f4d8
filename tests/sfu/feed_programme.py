"""A film made by the product's own encoders, packager and CMAF writer, as feed messages for the tests of conformance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingest.capture_wall import CaptureWall
from ingest.encode import AudioEncoder, Ladder
from ingest.ladder import AUDIO_BITRATE_BPS, climb
from ingest.pace import Tick
from ingest.packager import AAC_FRAME, AUDIO_RATE, Timeline
from ingest.renditions import Renditions
from loadtests.films import Film as Pictures
from loadtests.films import Painter, sound_track
from plenum.media import Part, Programme, ProgrammeState
from tests.sfu.feed_media import WALL_US, Film, Media

FPS = 30
FIRST_TICK = 12_345
RUNGS = ("360p", "240p")
SEGMENTS = 10
HOLE_AT = 6 * 2 * FPS
"""At this picture the clock jumps: segment 6 starts a new timeline."""
HOLE_TICKS = 50


def make_programme() -> tuple[Programme, Film]:
    """Two rungs and their sound: ten whole segments, a hole in time before segment 6."""
    made = Renditions(
        Ladder(climb(RUNGS), FPS, "ultrafast"),
        AudioEncoder(AUDIO_BITRATE_BPS),
        Timeline(FPS, FIRST_TICK, 0, discontinuity=False),
        CaptureWall(WALL_US),
        init_id=1,
        epoch=1,
    )
    parts = [part for part in _parts(made) if part.msn < SEGMENTS]
    renditions = made.announced()
    media = tuple(
        Media(rendition, made.inits()[rendition.id].data, _by_segment(parts, rendition.id)) for rendition in renditions
    )
    return Programme(renditions, ProgrammeState.LIVE, 1), Film(media)


def _parts(made: Renditions) -> Iterator[Part]:
    seconds = SEGMENTS * 2.0 + 0.2
    painter, track = Painter(Pictures(640, 360, FPS, seconds)), sound_track(seconds)
    sound, heard = np.stack([track, track]), 0
    for number in range(round(seconds * FPS)):
        hole = HOLE_TICKS if number >= HOLE_AT else 0
        yield from made.add_picture(painter.frame(number), Tick(FIRST_TICK + number + hole, 1, number == HOLE_AT))
        while heard + AAC_FRAME <= (number + 1) * AUDIO_RATE // FPS:
            yield from made.add_sound(np.ascontiguousarray(sound[:, heard : heard + AAC_FRAME]))
            heard += AAC_FRAME


def _by_segment(parts: list[Part], rendition: int) -> tuple[tuple[Part, ...], ...]:
    mine = [part for part in parts if part.rendition == rendition]
    return tuple(tuple(part for part in mine if part.msn == msn) for msn in range(SEGMENTS))
