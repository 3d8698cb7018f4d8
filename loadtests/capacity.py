"""How many edges a company needs, from what one was measured to cost. Rules only; `python -m loadtests capacity` asks it.

An edge process costs something fixed, something for each viewer and something for each Mbit/s: `fit` finds them in the turns of
`python -m loadtests.bench.delivery --slope`, whose viewers are what pages are (`auto`, and the sound on a second socket). A
machine runs one process for each core. What bounds it first, processor, network card or memory, decides how many it carries.
Every office has one machine more than it needs, so that one may fail and nobody is sent over the WAN.
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


WAYS = {Tls.OFF: "push-page", Tls.PROCESS: "push-page-tls", Tls.NGINX: "nginx-page-tls"}
OVERHEAD = 1.04
"""Headers of parts, WebSocket, TCP and IP on top of the media's bitrate."""
WINDOW_BYTES = 64e6
"""What a process holds of one event at most (`sfu/window.py`)."""
APART = 0.25
"""Bitrates that differ by less, of the usual one, are noise of one tape."""


class Costs(msgspec.Struct, frozen=True):
    """Of one edge process, by least squares."""

    fixed_cores: float
    cores_per_viewer: float
    """Whatever its bitrate: sockets, reports, one write for each part."""
    cores_per_mbit: float
    least_mbit: float
    most_mbit: float
    """The bitrates that were measured: outside of them it is a guess."""
    fixed_bytes: float
    """Of the process, without viewers and without what it holds of an event."""
    bytes_per_viewer: float
    """The process's own."""
    socket_bytes_per_viewer: float
    """The kernel's."""
    residual_cores: float

    def per_viewer(self, mbit: float) -> float:
        """Cores that a viewer of this bitrate costs."""
        return max(1e-9, self.cores_per_viewer + self.cores_per_mbit * mbit)


class Machine(msgspec.Struct, frozen=True):
    """An edge."""

    cores: int = 8
    nic_mbit_s: float = 10_000.0
    memory_gb: float = 16.0
    head_room: float = 0.4
    """Left free of processor, network and memory: bursts of joins, key frames, and what else the machine does."""


class Company(msgspec.Struct, frozen=True):
    viewers: int
    offices: int
    mbit_per_viewer: float = 2.6
    """On average: `auto` gives 720p to who can carry it."""
    ladder_mbit: float = 5.2
    """All renditions together: what crosses the WAN to an office once."""
    largest_office: float = 0.25
    """The share of everybody that sits in the largest one; the others are alike."""
    spares: int = 1
    """Machines that each office has beyond what it needs; 0: who loses one goes over the WAN to the origin."""


class Plan(msgspec.Struct, frozen=True):
    viewers_per_machine: int
    bound: str
    """What bounds it: cpu, network or memory."""
    machines: int
    machines_in_largest_office: int
    load_with_all: float
    """Of what bounds a machine, in the office where it is most, while all run …"""
    load_after_a_failure: float
    """… and when one of that office is gone; above 1 the others could not take its viewers."""
    wan_mbit_per_office: float
    """With the edges of an office fed by one of them."""
    wan_mbit_without_edges: float
    """Of the largest office, were each viewer served from elsewhere."""
    wan_mbit_after_a_failure: float
    """Of an office that loses a machine which it cannot do without."""
    origin_mbit: float
    origin_mbit_after_a_failure: float
    fronts_after_a_failure: int
    """Machines at the origin that such viewers would need."""
    assumptions: tuple[str, ...]


