"""An event's log up to now as this process holds it: the board it makes, and its last entries. Rules only.

When the store's history is another one than ours, a new `History` begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from qna.board import START, Board, Entry, sequence
from qna.hub import Snapshots

RING = 2000
"""Entries kept for pages that come back; older ones are read from the stream."""


class History:
    """One epoch of an event's log."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.snapshots = Snapshots(board)
        self._ring: deque[Entry] = deque(maxlen=RING)

    def take(self, entry: Entry) -> None:
        """The entry that follows the board's last one."""
        self.board.apply(entry)
        self._ring.append(entry)

    def since(self, last_id: str, older: Sequence[Entry] = ()) -> list[Entry] | None:
        """All entries after `last_id` up to the board's position, `older` ones from the stream before the ring's.

        None when they do not make one unbroken line.
        """
        first_held = self._ring[0].seq if self._ring else self.board.last_seq + 1
        line = [entry for entry in older if entry.seq < first_held]
        line += [entry for entry in self._ring if entry.seq > sequence(last_id)]
        expected = sequence(last_id) + 1
        is_whole = all(entry.seq == expected + place for place, entry in enumerate(line))
        if not is_whole or expected + len(line) != self.board.last_seq + 1:
            return None
        return line if older or self._is_ours(last_id) else None

    def _is_ours(self, entry_id: str) -> bool:
        """Whether we know this position to be part of our history without asking the store."""
        return entry_id in (START, self.board.last_id) or any(entry.id == entry_id for entry in self._ring)
