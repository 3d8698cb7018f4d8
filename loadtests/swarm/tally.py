"""What the swarm counted, by phase, and its report. Rules only.

Delays go into bins of a tenth of a millisecond, so that a day's run needs no more memory than a minute's and two processes'
counts add up to exact percentiles.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np

from loadtests.swarm.checks import Key, differing

BINS_PER_S = 10_000
BINS = 20 * BINS_PER_S
"""The last bin holds all that took longer."""
BUSY = 0.9
"""A generator that used more of a core reports its own delays."""


class Percentiles(msgspec.Struct, frozen=True):
    """In milliseconds; of none all are 0."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float


def bins() -> array[int]:
    return array("Q", bytes(8 * (BINS + 1)))


def bin_of(seconds: float) -> int:
    return min(BINS, max(0, int(seconds * BINS_PER_S)))


def percentiles(counts: Iterable[array[int]]) -> Percentiles:
    """Of all samples in these bins together."""
    total = sum((np.frombuffer(one, dtype=np.uint64) for one in counts), np.zeros(BINS + 1, np.uint64))
    cumulated = np.cumsum(total)
    count = int(cumulated[-1])
    if not count:
        return Percentiles(0, 0.0, 0.0, 0.0, 0.0)

    def at(share: float) -> float:
        return float(np.searchsorted(cumulated, max(1, np.ceil(share * count)))) * 1000 / BINS_PER_S

    return Percentiles(count, at(0.50), at(0.95), at(0.99), float(np.flatnonzero(total)[-1]) * 1000 / BINS_PER_S)


class Tally:
    """One phase in one process. What the hot path touches are plain attributes."""

    def __init__(self, name: str, now: float, cpu_s: float) -> None:
        self.name = name
        self.began = now
        self.seconds = 0.0
        self.cpu_began = cpu_s
        self.cpu_s = 0.0
        self.delays = bins()
        """Capture of a part's last sample to its last byte here."""
        self.behind_first = bins()
        """The first viewer's arrival to this one's."""
        self.away = bins()
        """A line's connection broke to the first part that goes on, from whatever address."""
        self.waits = bins()
        """Opening a socket to the first part; of pull: asking for a playlist to its arrival."""
        self.messages = 0
        self.bytes = 0
        self.by_rendition: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        """What happened and is no fault: `opened`, `resumed`, `moved`, `gap`, `switch`, `bye …`."""
        self.faults: Counter[str] = Counter()
        self.stalls = 0
        self.stall_s = 0.0
        self.no_picture_s = 0.0
        """Of those, because the server gave none."""
        self.watched_s = 0.0
        self.stalled_viewers = 0

    def arrived(self, now: float, end_wall: float, first_at: float, size: int) -> None:
        """A part whose last sample was captured at `end_wall`, and that the first viewer had at `first_at`."""
        self.delays[bin_of(now - end_wall)] += 1
        self.behind_first[bin_of(now - first_at)] += 1
        self.messages += 1
        self.bytes += size

    def close(self, now: float, cpu_s: float) -> Tally:
        self.seconds, self.cpu_s = now - self.began, cpu_s - self.cpu_began
        return self


class PhaseResult(msgspec.Struct, frozen=True):
    """One phase over all processes of a swarm."""

    name: str
    seconds: float
    messages: int
    mbit_s: float
    delay_ms: Percentiles
    behind_first_ms: Percentiles
    wait_ms: Percentiles
    away_ms: Percentiles
    stalls: int
    stalled_viewers: int
    stall_s: float
    watched_s: float
    by_rendition: dict[str, int]
    events: dict[str, int]
    faults: dict[str, int]
    cpu_share: float
    """Of a core, the busiest process."""
    cpu_us_per_message: float
    no_picture_s: float = 0.0
    """Of `stall_s`: the server gave no picture."""

    @property
    def stall_ratio(self) -> float:
        """Time that stood still to time watched."""
        return self.stall_s / self.watched_s if self.watched_s else 0.0

    @property
    def is_busy(self) -> bool:
        return self.cpu_share > BUSY

    @property
    def fault_count(self) -> int:
        return sum(self.faults.values())

    def __str__(self) -> str:
        delay, behind = self.delay_ms, self.behind_first_ms
        lines = [
            f"{self.name}: {self.seconds:.1f} s, {self.messages} messages, {self.mbit_s:.1f} Mbit/s",
            f"  part delay        p50 {delay.p50:.1f}  p95 {delay.p95:.1f}  p99 {delay.p99:.1f}  max {delay.largest:.1f} ms",
            f"  after the first   p50 {behind.p50:.1f}  p95 {behind.p95:.1f}  p99 {behind.p99:.1f} ms",
            f"  first part/reload p50 {self.wait_ms.p50:.1f}  p99 {self.wait_ms.p99:.1f} ms ({self.wait_ms.count})",
            f"  stalls {self.stalls} of {self.stalled_viewers} viewers, {self.stall_s:.2f} s,"
            f" ratio {100 * self.stall_ratio:.3f} %, without a picture {self.no_picture_s:.2f} s",
            f"  renditions {dict(sorted(self.by_rendition.items()))}  events {dict(sorted(self.events.items()))}",
            f"  generator {100 * self.cpu_share:.0f} % of a core, {self.cpu_us_per_message:.1f} µs a message",
        ]
        lines += [f"  FAULT {count} × {text}" for text, count in sorted(self.faults.items())]
        if self.is_busy:
            lines.append("  the generator was busy above 90 %: its figures are not the platform's")
        return "\n".join(lines)


