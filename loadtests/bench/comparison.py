"""What the turns of the delivery benchmark say together: medians, ratios, a line through sizes. Rules only."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec
import numpy as np

BASE = "loop"


class Turn(msgspec.Struct, frozen=True):
    """One way, measured once."""

    way: str
    turn: int
    viewers: int
    seconds: float
    cpu_s: float
    """Of who delivers, children included."""
    fixed_cpu_s: float
    """Of who works for it whatever the number of viewers."""
    mbit_s: float
    messages_s: float
    delay_p50_ms: float
    delay_p99_ms: float
    memory_per_viewer: float
    """Bytes of the processes' own, above what they had before the first viewer."""
    faults: int
    stalls: int
    generator_share: float
    memory_bytes: float = 0.0
    """All of the processes' own at the end: with the viewers, and with what is held of the event."""
    socket_bytes_per_viewer: float = 0.0
    """Of the kernel's, in buffers of TCP sockets, at most while it was measured; on loopback both ends' are counted."""

    @property
    def cpu_per_viewer(self) -> float:
        """Cores."""
        return self.cpu_s / self.seconds / self.viewers

    @property
    def mbit_per_viewer(self) -> float:
        return self.mbit_s / self.viewers


class Row(msgspec.Struct, frozen=True):
    """One way, the median of its turns."""

    way: str
    viewers: int
    turns: int
    mbit_s: float
    cpu_s_per_viewer_hour: float
    viewers_per_core: float
    to_loop: float | None
    """CPU for the same, to the bare loop's in the same turn."""
    fixed_share: float
    delay_p50_ms: float
    delay_p99_ms: float
    kb_per_viewer: float
    faults: int
    stalls: int
    generator_share: float
    """The busiest the generator was: above 0.9 the delays are its own."""


class Line(msgspec.Struct, frozen=True):
    """CPU of a process that delivers, by its viewers: cores = fixed + per_viewer × viewers."""

    way: str
    fixed: float
    per_viewer: float
    residual: float
    """The largest difference of a measured value from the line, in cores."""
    measured: tuple[tuple[int, float], ...]
    mbit_per_viewer: float = 0.0


class Report(msgspec.Struct, frozen=True):
    """A run, as it is written down."""

    about: list[str]
    rows: list[Row]
    lines: list[Line]
    turns: list[Turn]
    absent: dict[str, str]
    """Ways that this machine cannot show, and why."""
    failed: tuple[str, ...] = ()
    """What was to be measured and went wrong."""


def between(turns: Sequence[Turn], way: str, base: str) -> float | None:
    """CPU for each viewer of this way to the other's: the median of the turns' ratios. None without a turn that has both."""
    costs = {turn.turn: turn.cpu_per_viewer for turn in turns if turn.way == base}
    ratios = [turn.cpu_per_viewer / costs[turn.turn] for turn in turns if turn.way == way and costs.get(turn.turn)]
    return median(ratios) if ratios else None


def rows(turns: Sequence[Turn]) -> list[Row]:
    """In the order in which the ways first appear."""
    ways = dict.fromkeys(turn.way for turn in turns)
    return [_row([turn for turn in turns if turn.way == way], between(turns, way, BASE)) for way in ways]


def _row(turns: list[Turn], to_loop: float | None) -> Row:
    per_viewer = median(turn.cpu_per_viewer for turn in turns)
    return Row(
        way=turns[0].way,
        viewers=turns[0].viewers,
        turns=len(turns),
        mbit_s=median(turn.mbit_s for turn in turns),
        cpu_s_per_viewer_hour=per_viewer * 3600,
        viewers_per_core=1 / per_viewer if per_viewer else 0.0,
        to_loop=to_loop,
        fixed_share=median(turn.fixed_cpu_s / turn.seconds for turn in turns),
        delay_p50_ms=median(turn.delay_p50_ms for turn in turns),
        delay_p99_ms=median(turn.delay_p99_ms for turn in turns),
        kb_per_viewer=median(turn.memory_per_viewer for turn in turns) / 1024,
        faults=sum(turn.faults for turn in turns),
        stalls=sum(turn.stalls for turn in turns),
        generator_share=max(turn.generator_share for turn in turns),
    )


def line(way: str, turns: Sequence[Turn]) -> Line:
    """Least squares through all turns of different sizes. Raises ValueError where all have the same size."""
    sizes = np.array([turn.viewers for turn in turns], float)
    if len(set(sizes)) < 2:
        raise ValueError("a line needs two sizes")
    cores = np.array([turn.cpu_s / turn.seconds for turn in turns])
    slope, fixed = np.polyfit(sizes, cores, 1)
    residual = float(np.abs(cores - (fixed + slope * sizes)).max())
    measured = tuple((int(n), float(c)) for n, c in zip(sizes, cores, strict=True))
    return Line(way, float(fixed), float(slope), residual, measured, median(turn.mbit_per_viewer for turn in turns))


def rotated(ways: Sequence[str], turn: int) -> list[str]:
    """Each turn begins with another way, so that none always runs on a warm or a tired machine."""
    at = turn % len(ways)
    return [*ways[at:], *ways[:at]]


def table(found: Sequence[Row], titles: dict[str, str]) -> str:
    heads = ("viewers", "Mbit/s", "CPU s/h", "per core", "to loop", "p50 ms", "p99 ms", "kB each")
    head = f"{'way':<34}" + "".join(f"{one:>9}" for one in heads)
    lines = [head]
    for row in found:
        ratio = f"{row.to_loop:.2f}" if row.to_loop is not None else "-"
        lines.append(
            f"{titles.get(row.way, row.way):<34}{row.viewers:>9}{row.mbit_s:>9.0f}{row.cpu_s_per_viewer_hour:>9.3f}"
            f"{row.viewers_per_core:>9.0f}{ratio:>9}{row.delay_p50_ms:>9.1f}{row.delay_p99_ms:>9.1f}{row.kb_per_viewer:>9.1f}"
        )
        notes = [f"{row.faults} faults" if row.faults else "", f"{row.stalls} stalls" if row.stalls else ""]
        notes += [f"behind or beside it {100 * row.fixed_share:.0f} % of a core" if row.fixed_share > 0.005 else ""]
        notes += ["the generator was too busy: delays are its own" if row.generator_share > 0.9 else ""]
        lines += [f"    {note}" for note in notes if note]
    return "\n".join(lines)
