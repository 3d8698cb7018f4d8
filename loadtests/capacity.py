"""How many edges a company needs, from what one was measured to cost. Rules only; `python -m loadtests capacity` asks it.

An edge process costs something fixed and something for each viewer: `fit` finds both in the turns of
`python -m loadtests.bench.delivery --slope`. A machine runs one process for each core. What bounds it first, processor,
network card or memory, decides how many viewers it carries, with head-room for the moment when a neighbour fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from math import ceil, floor
from statistics import median

import msgspec
import numpy as np

from loadtests.bench.comparison import Turn


class Tls(StrEnum):
    """Who ends it."""

    OFF = "off"
    PROCESS = "process"
    NGINX = "nginx"


WAYS = {Tls.OFF: "push", Tls.PROCESS: "push-tls", Tls.NGINX: "nginx-tls"}
OVERHEAD = 1.04
"""Headers of parts, WebSocket, TCP and IP on top of the media's bitrate."""


class Costs(msgspec.Struct, frozen=True):
    """Of one edge process, by least squares."""

    fixed_cores: float
    cores_per_viewer: float
    """At `mbit_per_viewer`."""
    cores_per_mbit: float
    """How that grows with the bitrate; 0 where only one bitrate was measured (then it is taken to grow in proportion)."""
    mbit_per_viewer: float
    bytes_per_viewer: float
    residual_cores: float

    def per_viewer(self, mbit: float) -> float:
        """Cores that a viewer of this bitrate costs."""
        if self.cores_per_mbit:
            return max(1e-9, self.cores_per_viewer + self.cores_per_mbit * (mbit - self.mbit_per_viewer))
        return self.cores_per_viewer * mbit / self.mbit_per_viewer


class Machine(msgspec.Struct, frozen=True):
    """An edge."""

    cores: int = 8
    nic_mbit_s: float = 10_000.0
    memory_gb: float = 16.0
    head_room: float = 0.4
    """Left free of processor and network: half a neighbour's viewers, a burst of joins."""


class Company(msgspec.Struct, frozen=True):
    viewers: int
    offices: int
    mbit_per_viewer: float = 2.6
    """On average: `auto` gives 720p to who can carry it."""
    ladder_mbit: float = 5.2
    """All renditions together: what crosses the WAN to an office once."""
    largest_office: float = 0.25
    """The share of everybody that sits in the largest one; the others are alike."""


class Plan(msgspec.Struct, frozen=True):
    viewers_per_machine: int
    bound: str
    """What bounds it: cpu, network or memory."""
    machines: int
    machines_in_largest_office: int
    wan_mbit_per_office: float
    """With the edges of an office fed by one of them."""
    wan_mbit_without_edges: float
    """Of the largest office, were each viewer served from elsewhere."""
    origin_mbit: float
    assumptions: tuple[str, ...]


def fit(turns: Sequence[Turn], tls: Tls = Tls.OFF) -> Costs:
    """Raises ValueError where the way was not measured at two sizes."""
    found = [turn for turn in turns if turn.way == WAYS[tls] and turn.viewers]
    sizes = np.array([turn.viewers for turn in found], float)
    if len(set(sizes)) < 2:
        raise ValueError(f"'{WAYS[tls]}' was not measured at two sizes: run the delivery benchmark with --slope")
    cores = np.array([turn.cpu_s / turn.seconds for turn in found])
    rates = np.array([turn.mbit_s / turn.viewers for turn in found])
    usual = float(median(rates))
    # Bitrates that differ by less are noise of one tape.
    varies = float(rates.max() - rates.min()) > 0.25 * usual
    columns = [np.ones_like(sizes), sizes, *([sizes * (rates - usual)] if varies else [])]
    solution, *_ = np.linalg.lstsq(np.stack(columns, axis=1), cores, rcond=None)
    residual = float(np.abs(cores - np.stack(columns, axis=1) @ solution).max())
    return Costs(
        fixed_cores=max(0.0, float(solution[0])),
        cores_per_viewer=float(solution[1]),
        cores_per_mbit=float(solution[2]) if varies else 0.0,
        mbit_per_viewer=usual,
        bytes_per_viewer=float(median(turn.memory_per_viewer for turn in found)),
        residual_cores=residual,
    )


def plan(costs: Costs, company: Company, machine: Machine) -> Plan:
    """Raises ValueError where one machine carries nobody."""
    free = 1 - machine.head_room
    mbit = company.mbit_per_viewer
    by_cpu = machine.cores * max(0.0, free - costs.fixed_cores) / costs.per_viewer(mbit)
    by_network = free * machine.nic_mbit_s / (mbit * OVERHEAD)
    by_memory = free * machine.memory_gb * 1e9 / max(1.0, costs.bytes_per_viewer)
    bounds = {"cpu": by_cpu, "network": by_network, "memory": by_memory}
    bound = min(bounds, key=lambda name: bounds[name])
    carried = floor(bounds[bound])
    if carried < 1:
        raise ValueError(f"such a machine carries no viewer: {bound}")
    largest = min(company.viewers, ceil(company.viewers * (company.largest_office if company.offices > 1 else 1.0)))
    others = [part for part in _shared(company.viewers - largest, company.offices - 1) if part]
    in_largest = ceil(largest / carried)
    machines = in_largest + sum(ceil(part / carried) for part in others)
    ladder = company.ladder_mbit * OVERHEAD
    return Plan(
        viewers_per_machine=carried,
        bound=bound,
        machines=machines,
        machines_in_largest_office=in_largest,
        wan_mbit_per_office=ladder,
        wan_mbit_without_edges=largest * mbit * OVERHEAD,
        origin_mbit=ladder * (1 + len(others)),
        assumptions=(
            f"an edge process costs {100 * costs.fixed_cores:.2f} % of a core and {1e6 * costs.per_viewer(mbit):.0f} µs/s a"
            f" viewer of {mbit:g} Mbit/s (fit within {100 * costs.residual_cores:.1f} % of a core)",
            "measured over loopback, where the receiving side's kernel work is charged to the sender too: a real card's is less",
            f"{machine.cores} processes on {machine.cores} cores, {100 * machine.head_room:.0f} % of processor and network free",
            f"{costs.bytes_per_viewer / 1024:.0f} kB a viewer",
            f"the largest office has {100 * company.largest_office:.0f} % of the viewers, the others are alike"
            if company.offices > 1
            else "one office",
            "edges of an office take the feed from one of them, so that one copy of each rendition crosses the WAN",
            "an edge that fails: its viewers go to others of the office or to the origin's fronts, for which the head-room is",
        ),
    )


def _shared(viewers: int, offices: int) -> list[int]:
    return [viewers // offices + (number < viewers % offices) for number in range(offices)] if offices > 0 else []


def words(found: Plan) -> str:
    """As lines for a terminal."""
    return "\n".join(
        (
            f"{found.viewers_per_machine} viewers a machine, bounded by {found.bound}",
            f"{found.machines} machines, {found.machines_in_largest_office} of them in the largest office",
            f"WAN to each office: {found.wan_mbit_per_office:.1f} Mbit/s"
            f" (the largest without edges: {found.wan_mbit_without_edges:,.0f} Mbit/s)",
            f"from the origin: {found.origin_mbit:.0f} Mbit/s",
            *(f"  assumed: {one}" for one in found.assumptions),
        )
    )
