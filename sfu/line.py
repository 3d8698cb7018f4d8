"""What one viewer's connection takes, seen from both its ends. Rules only.

From here: bytes written that the network has not taken. From there: the newest part received, by the viewer's reports;
behind a proxy, whose buffers swallow megabytes, that is the only truth. The viewer tells what it writes, `Line` says how
much is on its way, how late that is, and what the line carries.
"""

from __future__ import annotations

from collections import deque

from sfu.frames import Position

LOG_PARTS = 128
"""Parts whose arrival was not reported yet. A page in the background reports once a minute and loses count, no more."""
RATE_OVER_S = 1.0
"""What a line carries is measured over so long, while it was busy all the time …"""
RATE_LEAST_S = 0.4
"""… and not over less …"""
RATE_LONG_S = 6.0
"""… and over so long where a hasty answer would cost the picture."""
SAMPLE_S = 0.1
TRAIN_BYTES = 20 * 1024
"""So much given to an idle line at once, and timed until it has arrived, tells what the line could carry."""
HEAD_S = 0.05
"""What has left after so long does not count, where there is more: it may only have filled a bucket on the way."""
TRAINS = 3
REPORT_VALID_S = 3.0
"""An older report says nothing: a page in the background reports rarely."""
USUAL_MOST_S = 1.0
LATE_WINDOW_S = 0.4
"""Of a picture that comes late by report no more than this, beyond what is usual on this line, is given away unreceived."""
LATE_S = 0.4
BUSY_BYTES = 2_048
"""Less than this waiting is a line that takes all."""


