"""What delivery costs, way beside way in one run: `python -m loadtests.bench.delivery --out DIR`.

The same recorded parts (720p and sound, 200 ms) to the same number of viewers over loopback: a bare send loop in C, Plenum's
push (by name over one socket, as the loop has it; and as a page does) and LL-HLS, aiohttp, nginx as a file server and as a
cache. No encoder runs beside. Each turn begins with another way; figures are medians of the turns, ratios medians of the
ratios within a turn. CPU is who delivers, from the kernel's accounts; on loopback it holds the receiving side's kernel work
too, so trust ratios, not absolute numbers of viewers.

`--slope` measures pages by push at several sizes and at two bitrates instead, and with TLS: what an edge costs fixed, each
viewer, and each Mbit/s. What was asked for and could not be measured fails the run, unless this machine cannot show it.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from loadtests.bench.children import cpu_s, memory_bytes, socket_bytes
from loadtests.bench.comparison import Report, Turn, between, line, rotated, rows, table
from loadtests.bench.nginx import NoNginx
from loadtests.bench.page import page
from loadtests.bench.record import NAMES, kept
from loadtests.bench.tape import Tape, encoded, made
from loadtests.bench.ways import WAYS, Case, NotHere, Target
from loadtests.processes import family
from loadtests.scenarios.figures import Figure
from loadtests.swarm.swarm import Swarm, SwarmFailed
from loadtests.swarm.tally import BUSY
from loadtests.thresholds import EXIT_CODE

COMPARED = ("loop", "push", "push-page", "aiohttp", "files", "cache", "pull", "mediamtx")
OURS = ("push", "push-page", "pull", "push-tls", "nginx-tls", "push-page-tls", "nginx-page-tls")
"""Whose viewers must not stall."""
SOUND = {"audio": 96_000}
NARROW = {"240p": 600_000} | SOUND
"""What thousands on one machine can be given without the loopback becoming the bound."""
WIDE = {"720p": 2_500_000} | SOUND
SLOPES: tuple[tuple[str, dict[str, int], tuple[int, ...]], ...] = (
    ("push-page", NARROW, (250, 500, 1000, 2000)),
    ("push-page", WIDE, (125, 250, 500)),
    ("push-page-tls", NARROW, (125, 250, 500)),
    ("push-page-tls", WIDE, (60, 125, 250)),
    ("nginx-page-tls", NARROW, (125, 250, 500)),
    ("nginx-page-tls", WIDE, (60, 125, 250)),
)
"""Way, tape, sizes."""
SOUND_BPS = 96_000
SETTLE_S = 2.0
"""The burst with which everybody starts is not what is measured."""
LOOK_EVERY_S = 0.25
MOST_TO_LOOP = 1.6
LEAST_TO_FILES = 3.0
CONNECT_S = 40.0
TITLES = {way: title for way, (title, _) in WAYS.items()}


class Measured:
    """What a run has found so far; written down after each turn, so that nothing later can lose it."""

    def __init__(self, folder: Path | None, name: str) -> None:
        self.turns: list[Turn] = []
        self.absent: dict[str, str] = {}
        self.failed: list[str] = []
        self._folder = folder
        self._name = name

    async def add(self, way: str, turn: int, tape: Tape, viewers: int, seconds: float, names: tuple[str, ...]) -> None:
        """Measure one way, once."""
        if way in self.absent:
            return
        try:
            found = await measured(way, turn, tape, viewers, seconds, names)
        except NotHere as error:
            self.absent[way] = str(error)
            _tell(f"{TITLES[way]}: {error}")
        except (SwarmFailed, RuntimeError, OSError) as error:
            self.failed.append(f"{TITLES[way]}, {viewers} viewers, turn {turn + 1}: {error}")
            _tell(self.failed[-1])
        else:
            self.turns.append(found)
            _tell(
                f"turn {turn + 1}: {TITLES[way]}, {viewers} viewers of {found.mbit_per_viewer:.2f} Mbit/s:"
                f" {1e6 * found.cpu_per_viewer:.0f} µs/s each, p50 {found.delay_p50_ms:.1f} p99 {found.delay_p99_ms:.1f} ms,"
                f" generator {100 * found.generator_share:.0f} %"
            )
        finally:
            self._keep()

    def report(self, about: list[str]) -> Report:
        return Report(about, [], [], self.turns, self.absent, tuple(self.failed))

    def _keep(self) -> None:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            written = self._folder / f"{self._name}.json"
            written.write_bytes(msgspec.json.encode(self.report(["not finished"])))


async def measured(way: str, turn: int, tape: Tape, viewers: int, seconds: float, names: tuple[str, ...]) -> Turn:
    """One way, once. Raises NotHere."""
    with tempfile.TemporaryDirectory(prefix="plenum-delivery-") as folder:
        path = Path(folder) / "tape"
        path.write_bytes(encoded(tape))
        case = Case(Path(folder), path, viewers, seconds, names)
        try:
            async with WAYS[way][1](case) as target:
                return await asyncio.to_thread(_watch, way, turn, target, viewers, seconds, tape)
        except NoNginx:
            raise NotHere("no nginx on this machine") from None


def _watch(way: str, turn: int, target: Target, viewers: int, seconds: float, tape: Tape) -> Turn:
    before, sockets = memory_bytes(family(*target.pids)), socket_bytes()
    with Swarm(target.kind) as swarm:
        swarm.add(target.group)
        swarm.until_playing(viewers, CONNECT_S)
        time.sleep(SETTLE_S)
        who, others = family(*target.pids), family(*target.fixed_pids)
        swarm.phase("measured")
        began, spent, beside = time.monotonic(), cpu_s(who), cpu_s(others)
        buffers = _most_in_sockets(began + seconds)
        took, spent, beside = time.monotonic() - began, cpu_s(who) - spent, cpu_s(others) - beside
        swarm.phase("over")
        memory = memory_bytes(who)
        result = swarm.stop(tape.source())
        # What differs from the tape is told in the last phase, as nobody knows when it was.
        faults = result.phase("measured").faults | result.phase("over").faults
        found = result.phase("measured")
    for fault, count in faults.items():
        print(f"{way}: {count} × {fault}", file=sys.stderr)
    return Turn(
        way=way,
        turn=turn,
        viewers=viewers,
        seconds=took,
        cpu_s=spent,
        fixed_cpu_s=beside,
        mbit_s=found.mbit_s,
        messages_s=found.messages / found.seconds,
        delay_p50_ms=found.delay_ms.p50,
        delay_p99_ms=found.delay_ms.p99,
        memory_per_viewer=max(0.0, (memory - before) / viewers),
        faults=sum(faults.values()),
        stalls=found.stalls,
        generator_share=found.cpu_share,
        memory_bytes=memory,
        socket_bytes_per_viewer=max(0.0, (buffers - sockets) / viewers),
    )


def _most_in_sockets(until: float) -> int:
    """Bytes in the kernel's buffers, looked at now and then until that time."""
    most = socket_bytes()
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(LOOK_EVERY_S, left))
        most = max(most, socket_bytes())
    return most


