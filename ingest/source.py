"""One source plugged into a transcoder: its sample socket, its clock, whether it is there.

Samples of a source that is not on air are read and timed, so that its clock is known when it gets there, and thrown away.
"""

from __future__ import annotations

import contextlib
import socket

from ingest.pace import Presence
from ingest.rtp_clock import SourceClock
from ingest.samples import WANT_KEYFRAME, Sample, SampleKind, SampleReader

READ_BYTES = 256 * 1024
ASK_AGAIN_US = 500_000
"""A key frame is asked for twice a second at most: each costs the presenter's line ten ordinary pictures."""
_TIMED = (SampleKind.VIDEO, SampleKind.AUDIO)


class SourceClosed(Exception):
    """The peer has closed its end."""


class Source:
    """Owns the socket."""

    def __init__(self, key: str, name: str, plug: socket.socket, now_us: int) -> None:
        plug.setblocking(False)
        self.key = key
        self.name = name
        self.plug = plug
        self.clock = SourceClock()
        self.presence = Presence(now_us)
        self._reader = SampleReader()
        self._asked_us = now_us - ASK_AGAIN_US

    def read(self) -> list[tuple[Sample, int]]:
        """Samples and their unwrapped timestamps. Raises SourceClosed, and BadInput `bad_sample`."""
        try:
            data = self.plug.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            raise SourceClosed from None
        if not data:
            raise SourceClosed
        return [(sample, self._note(sample)) for sample in self._reader.feed(data)]

    def _note(self, sample: Sample) -> int:
        self.presence.seen(sample.arrival_us)
        if sample.kind in _TIMED:
            return self.clock.arrived(sample.stream, sample.rtp_timestamp, sample.arrival_us)
        if sample.kind is SampleKind.CLOCK:
            self.clock.report(sample.stream, sample.rtp_timestamp, sample.ntp)
        return 0

    def ask_keyframe(self, now_us: int) -> None:
        """Pass the wish on, unless it was just done; a peer that does not read loses it."""
        if now_us - self._asked_us < ASK_AGAIN_US:
            return
        self._asked_us = now_us
        with contextlib.suppress(OSError):
            self.plug.send(WANT_KEYFRAME)

    def close(self) -> None:
        self.plug.close()
