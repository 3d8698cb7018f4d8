"""Which renditions of one event somebody here needs, and how long each is kept when nobody does any more. Rules only.

    watched by push ──last viewer leaves──► lingers PUSH_LINGER_S ──► not wanted
    asked for by LL-HLS ──no request for PULL_LINGER_S──────────────► not wanted

The relay subscribes upstream to what is wanted, so that one copy of each rendition that is watched here crosses the line, and
nothing where nobody watches. Names come from viewers and may be anything: the relay asks only for those of the programme.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from plenum.media import RENDITIONS_MAX
from plenum.wire import EVERYTHING

PUSH_LINGER_S = 10.0
"""Viewers go to and fro between two rungs; each new start costs a segment's wait."""
PULL_LINGER_S = 20.0
"""Longer than a request is held, and than a player pauses between two."""
_NAME = re.compile(r"[a-z0-9]{1,16}")


class Demand:
    """What push viewers watch now, and what was asked for lately. Time is an argument (monotonic seconds)."""

    def __init__(self) -> None:
        self._pushed: frozenset[str] = frozenset()
        self._until: dict[str, float] = {}

    def push(self, names: Iterable[str], now: float) -> None:
        """All that push viewers and edges further down take from now on."""
        pushed = frozenset(name for name in names if name == EVERYTHING or _NAME.fullmatch(name))
        for name in self._pushed - pushed:
            self._keep(name, now + PUSH_LINGER_S)
        self._pushed = pushed

    def pull(self, name: str, now: float) -> None:
        """A player asked for something of this rendition, which there is."""
        self._keep(name, now + PULL_LINGER_S)

    def wanted(self, known: Iterable[str], now: float) -> tuple[str, ...]:
        """The names to ask upstream for; `known` are those of the programme, none while it has not been heard of."""
        self._until = {name: until for name, until in self._until.items() if until > now}
        names = self._pushed | self._until.keys()
        if EVERYTHING in names:
            return (EVERYTHING,)
        there = frozenset(known)
        return tuple(sorted(names & there if there else names)[:RENDITIONS_MAX])

    def due_s(self, now: float) -> float | None:
        """When to look again because something has lingered long enough."""
        ends = [until for name, until in self._until.items() if name not in self._pushed]
        return max(0.0, min(ends) - now) if ends else None

    def _keep(self, name: str, until: float) -> None:
        self._until[name] = max(until, self._until.get(name, 0.0))
