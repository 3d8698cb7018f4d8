"""The media vocabulary all tiers share, in the words of RFC 8216bis and ISO 14496-12.

A *rendition* is one encoding of the programme (a video size, or the audio). Its bytes come as an *init segment* followed
by *parts* (CMAF chunks); consecutive parts make a *segment*, numbered by the media sequence number (`msn`), the same
number for the same instant in every rendition. Rules only: nothing here reads a clock or a socket.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

VIDEO_TIMESCALE = 90_000
"""Ticks a second of every video track."""

SEGMENT_S = 2.0
"""Target duration of a segment; each starts with an IDR in every video rendition at the same instant."""

PART_S = 0.2
"""PART-TARGET: no part is longer; only the last one of a segment is shorter than 85 % of it."""

DEFAULT_PART_COUNT_LIMIT = 64
"""More parts than this in one segment is a defect of the sender, not a long segment."""


RENDITIONS_MAX = 32
_U16 = Annotated[int, Meta(ge=0, lt=1 << 16)]
_U32 = Annotated[int, Meta(ge=0, lt=1 << 32)]


class RenditionKind(StrEnum):
    VIDEO = "video"
    AUDIO = "audio"


class ProgrammeState(StrEnum):
    """What the programme shows right now. `waiting`: nobody has been on air yet; `ended`: the producer ended it."""

    WAITING = "waiting"
    LIVE = "live"
    SLATE = "slate"
    ENDED = "ended"


class Rendition(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """One rung of the ladder, or the audio. `id` is the number used in the feed header (0 to 254).

    What is read from JSON comes from a process that decoded what a stranger sent, and goes into playlists and divisions:
    the ranges hold there.
    """

    id: Annotated[int, Meta(ge=0, le=254)]
    name: Annotated[str, Meta(pattern=r"\A[a-z0-9]{1,16}\Z")]
    """Stable name used in URLs and subscriptions: `720p`, `480p`, `audio`."""
    kind: RenditionKind
    bitrate_bps: _U32
    """Average bitrate the encoder is asked for."""
    codec: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9.]{1,32}\Z")]
    """RFC 6381 codec string: `avc1.42c01f`, `mp4a.40.2`."""
    timescale: Annotated[int, Meta(ge=1, lt=1 << 32)]
    """Ticks a second of `start` and `duration` in this rendition's parts."""
    width: _U16 = 0
    height: _U16 = 0
    fps: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    sample_rate: _U32 = 0
    channels: _U16 = 0


class Programme(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """What the `renditions` message of the feed carries (as JSON): the ladder and the state of the programme."""

    renditions: Annotated[tuple[Rendition, ...], Meta(max_length=RENDITIONS_MAX)]
    state: ProgrammeState
    epoch: _U32
    """Timeline epoch: it changes when `start` no longer counts from the same zero. Parts of different epochs never mix."""
    part_s: Annotated[float, Meta(ge=0.01, le=10)] = PART_S
    segment_s: Annotated[float, Meta(ge=0.5, le=60)] = SEGMENT_S
    on_air: str = ""
    """Name of who is on air, empty with the slate."""
    started_at_ms: int = 0
    """Wall clock (Unix ms) of the programme's first sample."""
    degraded: bool = False
    """The transcoder is in a crash loop: operators are told, viewers see the slate."""

    def find(self, name: str) -> Rendition | None:
        return next((r for r in self.renditions if r.name == name), None)


class Init(msgspec.Struct, frozen=True):
    """An init segment. `init_id` grows by one whenever its bytes change; parts name the one they need."""

    rendition: int
    init_id: int
    epoch: int
    data: bytes


class Part(msgspec.Struct, frozen=True):
    """One CMAF chunk (moof + mdat) of a rendition."""

    rendition: int
    init_id: int
    epoch: int
    msn: int
    index: int
    """Part number inside its segment, from 0."""
    start: int
    """Decode time of the first sample (tfdt), in the rendition's timescale."""
    duration: int
    """In the rendition's timescale."""
    wall_us: int
    """Capture wall clock of the first sample, Unix microseconds: PROGRAM-DATE-TIME."""
    independent: bool
    last: bool
    """Last part of its segment."""
    discontinuity: bool
    """The segment that this part opens does not follow from the one before (new encoder, hole in time)."""
    data: bytes
