"""The rungs a programme may be encoded in, and what each is asked for. Rules only.

The ladder comes from the setting, never from the first picture that arrives: WebRTC starts small and grows. All rungs
are 16:9, other shapes are letterboxed into them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from plenum.errors import BadInput


class Rung(msgspec.Struct, frozen=True):
    """One video rendition to be. `bitrate_bps` is the average x264 is asked for."""

    name: str
    width: int
    height: int
    bitrate_bps: int

    @property
    def vbv_max_bps(self) -> int:
        """No second takes more than this on a viewer's line."""
        return self.bitrate_bps * 5 // 4


RUNGS = (
    Rung("1080p", 1920, 1080, 5_000_000),
    Rung("720p", 1280, 720, 2_800_000),
    Rung("480p", 854, 480, 1_200_000),
    Rung("360p", 640, 360, 700_000),
    Rung("240p", 426, 240, 350_000),
)
AUDIO_NAME = "audio"
AUDIO_BITRATE_BPS = 128_000


def climb(names: Sequence[str]) -> tuple[Rung, ...]:
    """The rungs of these names, largest first. Raises BadInput `bad_ladder`."""
    known = {rung.name: rung for rung in RUNGS}
    unknown = [name for name in names if name not in known]
    if unknown or not names or len(set(names)) != len(names):
        raise BadInput(
            f"A ladder has one or more of {', '.join(known)}, each once.", code="bad_ladder", unknown=unknown
        )
    return tuple(rung for rung in RUNGS if rung.name in names)
