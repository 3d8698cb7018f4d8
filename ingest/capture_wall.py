"""PROGRAM-DATE-TIME: the wall clock at which what a part shows was captured. Rules only.

The programme's own line is anchored once (`zero_wall_us`). What is on air was captured *lead* earlier: the playout
delay, and the network's delay where sender reports tell it. The lead may change with the source, players however line
up renditions by these times: so it is fixed for each segment and moves by 50 ms a second at most.
"""

from __future__ import annotations

LEAD_MAX_US = 1_500_000
"""A larger one, or a negative one, says that the presenter's clock is wrong, and is not used."""
SLEW_US = 100_000
"""For each segment of two seconds."""
_SEGMENTS_KEPT = 4


class CaptureWall:
    """Says the wall clock of a programme time; the same for the same segment in every rendition."""

    def __init__(self, zero_wall_us: int) -> None:
        self._zero_wall_us = zero_wall_us
        self._leads: dict[int, int] = {}
        self._wanted = 0

    def want(self, lead_us: int) -> None:
        """The lead of what is on air now."""
        if 0 <= lead_us <= LEAD_MAX_US:
            self._wanted = lead_us

    def wall_us(self, msn: int, media_us: int) -> int:
        """Unix time in µs. Segments come in order; each rendition may lag behind by one."""
        if msn not in self._leads:
            self._leads[msn] = self._next_lead()
            for old in [held for held in self._leads if held <= msn - _SEGMENTS_KEPT]:
                del self._leads[old]
        return self._zero_wall_us + media_us - self._leads[msn]

    def _next_lead(self) -> int:
        if not self._leads:
            return self._wanted
        last = self._leads[max(self._leads)]
        return last + max(-SLEW_US, min(SLEW_US, self._wanted - last))