def fit(turns: Sequence[Turn], tls: Tls = Tls.OFF) -> Costs:
    """Raises ValueError where the way was not measured at two sizes and two bitrates."""
    found = [turn for turn in turns if turn.way == WAYS[tls] and turn.viewers]
    sizes = np.array([turn.viewers for turn in found], float)
    if len(set(sizes)) < 2:
        raise ValueError(f"'{WAYS[tls]}' was not measured at two sizes: run the delivery benchmark with --slope")
    rates = np.array([turn.mbit_per_viewer for turn in found])
    if float(rates.max() - rates.min()) <= APART * float(median(rates)):
        raise ValueError(f"'{WAYS[tls]}' was measured at one bitrate only: run the delivery benchmark with --slope")
    cores = np.array([turn.cpu_s / turn.seconds for turn in found])
    columns = np.stack([np.ones_like(sizes), sizes, sizes * rates], axis=1)
    (fixed, each, mbit), *_ = np.linalg.lstsq(columns, cores, rcond=None)
    # What is held of the event is told by its bound, and may not be taken for the process's own.
    before = [turn.memory_bytes - turn.viewers * turn.memory_per_viewer for turn in found]
    return Costs(
        fixed_cores=max(0.0, float(fixed)),
        cores_per_viewer=float(each),
        cores_per_mbit=float(mbit),
        least_mbit=float(rates.min()),
        most_mbit=float(rates.max()),
        fixed_bytes=float(median(before)),
        bytes_per_viewer=float(median(turn.memory_per_viewer for turn in found)),
        socket_bytes_per_viewer=max(turn.socket_bytes_per_viewer for turn in found),
        residual_cores=float(np.abs(cores - columns @ [fixed, each, mbit]).max()),
    )


def plan(costs: Costs, company: Company, machine: Machine) -> Plan:
    """Raises ValueError where one machine carries nobody."""
    mbit = company.mbit_per_viewer
    bounds = _bounds(costs, mbit, machine, 1 - machine.head_room)
    bound = min(bounds, key=lambda name: bounds[name])
    carried = floor(bounds[bound])
    if carried < 1:
        raise ValueError(f"such a machine carries no viewer: {bound}")
    offices = _offices(company)
    machines = [ceil(viewers / carried) + company.spares for viewers in offices]
    # What a machine could carry with nothing left free.
    whole = min(_bounds(costs, mbit, machine, 1.0).values())
    # Who is sent to the origin when an office has lost a machine and the others are full.
    pairs = list(zip(offices, machines, strict=True))
    sent_away = [max(0, ceil(viewers - (count - 1) * whole)) for viewers, count in pairs]
    ladder = company.ladder_mbit * OVERHEAD
    over_wan = max(sent_away) * mbit * OVERHEAD
    return Plan(
        viewers_per_machine=carried,
        bound=bound,
        machines=sum(machines),
        machines_in_largest_office=machines[0],
        load_with_all=max(viewers / count / whole for viewers, count in pairs),
        load_after_a_failure=max(
            viewers / (count - 1) / whole if count > 1 else float("inf") for viewers, count in pairs
        ),
        wan_mbit_per_office=ladder,
        wan_mbit_without_edges=offices[0] * mbit * OVERHEAD,
        wan_mbit_after_a_failure=ladder + over_wan,
        origin_mbit=ladder * len(offices),
        origin_mbit_after_a_failure=ladder * len(offices) + over_wan,
        fronts_after_a_failure=ceil(max(sent_away) / carried),
        assumptions=_assumptions(costs, company, machine),
    )


def _bounds(costs: Costs, mbit: float, machine: Machine, share: float) -> dict[str, float]:
    """How many viewers this share of each of its means carries."""
    memory = share * machine.memory_gb * 1e9 - machine.cores * (costs.fixed_bytes + WINDOW_BYTES)
    each = max(1.0, costs.bytes_per_viewer + costs.socket_bytes_per_viewer)
    return {
        "cpu": machine.cores * max(0.0, share - costs.fixed_cores) / costs.per_viewer(mbit),
        "network": share * machine.nic_mbit_s / (mbit * OVERHEAD),
        "memory": max(0.0, memory) / each,
    }


