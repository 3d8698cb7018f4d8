"""From RTP timestamps to one local clock for picture and sound of a source. Rules only.

A timestamp says when something was captured, on a clock of its own for each stream; an arrival says when the network was
done with it. The *capture time* of a sample, in local monotonic µs, is its sender's time plus the smallest difference to
arrival seen lately: what arrived fastest sets the clock, everything else was merely late. Until sender reports came each
stream stands on its own minimum; with them both hang on the sender's NTP clock and share one minimum, so that picture
and sound fit whatever the network did to either.
"""

from __future__ import annotations

from collections import deque
from statistics import median

from ingest.samples import SampleStream

RATE = {SampleStream.VIDEO: 90_000, SampleStream.AUDIO: 48_000}
"""RTP clock rates: RFC 6184 and RFC 7741 (video), RFC 7587 (Opus)."""

HELD_US = {SampleStream.VIDEO: 0, SampleStream.AUDIO: 20_000}
"""What a sample's timestamp is older than its sending at least: an Opus packet goes when its last 20 ms are over."""

WINDOW_S = 10
"""How long an arrival may set the minimum: short enough to follow two clocks that drift apart by 100 ppm."""

JUMP_US = 2_000_000
"""A timestamp that moves by more against its arrival began a new timeline: the sender restarted its counter."""

REPORTS_KEPT = 5
_NTP_TO_UNIX_S = 2_208_988_800


def ntp_to_unix_us(ntp: int) -> int:
    """RFC 5905 timestamp format: seconds since 1900 and a binary fraction."""
    return ((ntp >> 32) - _NTP_TO_UNIX_S) * 1_000_000 + ((ntp & 0xFFFFFFFF) * 1_000_000 >> 32)


class Unwrapper:
    """32 bit timestamps to a line without wraps. A smaller one is late, not 13 hours ahead."""

    def __init__(self) -> None:
        self._newest: int | None = None

    def unwrap(self, timestamp: int) -> int:
        if self._newest is None:
            self._newest = timestamp
            return timestamp
        step = (timestamp - self._newest + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        value = self._newest + step
        self._newest = max(value, self._newest)
        return value


class WindowMinimum:
    """The smallest value of the last ten seconds, kept as one minimum for each second."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, int]] = deque(maxlen=WINDOW_S)
        self.value: int | None = None

    def add(self, at_us: int, value: int) -> None:
        second = at_us // 1_000_000
        if not self._seconds or second > self._seconds[-1][0]:
            self._seconds.append((second, value))
        elif value < self._seconds[-1][1]:
            self._seconds[-1] = (self._seconds[-1][0], value)
        while self._seconds[0][0] <= second - WINDOW_S:
            self._seconds.popleft()
        self.value = min(smallest for _, smallest in self._seconds)


class StreamClock:
    """One stream's timestamps in µs, its fastest arrival and its sender reports."""

    def __init__(self, stream: SampleStream) -> None:
        self._rate = RATE[stream]
        self._held_us = HELD_US[stream]
        self._unwrapper = Unwrapper()
        self._arrival = WindowMinimum()
        self._reports: deque[int] = deque(maxlen=REPORTS_KEPT)

    def media_us(self, timestamp: int) -> int:
        return timestamp * 1_000_000 // self._rate

    def unwrap(self, timestamp: int) -> int:
        return self._unwrapper.unwrap(timestamp)

    def jumped(self, timestamp: int, arrival_us: int) -> bool:
        fastest = self._arrival.value
        return fastest is not None and abs(arrival_us - self.media_us(timestamp) - fastest) > JUMP_US

    def restart(self) -> None:
        self._arrival = WindowMinimum()
        self._reports.clear()

    def arrived(self, timestamp: int, arrival_us: int) -> None:
        self._arrival.add(arrival_us, arrival_us - self.media_us(timestamp))

    def report(self, timestamp: int, ntp: int) -> None:
        self._reports.append(ntp_to_unix_us(ntp) - self.media_us(timestamp))

    def unix_us(self, timestamp: int) -> int | None:
        """When the sender says it captured this; the median, since some senders stamp reports when they are sent."""
        return self.media_us(timestamp) + int(median(self._reports)) if self._reports else None

    def fastest_us(self, timestamp: int) -> int:
        """Local time by this stream alone."""
        return self.media_us(timestamp) + (self._arrival.value or 0) - self._held_us


class SourceClock:
    """Both streams of one source on the local monotonic clock."""

    def __init__(self) -> None:
        self._streams = {stream: StreamClock(stream) for stream in RATE}
        self._ntp_to_local = WindowMinimum()

    def arrived(self, stream: SampleStream, timestamp: int, arrival_us: int) -> int:
        """Note an arrival; returns the timestamp without wraps."""
        clock = self._streams[stream]
        value = clock.unwrap(timestamp)
        if clock.jumped(value, arrival_us):
            clock.restart()
            self._ntp_to_local = WindowMinimum()
        clock.arrived(value, arrival_us)
        if (unix_us := clock.unix_us(value)) is not None:
            self._ntp_to_local.add(arrival_us, arrival_us - unix_us)
        return value

    def report(self, stream: SampleStream, timestamp: int, ntp: int) -> None:
        """A sender report. One that does not fit the timestamps seen is left out by `arrived`'s jump rule later."""
        clock = self._streams[stream]
        clock.report(clock.unwrap(timestamp), ntp)

    def capture_us(self, stream: SampleStream, timestamp: int) -> int:
        """Local monotonic time of capture, for a timestamp that `arrived` returned."""
        clock = self._streams[stream]
        unix_us = clock.unix_us(timestamp)
        if unix_us is None or self._ntp_to_local.value is None:
            return clock.fastest_us(timestamp)
        return unix_us + self._ntp_to_local.value

    @property
    def unix_to_local_us(self) -> int | None:
        """Local monotonic minus the sender's Unix time, network delay included; None before the first report."""
        return self._ntp_to_local.value
