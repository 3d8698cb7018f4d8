"""How many sockets one process holds, of all kinds together: file descriptors and memory are the process's, not a tier's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Places:
    """One count for every tier that opens sockets to people. Each asks `are_full` first and refuses in its own words."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.taken = 0

    @property
    def are_full(self) -> bool:
        return self.taken >= self._limit

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place, for as long as the socket is open."""
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1
