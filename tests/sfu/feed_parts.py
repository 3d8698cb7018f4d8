"""Frames without real media, for the rules: the shape of a programme of 2 s segments and 200 ms parts, and its faults."""

from __future__ import annotations

from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import pack_end, pack_init, pack_part, pack_programme
from sfu.frames import Frame, frame
from sfu.window import Window
from tests.sfu.feed_media import WALL_US

HIGH = Rendition(0, "720p", RenditionKind.VIDEO, 1_600_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
LOW = Rendition(1, "360p", RenditionKind.VIDEO, 400_000, "avc1.42c01e", 90_000, 640, 360, 30.0)
SOUND = Rendition(2, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
LADDER = (HIGH, LOW, SOUND)
PARTS = 10


def programme(
    state: ProgrammeState = ProgrammeState.LIVE, epoch: int = 1, ladder: tuple[Rendition, ...] = LADDER
) -> Frame:
    return frame(pack_programme(Programme(ladder, state, epoch)))


def init(rendition: Rendition = HIGH, init_id: int = 1, epoch: int = 1) -> Frame:
    return frame(pack_init(Init(rendition.id, init_id, epoch, f"init {rendition.name} {init_id}".encode())))


def part(
    msn: int,
    index: int,
    rendition: Rendition = HIGH,
    *,
    init_id: int = 1,
    epoch: int = 1,
    start: int | None = None,
    last: bool | None = None,
    discontinuity: bool = False,
    size: int = 20,
    duration: int | None = None,
) -> Frame:
    """A part where a programme without faults has it: segment `msn` starts at 2 s times `msn`."""
    length = rendition.timescale // 5 if duration is None else duration
    begin = (msn * PARTS + index) * (rendition.timescale // 5) if start is None else start
    body = f"{rendition.name} {msn}.{index}".encode().ljust(size, b".")
    return frame(
        pack_part(
            Part(
                rendition=rendition.id,
                init_id=init_id,
                epoch=epoch,
                msn=msn,
                index=index,
                start=begin,
                duration=length,
                wall_us=WALL_US + begin * 1_000_000 // rendition.timescale,
                independent=index == 0 or rendition.kind is RenditionKind.AUDIO,
                last=index == PARTS - 1 if last is None else last,
                discontinuity=discontinuity,
                data=body,
            )
        )
    )


def segment(msn: int, rendition: Rendition = HIGH, parts: int = PARTS, **kwargs: int) -> list[Frame]:
    return [part(msn, index, rendition, **kwargs) for index in range(parts)]


def end(epoch: int = 1) -> Frame:
    return frame(pack_end(epoch))


def window(*frames: Frame | list[Frame], ladder: tuple[Rendition, ...] = LADDER, **limits: float) -> Window:
    """A window that heard the programme, an init segment for every rendition, and these frames."""
    made = Window(**limits)  # type: ignore[arg-type]
    made.accept(programme(ladder=ladder))
    for rendition in ladder:
        made.accept(init(rendition))
    for one in frames:
        for each in one if isinstance(one, list) else [one]:
            made.accept(each)
    return made
