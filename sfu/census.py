"""Who is in a room, by what they watch: the takers of each rendition, the people, and the gauges of both.

`on_demand` is called when the set of renditions changes: a relay further up then asks for those and no others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

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
        self._takers: dict[str, dict[Client, None]] = {}
        self._known: dict[Client, tuple[frozenset[str], str | None]] = {}
        self._shown: Counter[str] = Counter()

    def demand(self) -> set[str]:
        """Names of the programme's renditions that are needed here: never a name that somebody made up."""
        return set(self._takers)

    def takers(self, name: str) -> Collection[Client]:
        """Who is sent this rendition or waits for it, first come first."""
        return self._takers.get(name, {})

    def enter(self, client: Client) -> None:
        """The client is here from now on, until `forget`."""
        if client not in self._known:
            self._known[client] = NOTHING, None
            self._count(client, 1)
        self.note(client)

    def note(self, client: Client) -> None:
        """What the client needs may have changed. Of one that is not here (any more) nothing is noted."""
        before = self._known.get(client)
        if before is None:
            return
        old_needed, old_shown = before
        needed, shown = client.viewer.demand, client.viewer.shown
        if old_needed is needed and old_shown == shown:
            return
        self._known[client] = needed, shown
        if client.is_person:
            self._show(shown, old_shown)
        self._need(client, needed, old_needed)

    def forget(self, client: Client) -> None:
        known = self._known.pop(client, None)
        if known is None:
            return
        needed, shown = known
        self._count(client, -1)
        if client.is_person:
            self._show(None, shown)
        self._need(client, NOTHING, needed)

    def _count(self, client: Client, change: int) -> None:
        if client.is_person:
            self.people += change
            measures.viewers.labels(event=self._event).set(measures.people(self.people))

    def _show(self, now: str | None, before: str | None) -> None:
        for name, change in ((now, 1), (before, -1)):
            if name is not None:
                self._shown[name] += change
                gauge = measures.renditions.labels(event=self._event, rendition=name or NO_PICTURE)
                gauge.set(measures.people(self._shown[name]))

    def _need(self, client: Client, now: frozenset[str], before: frozenset[str]) -> None:
        known = self._takers.keys()
        is_new = not now <= known
        for name in now - before:
            self._takers.setdefault(name, {})[client] = None
        for name in before - now:
            del self._takers[name][client]
        gone = [name for name in before if not self._takers[name]]
        for name in gone:
            del self._takers[name]
        if gone or is_new:
            for tell in self.on_demand:
                tell()
