"""One rendition as one viewer gets it: whether it flows, and up to where. Rules only."""

from __future__ import annotations

import msgspec

from plenum.media import Rendition, RenditionKind
from plenum.wire import Header, Kind, pack
from sfu.frames import Frame, Position, websocket_prefix
from sfu.window import Window


class Passing(msgspec.Struct, frozen=True):
    """A part that follows another one directly, needs the same init segment, and goes to everybody who was sent that."""

    part: Frame
    before: Frame
    number: int
    """Of the rendition."""
    position: Position
    size: int
    picture_s: float


def passing(part: Frame, window: Window) -> Passing | None:
    """None where the part begins something new, for which each viewer's rules are asked."""
    track = window.tracks.get(part.header.rendition)
    before = track.before(part.position) if track is not None else None
    if track is None or before is None or before.header.init_id != part.header.init_id:
        return None
    is_video = track.rendition.kind is RenditionKind.VIDEO
    picture_s = part.header.duration / track.rendition.timescale if is_video else 0.0
    return Passing(part, before, track.rendition.id, part.position, len(part.wire), picture_s)


class Stream:
    """One rendition as one viewer gets it."""

    __slots__ = ("flowing", "init_id", "is_video", "leaving", "passed", "position", "rendition")

    def __init__(self, rendition: Rendition) -> None:
        self.rendition = rendition
        self.is_video = rendition.kind is RenditionKind.VIDEO
        self.flowing = False
        self.leaving = False
        """Another of its kind was chosen; this one goes on until that one flows."""
        self.position: Position | None = None
        """The last part sent."""
        self.init_id: int | None = None
        """The init segment that was sent last."""
        self.passed: Frame | None = None
        """The last part sent, as long as the one that follows it may be sent without asking the rules."""

    def seconds_of(self, part: Frame) -> float:
        return part.header.duration / self.rendition.timescale

    def follows(self, position: Position, window: Window) -> bool:
        """Whether the part is the very next one of those that came."""
        if self.position is None:
            return False
        msn, index = self.position
        if position == (msn, index + 1):
            return True
        track = window.tracks.get(self.rendition.id)
        before = track.find(msn) if track else None
        return position == (msn + 1, 0) and (before is None or index + 1 >= len(before.parts))

    def enter(self, part: Frame, init: Frame, window: Window) -> list[bytes]:
        """Flow from this part on: a gap where something was not sent, the init segment where it is another one, the part."""
        out: list[bytes] = []
        if not self.flowing and self.position is not None and not self.follows(part.position, window):
            out.append(gap(part.header))
        if self.init_id != part.header.init_id:
            out.append(init.wire)
        self.flowing, self.init_id, self.position = True, part.header.init_id, part.position
        return [*out, part.wire]


def gap(resumed_at: Header) -> bytes:
    """GAP: this rendition goes on with the part of this header; what lies before it was not sent."""
    message = pack(
        Header(
            Kind.GAP,
            rendition=resumed_at.rendition,
            init_id=resumed_at.init_id,
            epoch=resumed_at.epoch,
            msn=resumed_at.msn,
            part=resumed_at.part,
            start=resumed_at.start,
            wall_us=resumed_at.wall_us,
        )
    )
    return websocket_prefix(len(message)) + message
