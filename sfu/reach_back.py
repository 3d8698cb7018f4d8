"""From where an edge asks its upstream for what it begins with, so that who comes from another edge misses nothing. Rules only.

Everybody who comes back says where it was. What surprises: not the least of all claims is asked for. One who was away for an
hour, or who lies, would have upstream begin with the current segment, and all others would miss what they came for. So of
the spans that an upstream can hold at all, the one that most claims lie in counts.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from plenum.media import SEGMENT_S
from plenum.wire import Resume
from sfu.window import HELD_S

CLAIM_S = 5.0
"""A claim counts for so long."""
CLAIMS_MAX = 512
"""The newest; who comes and goes on flows by then."""
SPAN = ceil(HELD_S / SEGMENT_S)
"""Segments that an upstream holds."""


class ReachBack:
    """The places that people came with lately. Time is an argument (monotonic seconds)."""

    def __init__(self) -> None:
        self._claims: deque[tuple[float, int, int]] = deque(maxlen=CLAIMS_MAX)

    def claim(self, place: Resume, now: float) -> None:
        """Somebody needs what follows this part."""
        self._claims.append((now + CLAIM_S, place.epoch, place.msn))

    def place(self, epoch: int | None, now: float) -> tuple[int, int] | None:
        """Epoch and media sequence number to begin with; where the epoch is not known, that of most claims."""
        claims = [(named, msn) for until, named, msn in self._claims if until > now and epoch in (None, named)]
        if not claims:
            return None
        epochs = [named for named, _ in claims]
        chosen = max(set(epochs), key=lambda one: (epochs.count(one), one))
        return chosen, _least_of_most(sorted(msn for named, msn in claims if named == chosen))

    def clear(self) -> None:
        """It has been asked for."""
        self._claims.clear()


def _least_of_most(numbers: list[int]) -> int:
    """Where the span begins that most of these numbers lie in; of several the newest."""
    best, most, first = numbers[0], 0, 0
    for at, number in enumerate(numbers):
        while numbers[first] < number - SPAN:
            first += 1
        if at - first + 1 >= most:
            best, most = numbers[first], at - first + 1
    return best
