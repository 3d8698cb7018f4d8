"""Who is in a room, by what they watch: the renditions that somebody here needs, the people, and the gauges of both.

`on_demand` is called when the set of renditions changes: a relay further up then asks for those and no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from sfu import measures
from sfu.client import Client

NOTHING: frozenset[str] = frozenset()
NO_PICTURE = "none"


class Census:
    """Counts of one event, kept as clients come, change their mind and go."""

    def __init__(self, event: str) -> None:
        self.people = 0
        """Not edges, and nobody twice."""
        self.on_demand: list[Callable[[], None]] = []
        self._event = event
        self._needed: Counter[str] = Counter()
        self._known: dict[Client, tuple[frozenset[str], str]] = {}
        self._shown: Counter[str] = Counter()

    def demand(self) -> set[str]:
        """Names of the programme's renditions that are needed here: never a name that somebody made up."""
        return set(self._needed)

    def note(self, client: Client) -> None:
        """The client is here; what it needs may have changed."""
        before = self._known.get(client)
        if before is None:
            self._count(client, 1)
        needed, shown = client.viewer.demand, client.viewer.shown
        if before is not None and before[0] is needed and before[1] == shown:
            return
        self._known[client] = needed, shown
        old_needed, old_shown = before if before is not None else (NOTHING, None)
        if client.is_person:
            self._show(shown, old_shown)
        self._need(needed, old_needed)

    def forget(self, client: Client) -> None:
        needed, shown = self._known.pop(client)
        self._count(client, -1)
        if client.is_person:
            self._show(None, shown)
        self._need(NOTHING, needed)

    def _count(self, client: Client, change: int) -> None:
        if client.is_person:
            self.people += change
            measures.viewers.labels(event=self._event).set(self.people)

    def _show(self, now: str | None, before: str | None) -> None:
        for name, change in ((now, 1), (before, -1)):
            if name is not None:
                self._shown[name] += change
                measures.renditions.labels(event=self._event, rendition=name or NO_PICTURE).set(self._shown[name])

    def _need(self, now: frozenset[str], before: frozenset[str]) -> None:
        known = len(self._needed)
        self._needed.update(now)
        is_new = len(self._needed) > known
        self._needed.subtract(before)
        gone = [name for name in before if self._needed[name] <= 0]
        for name in gone:
            del self._needed[name]
        if gone or is_new:
            for tell in self.on_demand:
                tell()
