"""What a publisher shows: pictures and sound on one timeline that starts at 0. `film.py` and `testsrc.py` make them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Protocol

import msgspec
from av import AudioFrame, VideoFrame

WallOf = Callable[[Fraction], float]
"""The wall clock (Unix seconds) at a media time: a source may draw it into its picture."""


class Timed(msgspec.Struct, frozen=True):
    """A picture or a piece of sound and its media time in seconds, exactly as the source has it."""

    time: Fraction
    frame: VideoFrame | AudioFrame


class MediaSource(Protocol):
    """Opened already; `frames` is run in the publisher's own thread and may take its time to decode."""

    width: int
    height: int
    fps: Fraction
    has_audio: bool

    def frames(self, wall_of: WallOf) -> Iterator[Timed]:
        """Pictures and sound in order of time."""
        ...

    def close(self) -> None: ...