def merged(name: str, tallies: list[Tally]) -> PhaseResult:
    """One phase's counts of all processes. Raises ValueError for none."""
    if not tallies:
        raise ValueError(f"no process counted the phase {name}")
    seconds = max(tally.seconds for tally in tallies)
    messages = sum(tally.messages for tally in tallies)
    sums: dict[str, Counter[str]] = {
        field: sum((getattr(tally, field) for tally in tallies), Counter())
        for field in ("by_rendition", "events", "faults")
    }
    return PhaseResult(
        name=name,
        seconds=seconds,
        messages=messages,
        mbit_s=sum(tally.bytes for tally in tallies) * 8e-6 / seconds if seconds else 0.0,
        delay_ms=percentiles(tally.delays for tally in tallies),
        behind_first_ms=percentiles(tally.behind_first for tally in tallies),
        wait_ms=percentiles(tally.waits for tally in tallies),
        away_ms=percentiles(tally.away for tally in tallies),
        stalls=sum(tally.stalls for tally in tallies),
        stalled_viewers=sum(tally.stalled_viewers for tally in tallies),
        stall_s=sum(tally.stall_s for tally in tallies),
        watched_s=sum(tally.watched_s for tally in tallies),
        no_picture_s=sum(tally.no_picture_s for tally in tallies),
        by_rendition=dict(sums["by_rendition"]),
        events=dict(sums["events"]),
        faults=dict(sums["faults"]),
        cpu_share=max((tally.cpu_s / tally.seconds for tally in tallies if tally.seconds), default=0.0),
        cpu_us_per_message=1e6 * sum(tally.cpu_s for tally in tallies) / messages if messages else 0.0,
    )


class SwarmResult(msgspec.Struct, frozen=True):
    """All phases of a run."""

    phases: tuple[PhaseResult, ...]
    compared_parts: int = 0
    """Of how many parts the source's bytes are known."""

    def phase(self, name: str) -> PhaseResult:
        """Raises LookupError."""
        for one in self.phases:
            if one.name == name:
                return one
        raise LookupError(f"no phase {name} among {[one.name for one in self.phases]}")

    def __str__(self) -> str:
        return "\n".join(map(str, self.phases))


def result_of(by_process: list[list[Tally]], digests: list[dict[Key, bytes]]) -> SwarmResult:
    """What all processes counted, their first viewers' bytes compared with one another."""
    names = list(dict.fromkeys(tally.name for tallies in by_process for tally in tallies))
    phases = [merged(name, [t for tallies in by_process for t in tallies if t.name == name]) for name in names]
    found = SwarmResult(tuple(phases))
    return _with_fault(found, "parts that differ between two processes' viewers", differing(digests))


def compared(result: SwarmResult, different: int, of: int) -> SwarmResult:
    """With what the comparison with the source found. Nothing to compare is a fault: nobody would know."""
    told = msgspec.structs.replace(result, compared_parts=of)
    told = _with_fault(told, "parts that differ from the source's", different)
    return _with_fault(told, "no part could be compared with the source's", 0 if of else 1)


def _with_fault(result: SwarmResult, text: str, count: int) -> SwarmResult:
    """In the last phase, as nobody knows when it was."""
    if not count or not result.phases:
        return result
    *before, last = result.phases
    last = msgspec.structs.replace(last, faults=last.faults | {text: count})
    return msgspec.structs.replace(result, phases=(*before, last))