async def compare(options: argparse.Namespace) -> Report:
    """Every way in turn."""
    tape = await asyncio.to_thread(_tape, options.mbit)
    ways = [way for way in options.ways.split(",") if way]
    found = Measured(options.out, "delivery")
    for turn in range(options.turns):
        for way in rotated(ways, turn):
            await found.add(way, turn, tape, options.viewers, options.seconds, NAMES)
    found.turns.sort(key=lambda one: (ways.index(one.way), one.turn))
    about = [
        f"{options.viewers} viewers, {options.turns} turns of {options.seconds:g} s, {tape.bits_s(*NAMES) / 1e6:.2f} Mbit/s"
        f" each ({' and '.join(NAMES)}, parts of 200 ms), {_machine()}.",
    ]
    return msgspec.structs.replace(found.report(about), rows=rows(found.turns))


async def slopes(options: argparse.Namespace, runs: Sequence[tuple[str, dict[str, int], tuple[int, ...]]]) -> Report:
    """Pages by push at several sizes and bitrates, with TLS too."""
    found = Measured(options.out, "slope")
    for turn in range(options.turns):
        for way, bitrates, sizes in runs:
            for viewers in sizes:
                await found.add(way, turn, made(bitrates, segments=4), viewers, options.seconds, tuple(bitrates))
    return fitted(found.report([f"{options.turns} turns of {options.seconds:g} s, {_machine()}."]))


def fitted(report: Report) -> Report:
    """With a line for each way and bitrate; where none can be drawn, that is a failure beside the others."""
    lines, failed = [], list(report.failed)
    for way, turns in _alike(report.turns):
        try:
            lines.append(line(way, turns))
        except ValueError as error:
            failed.append(f"{TITLES[way]}, {turns[0].mbit_per_viewer:.1f} Mbit/s: {error}")
    return msgspec.structs.replace(report, lines=lines, failed=tuple(failed))