def _offices(company: Company) -> list[int]:
    """Viewers of each, the largest first."""
    largest = min(company.viewers, ceil(company.viewers * (company.largest_office if company.offices > 1 else 1.0)))
    return [largest, *(part for part in _shared(company.viewers - largest, company.offices - 1) if part)]


def _assumptions(costs: Costs, company: Company, machine: Machine) -> tuple[str, ...]:
    mbit = company.mbit_per_viewer
    known = costs.least_mbit * (1 - APART) <= mbit <= costs.most_mbit * (1 + APART)
    return (
        f"an edge process costs {100 * costs.fixed_cores:.2f} % of a core and {1e6 * costs.cores_per_viewer:.0f} µs/s a viewer,"
        f" {1e6 * costs.cores_per_mbit:.0f} µs/s more for each Mbit/s: {1e6 * costs.per_viewer(mbit):.0f} µs/s at {mbit:g} Mbit/s"
        f" (fit within {100 * costs.residual_cores:.1f} % of a core)",
        f"measured between {costs.least_mbit:.1f} and {costs.most_mbit:.1f} Mbit/s"
        + ("" if known else f": {mbit:g} Mbit/s is a guess beyond that"),
        "measured over loopback, where the receiving side's kernel work is charged to the sender too; that a real card costs no"
        " more was not measured",
        f"{machine.cores} processes on {machine.cores} cores of the kind that it was measured on; cost of a core does not grow"
        " with the number of cores in use",
        f"{100 * machine.head_room:.0f} % of processor, network and memory free while all machines run",
        f"{costs.bytes_per_viewer / 1024:.0f} kB a viewer of a process's own, {costs.socket_bytes_per_viewer / 1024:.0f} kB of"
        " the kernel's for its sockets (both ends', on loopback); lines with a long way need larger buffers",
        f"{costs.fixed_bytes / 1e6:.0f} MB a process, and {WINDOW_BYTES / 1e6:.0f} MB at most of the event; one event at a time",
        f"the largest office has {100 * company.largest_office:.0f} % of the viewers, the others are alike"
        if company.offices > 1
        else "one office",
        "edges of an office take the feed from one of them, so that one copy of each rendition crosses the WAN",
        f"each office has {company.spares} machine(s) more than it needs: one may fail, its viewers go to the others there"
        if company.spares
        else "no spare machine: whom the others of an office cannot take goes over the WAN to the origin, one office at once",
    )


def _shared(viewers: int, offices: int) -> list[int]:
    return [viewers // offices + (number < viewers % offices) for number in range(offices)] if offices > 0 else []


def words(found: Plan) -> str:
    """As lines for a terminal."""
    return "\n".join(
        (
            f"{found.viewers_per_machine} viewers a machine, bounded by {found.bound}",
            f"{found.machines} machines, {found.machines_in_largest_office} of them in the largest office",
            f"in use of the busiest: {100 * found.load_with_all:.0f} %; when one of its office has failed:"
            f" {_percent(found.load_after_a_failure)}",
            f"WAN to each office: {found.wan_mbit_per_office:.1f} Mbit/s"
            f" (the largest without edges: {found.wan_mbit_without_edges:,.0f} Mbit/s)",
            f"from the origin: {found.origin_mbit:.0f} Mbit/s",
            *_without_spares(found),
            *(f"  assumed: {one}" for one in found.assumptions),
        )
    )


def _percent(load: float) -> str:
    return f"{100 * load:.0f} %" if load != float("inf") else "there is no other"


def _without_spares(found: Plan) -> list[str]:
    """What a failure costs where an office cannot bear it by itself."""
    if not found.fronts_after_a_failure:
        return []
    return [
        f"when a machine fails: {found.wan_mbit_after_a_failure:,.0f} Mbit/s over the WAN to its office,"
        f" {found.origin_mbit_after_a_failure:,.0f} Mbit/s from the origin,"
        f" where {found.fronts_after_a_failure} machine(s) more are needed"
    ]
