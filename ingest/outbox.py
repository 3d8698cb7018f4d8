"""What waits to be sent to one subscriber of the origin, and what is left out when it cannot follow. Rules only.

Bounded in bytes and in age. When a part does not fit, its rendition is left out up to the next independent part that does,
and a GAP says so before it. A subscriber that falls behind again and again is told to come back later: its place may be
behind a line that is too thin. What is replayed to somebody who joins does not count: the ring holds those bytes anyway.
"""

from __future__ import annotations

from collections import deque

import msgspec

from ingest.ring import Held
from plenum.wire import Header, Kind, pack

MAX_BYTES = 4 * 1024 * 1024
MAX_AGE_S = 4.0
STALLED_S = 8.0
"""A subscriber that takes nothing for this long is given up."""
MAX_MESSAGES = 8192
"""A bound on the small messages, which no other bound meets."""
SKIPS_MAX = 3
SKIPS_WINDOW_S = 30.0


class _Waiting(msgspec.Struct, frozen=True):
    message: bytes
    at: float
    counts: bool


class Outbox:
    """The queue of one subscriber."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_age_s: float = MAX_AGE_S) -> None:
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._taken_at = 0.0
        self._init_of: dict[int, int] = {}
        self._skipping: set[int] = set()
        self._skips: deque[float] = deque(maxlen=SKIPS_MAX)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def size(self) -> int:
        """Bytes that wait here and nowhere else."""
        return self._bytes

    @property
    def skips(self) -> int:
        """How often lately parts had to be left out."""
        return len(self._skips)

    def tell(self, message: bytes, now: float) -> None:
        """Programme news: always taken."""
        self._push(message, now, counts=False)

    def replay(self, part: Held, init: bytes | None, now: float) -> None:
        """A part that the ring holds, for a subscriber that joins or comes back."""
        if init is not None:
            self._push_part(part, init, now, counts=False)

    def offer(self, part: Held, init: bytes | None, now: float) -> bool:
        """Queue a new part, with its init segment where the subscriber has not had it; False when it is left out."""
        rendition = part.header.rendition
        if init is None or (rendition in self._skipping and not part.is_independent):
            return False
        if not self._fits(part, now):
            self._skip(rendition, now)
            return False
        if rendition in self._skipping:
            self._skipping.discard(rendition)
            self.gap(part, now)
        self._push_part(part, init, now, counts=True)
        return True

    def gap(self, part: Held, now: float) -> None:
        """Say that what comes before this part is not sent."""
        header = part.header
        message = pack(
            Header(Kind.GAP, rendition=header.rendition, epoch=header.epoch, msn=header.msn, part=header.part)
        )
        self._push(message, now, counts=False)

    def take(self, now: float) -> bytes | None:
        """The next message to send."""
        if not self._queue:
            return None
        waiting = self._queue.popleft()
        self._taken_at = now
        self._bytes -= len(waiting.message) if waiting.counts else 0
        return waiting.message

    def clear(self) -> None:
        """Forget what has not been sent: only a `bye` follows."""
        self._queue.clear()
        self._bytes = 0

    def is_hopeless(self, now: float) -> bool:
        """True for a subscriber that has fallen behind too often, or takes nothing at all."""
        often = len(self._skips) == SKIPS_MAX and now - self._skips[0] <= SKIPS_WINDOW_S
        stalled = bool(self._queue) and now - max(self._queue[0].at, self._taken_at) > STALLED_S
        return often or stalled or len(self._queue) > MAX_MESSAGES

    def _fits(self, part: Held, now: float) -> bool:
        if not self._queue:
            return True
        head = self._queue[0]
        late = head.counts and now - head.at > self._max_age_s
        return not late and self._bytes + len(part.message) <= self._max_bytes

    def _skip(self, rendition: int, now: float) -> None:
        if not self._skipping:
            self._skips.append(now)
        self._skipping.add(rendition)

    def _push_part(self, part: Held, init: bytes, now: float, *, counts: bool) -> None:
        rendition = part.header.rendition
        if self._init_of.get(rendition) != part.header.init_id:
            self._init_of[rendition] = part.header.init_id
            self._push(init, now, counts=False)
        self._push(part.message, now, counts=counts)

    def _push(self, message: bytes, now: float, *, counts: bool) -> None:
        self._queue.append(_Waiting(message, now, counts))
        self._bytes += len(message) if counts else 0