def _alike(turns: Sequence[Turn]) -> list[tuple[str, list[Turn]]]:
    """Turns of the same way and the same tape."""
    found: dict[tuple[str, bool], list[Turn]] = {}
    for turn in turns:
        found.setdefault((turn.way, turn.mbit_per_viewer > 1.5), []).append(turn)
    return [(way, some) for (way, _), some in found.items()]


def figures(report: Report, asked: Sequence[str] = ()) -> list[Figure]:
    """The promises, which fail where they were asked for and not measured, and what must hold for them to mean anything."""
    found = []
    if _is_due(report, asked, "push", "loop"):
        ratio = _ratio(report, "push", "loop")
        found.append(Figure("push by name, CPU to the bare loop's", ratio, "x", most=MOST_TO_LOOP))
    if _is_due(report, asked, "push-page", "files"):
        ratio = _ratio(report, "files", "push-page")
        found.append(Figure("pages by push, viewers per core to nginx with files", ratio, "x", least=LEAST_TO_FILES))
    told = (
        ("pages by push, CPU to the bare loop's", "push-page", "loop"),
        ("push by name, viewers per core to nginx", "files", "push"),
    )
    for name, way, base in told:
        beside = between(report.turns, way, base)
        if beside is not None:
            found.append(Figure(name, beside, "x"))
    found.append(Figure("measurements that went wrong", len(report.failed), most=0))
    for way in dict.fromkeys(turn.way for turn in report.turns):
        turns = [turn for turn in report.turns if turn.way == way]
        busiest = max(turn.generator_share for turn in turns)
        found.append(Figure(f"faults, {TITLES[way]}", sum(turn.faults for turn in turns), most=0))
        found.append(
            Figure(f"stalls, {TITLES[way]}", sum(turn.stalls for turn in turns), most=0 if way in OURS else None)
        )
        found.append(Figure(f"generator, {TITLES[way]}", 100 * busiest, "%", most=100 * BUSY))
    return found


def _is_due(report: Report, asked: Sequence[str], *ways: str) -> bool:
    """All of these were to be measured, and this machine can show them."""
    return all(way in asked and way not in report.absent for way in ways)


def _ratio(report: Report, way: str, base: str) -> float:
    """NaN, which keeps no bound, where it was not measured."""
    found = between(report.turns, way, base)
    return float("nan") if found is None else found


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _tape(mbit: float) -> Tape:
    return made({"720p": round(1e6 * mbit) - SOUND_BPS, "audio": SOUND_BPS}, 4) if mbit else kept()


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}, Linux {platform.release().split('-')[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--viewers", type=int, default=250)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--mbit", type=float, default=0, help="of picture and sound, made; 0: the recorded 720p")
    parser.add_argument("--ways", default=",".join(COMPARED), help="of " + ", ".join(WAYS))
    parser.add_argument("--slope", action="store_true", help="pages by push at several sizes and bitrates instead")
    parser.add_argument("--out", type=Path, help="a folder for JSON and a page")
    options = parser.parse_args()
    report = asyncio.run(slopes(options, SLOPES) if options.slope else compare(options))
    print(*report.about, sep="\n")
    if report.rows:
        print(table(report.rows, TITLES))
    for one in report.lines:
        print(
            f"{TITLES[one.way]}, {one.mbit_per_viewer:.2f} Mbit/s each:"
            f" {100 * one.fixed:.2f} % of a core and {1e6 * one.per_viewer:.0f} µs/s a viewer"
            f" ({1 / one.per_viewer:.0f} viewers a core), within {100 * one.residual:.1f} %"
        )
    for way, why in report.absent.items():
        print(f"{TITLES[way]}: not measured, {why}")
    print(*report.failed, sep="\n")
    found = figures(report, () if options.slope else options.ways.split(","))
    print(*found, sep="\n")
    if options.out:
        _write(options.out, "slope" if options.slope else "delivery", report)
    return 0 if all(figure.holds for figure in found) else EXIT_CODE


def _write(folder: Path, name: str, report: Report) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(report))
    about = [*report.about, *(f"{TITLES[way]}: not measured, {why}" for way, why in report.absent.items())]
    about += report.failed
    (folder / f"{name}.html").write_text(page("Delivery", about, report.rows, report.lines, TITLES), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
