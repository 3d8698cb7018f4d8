"""What all kinds of viewers of one process have in common: they come one after the other, are counted by phase, and go.

`push.py` and `pull.py` say what a viewer is and what a turn of the loop does.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Generic, TypeVar

from loadtests.swarm.checks import Address, Reference
from loadtests.swarm.connection import Links
from loadtests.swarm.group import Status
from loadtests.swarm.phases import Phases, Watching
from loadtests.swarm.tally import Tally

Comer = TypeVar("Comer")
Owner = TypeVar("Owner")
Person = TypeVar("Person", bound=Watching)

EVENTS_MAX = 512
"""Sockets looked at between two looks at the clock."""


class Entrance(Generic[Comer]):
    """Who connects when."""

    def __init__(self) -> None:
        self._queue: deque[tuple[float, Comer]] = deque()

    def add(self, comers: Iterable[tuple[float, Comer]]) -> None:
        self._queue = deque(sorted([*self._queue, *comers], key=itemgetter(0)))

    def due(self, now: float) -> Iterator[Comer]:
        while self._queue and self._queue[0][0] <= now:
            yield self._queue.popleft()[1]


class Worker(ABC, Generic[Person, Owner]):
    """One kind of viewers in one process. `step` is called again and again."""

    def __init__(self, name: str) -> None:
        self._links: Links[Owner] = Links()
        self._phases = Phases(name)
        self._viewers: list[Person] = []
        self.reference = Reference()

    @abstractmethod
    def step(self) -> None:
        """Wait for at most a turn's time and do what there is to do."""

    @abstractmethod
    def status(self) -> Status: ...

    @abstractmethod
    def payloads(self) -> dict[Address, bytes]:
        """Digests of what the first viewers got, to be compared with the source."""

    @abstractmethod
    def _part_with(self, viewer: Person) -> None:
        """This one is gone."""

    @abstractmethod
    def _drop(self, owner: Owner) -> None:
        """Close the connection."""

    def leave(self, count: int) -> None:
        """So many go, without a word, those first who came first."""
        self._settle(time.time())
        gone, self._viewers = self._viewers[:count], self._viewers[count:]
        for viewer in gone:
            self._part_with(viewer)

    def phase(self, name: str) -> None:
        """What is counted from now on is counted as this."""
        self._close_phase()
        self._phases.begin(name)

    def finish(self) -> list[Tally]:
        """The last phase ends, all connections too."""
        self._close_phase()
        for owner in list(self._links.by_fd.values()):
            self._drop(owner)
        self._links.close()
        return self._phases.over

    def _settle(self, now: float) -> None:
        """What the viewers counted themselves goes into the phase."""
        self._phases.settle(self._viewers, now)

    def _close_phase(self) -> None:
        now = time.time()
        self._settle(now)
        self._phases.close(now)

    def _playing(self) -> int:
        return sum(viewer.playout.lag is not None for viewer in self._viewers)

    def _untold_stalls(self) -> int:
        return sum(viewer.playout.stalls - viewer.told.stalls for viewer in self._viewers)