class Line:
    """Bytes and media of one connection, on their way."""

    def __init__(self) -> None:
        self.unsent = 0
        """Bytes that the network has not taken, at the last look."""
        self.behind_s: float | None = None
        """Seconds of picture sent and not received, when the viewer reported last."""
        self.reported_at: float | None = None
        self._written = 0
        self._picture_s = 0.0
        self._sent: deque[tuple[Position, int, float]] = deque(maxlen=LOG_PARTS)
        self._got = 0
        self._got_s = 0.0
        self._busy: deque[tuple[float, int]] = deque()
        self._reports: deque[tuple[float, int]] = deque(maxlen=20)
        self._is_late = False
        self._usual_s = 0.0
        self._idle: tuple[float, int] | None = None
        self._train: tuple[float, int] | None = None
        self._head_until = float("-inf")
        self._trains: deque[float] = deque(maxlen=TRAINS)
        self._timed: deque[float] = deque(maxlen=TRAINS)
        self._moved_at: float | None = None
        self._received_at: float | None = None
        self._outstanding = 0

    def wrote(self, size: int, position: Position | None = None, picture_s: float = 0.0) -> None:
        """So many bytes were given to the transport: a part, with what it carries of the picture, or something else."""
        self._written += size
        self._picture_s += picture_s
        if position is not None:
            self._sent.append((position, self._written, self._picture_s))

    def look(self, unsent: int, now: float) -> None:
        """So much of what was written waits for the network."""
        taken = self._written - unsent
        if self._train is not None and unsent >= BUSY_BYTES and now <= self._head_until:
            self._train = now, taken
        if unsent < BUSY_BYTES:
            self._busy.clear()
            self._moved_at = now
            self._arrived(now)
            self._idle = now, self._written
        elif not self._busy or taken > self._busy[-1][1]:
            self._moved_at = now
        self.unsent = unsent
        if len(self._busy) > 1 and now - self._busy[-2][0] < SAMPLE_S:
            self._busy.pop()
        self._busy.append((now, taken))
        while len(self._busy) > 2 and self._busy[1][0] <= now - RATE_LONG_S:
            self._busy.popleft()

    def was_idle(self, at: float, size: int) -> None:
        """At this moment the network had taken everything but the newest bytes, so many, which were written then or later."""
        written, self._written = self._written, self._written - size
        self.look(0, at)
        self._written = written

    def time(self) -> bool:
        """Time what was just given to the line, where it was idle at the last look: whether that makes sense."""
        if self._idle is not None and self._train is None and self._written - self._idle[1] >= TRAIN_BYTES:
            self._train, self._head_until = self._idle, self._idle[0] + HEAD_S
        return self._train is not None

    @property
    def is_timing(self) -> bool:
        return self._train is not None

    def _arrived(self, now: float) -> None:
        if self._train is not None and now > self._train[0]:
            began, written = self._train
            self._trains.append((self._written - written) * 8 / (now - began))
            self._train = None

    def report(self, got: Position, now: float, late_s: float = 0.0) -> None:
        """The viewer has received all up to this part; `late_s`: it comes so much later there than is usual."""
        before = self._got_s
        while self._sent and self._sent[0][0] <= got:
            _, self._got, self._got_s = self._sent.popleft()
        self.behind_s = self._picture_s - self._got_s
        self._outstanding = self._written - self._got
        self.reported_at = now
        if self._got_s > before or not self._sent or self._received_at is None:
            self._received_at = now
        if late_s > 0 and not self._is_late:
            self._reports.clear()  # what came in better times says nothing of now
        elif late_s <= 0:
            self._usual_s = min(self.behind_s, USUAL_MOST_S)
        self._is_late = late_s > 0
        self._reports.append((now, self._got))

    def timed(self, bps: float) -> None:
        """What the viewer saw to arrive at, of what was given at once."""
        self._timed.append(bps)

    def is_late(self, now: float) -> bool:
        """What was sent comes later than usual, by a report that is not too old."""
        return self._is_late and self.is_fresh(now)

    def is_full(self, now: float) -> bool:
        """What was given away comes late already: whatever follows waits here, where it can be thrown away."""
        return self.is_late(now) and self._picture_s - self._got_s >= self._usual_s + LATE_WINDOW_S - 0.01

    def outstanding(self, now: float) -> int:
        """Bytes written and not received, by a report that is not too old to say anything."""
        return self._outstanding if self.is_fresh(now) else 0

    def on_its_way(self, now: float, carries_bps: float) -> float:
        """The same, less what a line of this bitrate will have brought since."""
        if self.reported_at is None or not self.behind_s:
            return 0.0
        return max(0.0, self.outstanding(now) - carries_bps / 8 * (now - self.reported_at))

    def is_fresh(self, now: float) -> bool:
        return self.reported_at is not None and now - self.reported_at <= REPORT_VALID_S

    @property
    def waiting_s(self) -> float:
        """Seconds of picture that were written and wait for the network, the part that it is at included."""
        if self.unsent < BUSY_BYTES:
            return 0.0
        taken = self._written - self.unsent
        for _, written, picture_s in reversed(self._sent):
            if written <= taken:
                return self._picture_s - picture_s
        return self._picture_s - self._got_s

    def narrowed(self) -> None:
        """What it carried before says nothing any more."""
        self._trains.clear()
        self._timed.clear()
        self._train = None

    def could_carry_bps(self) -> float | None:
        """What it carried when it was given much at once, lately: the middle one, as each may have met a full way.

        Of what left here and what arrived there the less: a proxy takes everything at once.
        """
        return min((_middle(each) for each in (self._trains, self._timed) if each), default=None)

    def carries_bps(self, over_s: float = RATE_OVER_S) -> float | None:
        """The less of what both ends say; None while nobody can say, because the line takes all that it is given."""
        taken = self._rate(self._busy, over_s)
        received = self._rate(self._reports, over_s) if self.behind_s and self.behind_s >= LATE_S else None
        if received is None and taken is None and self._is_late and over_s < RATE_LONG_S:
            received = (
                0.0  # nothing has come for too long, and nobody can say yet how much does: no hope is drawn from before
            )
        if taken is None or received is None:
            return taken if received is None else received
        # Reports come by whole parts: over a long time what the network took is the better figure where there is one.
        return min(taken, received) if over_s < RATE_LONG_S else taken

    def _rate(self, samples: deque[tuple[float, int]], over_s: float) -> float | None:
        if not samples:
            return None
        ended, last = samples[-1]
        for began, first in reversed(samples):
            if ended - began >= over_s * 0.9 or (began, first) == samples[0]:
                return (last - first) * 8 / (ended - began) if ended - began >= RATE_LEAST_S else None
        return None

    def stuck_s(self, now: float) -> float:
        """How long nothing at all has got through, by either sign."""
        moved = self._moved_at if self._moved_at is not None else now
        if self.reported_at is None or self._received_at is None or not self.behind_s:
            return now - moved
        return max(now - moved, self.reported_at - self._received_at)


def _middle(values: deque[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]
