"""The programme's sound as a sample count: decoded packets get a place on the line, reading never waits. Rules only.

Position p is the programme time p / 48000. Packets whose RTP timestamps follow each other are laid end to end; where the
place that the source's clock asks for differs, the difference is worked off by stretching packets by a few milliseconds,
or, when it is large, at once with silence or a cut. What has not been written when it is read is concealed, then silence;
what comes after it was read is trimmed. So the audio track has no hole and no overlap, whatever arrives.
"""

from __future__ import annotations

import numpy as np

from ingest.concealment import HISTORY, LONGEST, RESUME, conceal, resume
from ingest.pcm import CHANNELS, RATE, Pcm

CAPACITY = 4 * RATE
"""The line holds four seconds; what is meant for later is cut."""

JUMP = RATE * 60 // 1000
"""A difference from here on is corrected at once."""

TOLERANCE = RATE * 10 // 1000
"""A filtered difference up to here is left alone."""

STRETCH_SHARE = 4
"""One packet is made longer or shorter by a quarter at most."""


def stretch(pcm: Pcm, by: int) -> Pcm:
    """The same sound, longer or shorter by some samples: its start faded over into its end."""
    length = pcm.shape[1]
    new = length + by
    if by == 0 or new <= 0 or abs(by) >= length:
        return pcm
    at = max(0, by)
    overlap = min(length, new) - at
    fade = np.linspace(1.0, 0.0, overlap, dtype=np.float32)
    out = np.empty((CHANNELS, new), np.float32)
    out[:, :at] = pcm[:, :at]
    tail = pcm[:, length - (new - at) :]
    out[:, at : at + overlap] = pcm[:, at : at + overlap] * fade + tail[:, :overlap] * (1.0 - fade)
    out[:, at + overlap :] = tail[:, overlap:]
    return out


class SoundLine:
    """A ring of samples, addressed by programme position."""

    def __init__(self, position: int) -> None:
        self._ring: Pcm = np.zeros((CHANNELS, CAPACITY), np.float32)
        self._filled = position
        """Up to here something was written: sound, what stands in for it, or silence."""
        self.position = position
        """Everything before was read."""
        self._expected_timestamp: int | None = None
        self._next = position
        self._error = 0.0
        self._heard = _nothing()
        """The last that came, up to where the hole begins whose stand-in is `_invented`."""
        self._invented = _nothing()
        self.silence = 0
        """Samples that nobody wrote and that were not concealed."""
        self.concealed = 0
        """Samples that stand in for some that did not come."""
        self.correction = 0
        """The filtered difference to the source's clock, in samples."""

    @property
    def filled(self) -> int:
        """Up to here the sound is known already, or was read."""
        return self._filled

    def forget_source(self) -> None:
        """The next packet belongs to another source or another decoder: place it by its clock alone."""
        self._expected_timestamp = None
        self._error = 0.0

    def write(self, timestamp: int, pcm: Pcm, position: int) -> None:
        """A decoded packet; `timestamp` counts its source's samples, `position` is where its clock wants it."""
        place = self._place(timestamp, position)
        by = self._correct(position - place, pcm.shape[1])
        placed = stretch(pcm, by)
        self._expected_timestamp = timestamp + pcm.shape[1]
        self._next = place + placed.shape[1]
        self._store(place, placed)

    def _place(self, timestamp: int, position: int) -> int:
        if self._expected_timestamp is None:
            self._error = 0.0
            return position
        place = self._next + timestamp - self._expected_timestamp
        if abs(position - place) < JUMP:
            return place
        self._error = 0.0
        return position

    def _correct(self, error: int, length: int) -> int:
        self._error += 0.2 * (error - self._error)
        self.correction = int(self._error)
        if abs(self._error) <= TOLERANCE:
            return 0
        limit = length // STRETCH_SHARE
        by = max(-limit, min(limit, int(self._error)))
        self._error -= by
        return by

    def _store(self, place: int, pcm: Pcm) -> None:
        start = max(place, self.position)
        end = min(place + pcm.shape[1], self.position + CAPACITY)
        if end <= start:
            return
        piece = pcm[:, start - place : end - place]
        self._conceal(start)
        if self._invented.shape[1] and start == self._filled:
            piece = resume(conceal(self._heard, RESUME, self._invented.shape[1]), piece)
        self._each(start, end, piece)
        if end > self._filled:
            self._hear(piece[:, self._filled - end :])
            self._filled = end

    def _conceal(self, until: int) -> None:
        """Fill what is missing up to here."""
        missing = until - self._filled
        if missing <= 0:
            return
        already = self._invented.shape[1]
        known = self._heard.shape[1] >= HISTORY
        count = min(missing, LONGEST - already) if known else 0
        invented = conceal(self._heard, count, already)
        self._each(self._filled, self._filled + count, invented)
        self._invented = np.concatenate((self._invented, invented), axis=1)
        self.concealed += count
        self.silence += missing - count
        self._filled = until

    def _hear(self, piece: Pcm) -> None:
        self._heard = np.concatenate((self._heard, self._invented, piece), axis=1)[:, -HISTORY:]
        self._invented = _nothing()

    def _each(self, start: int, end: int, pcm: Pcm) -> None:
        at = start % CAPACITY
        first = min(end - start, CAPACITY - at)
        self._ring[:, at : at + first] = pcm[:, :first]
        self._ring[:, : end - start - first] = pcm[:, first:]

    def read(self, count: int) -> Pcm:
        """The next samples; what stands in for them, then silence, where there are none."""
        self._conceal(self.position + count)
        at = self.position % CAPACITY
        first = min(count, CAPACITY - at)
        out = np.concatenate((self._ring[:, at : at + first], self._ring[:, : count - first]), axis=1)
        self._ring[:, at : at + first] = 0.0
        self._ring[:, : count - first] = 0.0
        self.position += count
        return out

    def mute(self) -> None:
        """Forget what waits: another source is on air."""
        self._ring[:] = 0.0
        self._filled = self.position
        self._heard = self._invented = _nothing()
        self.forget_source()

    def jump(self, position: int) -> None:
        """The clock left a hole: go on there, without what waits."""
        self.mute()
        self.position = self._filled = position


def _nothing() -> Pcm:
    return np.empty((CHANNELS, 0), np.float32)
