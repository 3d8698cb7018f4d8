"""What an edge hears from upstream: messages, the window that they make, and the playlists that players get of it."""

from __future__ import annotations

from collections.abc import Iterable

from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import (
    HEADER_SIZE,
    Bye,
    Kind,
    as_bye,
    as_init,
    as_part,
    as_programme,
    pack,
    pack_bye,
    pack_end,
    pack_init,
    pack_part,
    pack_programme,
    unpack,
)
from sfu import playlist
from sfu.frames import frame
from sfu.window import Window
from tests.fuzz.allowance import only
from tests.fuzz.pieces import PIECES_MAX, join, split

_SKIPPED_MAX = 56
"""Segments that a window may fill with gaps at a time: what a playlist lists, of the shortest length there is."""


def target(data: bytes) -> None:
    """Each piece is a message."""
    window = Window(limit_bytes=2048)
    for message in split(data):
        with only("bad_frame"):
            _read(message)
            window.accept(frame(message))
        check_window(window)


def _read(message: bytes) -> None:
    header, payload = unpack(message)
    again, rest = unpack(pack(header, payload))
    assert (again, rest) == (header, payload)
    assert len(payload) == len(message) - HEADER_SIZE
    match header.kind:
        case Kind.PART:
            part = as_part(header, payload)
            assert as_part(*unpack(pack_part(part))) == part
        case Kind.INIT:
            init = as_init(header, payload)
            assert as_init(*unpack(pack_init(init))) == init
        case Kind.RENDITIONS:
            programme = as_programme(payload)
            assert as_programme(unpack(pack_programme(programme))[1]) == programme
        case Kind.BYE:
            bye = as_bye(payload)
            assert as_bye(unpack(pack_bye(bye))[1]) == bye


def check_window(window: Window) -> None:
    """Numbers without holes, playlists without errors, bounded sizes."""
    tracks = list(window.tracks.values())
    for track in tracks:
        numbers = [segment.msn for segment in track.segments]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
        assert len(numbers) <= PIECES_MAX * (_SKIPPED_MAX + 1)
        assert len(track.inits) <= PIECES_MAX
        reports = [(other.rendition.name, other.position) for other in tracks if other.position]
        part_s = window.programme.part_s if window.programme else 0.2
        for skip in (False, True):
            _check_text(playlist.media(track, reports, part_s, skip=skip, ended=window.ended))
        if numbers:
            track.after((numbers[0], 0))
            track.since(numbers[-1])
    if tracks:
        _check_text(
            playlist.multivariant([track.rendition for track in tracks], {t.rendition.id: t.peak_bps for t in tracks})
        )
    window.resume_point()
    window.start_msn(window.tracks)


def _check_text(text: str) -> None:
    lines = text.split("\n")
    assert lines[0] == "#EXTM3U"
    assert text.splitlines() == lines[:-1], "something from upstream breaks a playlist's lines"


HIGH = Rendition(0, "720p", RenditionKind.VIDEO, 1_600_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
SOUND = Rendition(2, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
WALL_US = 1_800_000_000_000_000


def message(msn: int, index: int, rendition: Rendition = HIGH, last: bool = False, epoch: int = 1) -> bytes:
    length = rendition.timescale // 5
    start = (msn * 10 + index) * length
    wall_us = WALL_US + start * 1_000_000 // rendition.timescale
    made = Part(rendition.id, 1, epoch, msn, index, start, length, wall_us, not index, last, False, b"part")
    return pack_part(made)


def opening(epoch: int = 1) -> list[bytes]:
    programme = Programme((HIGH, SOUND), ProgrammeState.LIVE, epoch, on_air="Zoë", started_at_ms=WALL_US // 1000)
    return [pack_programme(programme), *(pack_init(Init(one.id, 1, epoch, b"init")) for one in (HIGH, SOUND))]


def _segment(msn: int, renditions: Iterable[Rendition] = (HIGH, SOUND)) -> list[bytes]:
    return [message(msn, index, one, last=index == 1) for index in range(2) for one in renditions]


SEEDS = [
    join([*opening(), *_segment(1), *_segment(2), pack_end(1), pack_bye(Bye("ended", -1))]),
    join([*opening(), *_segment(5), *_segment(8), *_segment(9, [HIGH]), message(90, 0)]),
    join([*opening(), *_segment(5), *opening(2)[1:], message(6, 0, epoch=2), message(7, 0, epoch=2)]),
    join([*opening(), message(3, 0), message(3, 0, SOUND), message(0xFFFF_FFFF, 0), message(4, 0, SOUND)]),
]
TOKENS = [
    b"\1\2\0\0",
    b"\1\1\0\0",
    b"\1\5",
    b"\1\7",
    b'"timescale":0',
    b'"segment_s":0.0',
    b'"name":"',
    b"\xff" * 4,
    b"\\n",
    b"e308",
]
