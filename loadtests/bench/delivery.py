"""What delivery costs, way beside way in one run: `python -m loadtests.bench.delivery --out DIR`.

The same recorded parts (720p and sound, 200 ms) to the same number of viewers over loopback: a bare send loop in C, Plenum's
push and LL-HLS, aiohttp, nginx as a file server and as a cache. No encoder runs beside. Each turn begins with another way;
figures are medians of the turns, ratios medians of the ratios within a turn. CPU is who delivers, from the kernel's
accounts; on loopback it holds the receiving side's kernel work too, so trust ratios, not absolute numbers of viewers.

`--slope` measures Plenum's push at several sizes instead (and with TLS at one): what an edge costs fixed, and each viewer.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from loadtests.bench.children import cpu_s, memory_bytes
from loadtests.bench.comparison import Report, Turn, line, rotated, rows, table
from loadtests.bench.nginx import NoNginx
from loadtests.bench.page import page
from loadtests.bench.record import NAMES, kept
from loadtests.bench.tape import Tape, encoded, made
from loadtests.bench.ways import WAYS, Case, NotHere, Target
from loadtests.processes import family
from loadtests.scenarios.figures import Figure
from loadtests.swarm.swarm import Swarm, SwarmFailed
from loadtests.thresholds import EXIT_CODE

COMPARED = ("loop", "push", "aiohttp", "files", "cache", "pull", "mediamtx")
SIZES = (250, 500, 1000, 2000)
TLS_SIZES = (125, 250, 500)
SLOPE_TAPE = {"240p": 600_000, "audio": 96_000}
"""What thousands on one machine can be given without the loopback becoming the bound."""
SETTLE_S = 2.0
"""The burst with which everybody starts is not what is measured."""
MOST_TO_LOOP = 1.6
LEAST_TO_FILES = 3.0
CONNECT_S = 40.0
TITLES = {way: title for way, (title, _) in WAYS.items()}


async def measured(way: str, turn: int, tape: Tape, viewers: int, seconds: float, names: tuple[str, ...]) -> Turn:
    """One way, once. Raises NotHere."""
    with tempfile.TemporaryDirectory(prefix="plenum-delivery-") as folder:
        path = Path(folder) / "tape"
        path.write_bytes(encoded(tape))
        case = Case(Path(folder), path, viewers, seconds, names)
        try:
            async with WAYS[way][1](case) as target:
                return await asyncio.to_thread(_watch, way, turn, target, viewers, seconds)
        except NoNginx:
            raise NotHere("no nginx on this machine") from None


def _watch(way: str, turn: int, target: Target, viewers: int, seconds: float) -> Turn:
    before = memory_bytes(family(*target.pids))
    with Swarm(target.kind) as swarm:
        swarm.add(target.group)
        swarm.until_playing(viewers, CONNECT_S)
        time.sleep(SETTLE_S)
        who, others = family(*target.pids), family(*target.fixed_pids)
        swarm.phase("measured")
        began, spent, beside = time.monotonic(), cpu_s(who), cpu_s(others)
        time.sleep(seconds)
        took, spent, beside = time.monotonic() - began, cpu_s(who) - spent, cpu_s(others) - beside
        swarm.phase("over")
        memory = memory_bytes(who)
        found = swarm.stop().phase("measured")
    for fault, count in found.faults.items():
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
        faults=found.fault_count,
        stalls=found.stalls,
        generator_share=found.cpu_share,
    )


async def compare(options: argparse.Namespace) -> Report:
    """Every way in turn."""
    tape = await asyncio.to_thread(kept)
    ways = [way for way in options.ways.split(",") if way]
    turns: list[Turn] = []
    absent: dict[str, str] = {}
    for turn in range(options.turns):
        for way in rotated(ways, turn):
            if way not in absent:
                await _one(way, turn, tape, options.viewers, options.seconds, NAMES, turns, absent)
    turns.sort(key=lambda one: (ways.index(one.way), one.turn))
    about = [
        f"{options.viewers} viewers, {options.turns} turns of {options.seconds:g} s, {tape.bits_s(*NAMES) / 1e6:.2f} Mbit/s"
        f" each ({' and '.join(NAMES)}, parts of 200 ms), {_machine()}.",
    ]
    return Report(about, rows(turns), [], turns, absent)


async def slopes(options: argparse.Namespace) -> Report:
    """Push at several sizes, with TLS too."""
    tape = made(SLOPE_TAPE, segments=4)
    names = tuple(SLOPE_TAPE)
    turns: list[Turn] = []
    absent: dict[str, str] = {}
    for turn in range(options.turns):
        for way, sizes in (("push", SIZES), ("push-tls", TLS_SIZES), ("nginx-tls", TLS_SIZES)):
            for viewers in sizes:
                if way not in absent:
                    await _one(way, turn, tape, viewers, options.seconds, names, turns, absent)
    by_way = {way: [one for one in turns if one.way == way] for way in dict.fromkeys(one.way for one in turns)}
    about = [
        f"{options.turns} turns of {options.seconds:g} s, {tape.bits_s(*names) / 1e6:.2f} Mbit/s each, {_machine()}."
    ]
    return Report(about, [], [line(way, found) for way, found in by_way.items()], turns, absent)


async def _one(
    way: str,
    turn: int,
    tape: Tape,
    viewers: int,
    seconds: float,
    names: tuple[str, ...],
    turns: list[Turn],
    absent: dict[str, str],
) -> None:
    try:
        found = await measured(way, turn, tape, viewers, seconds, names)
    except (NotHere, SwarmFailed) as error:
        absent[way] = str(error)
        print(f"{TITLES[way]}: {error}", file=sys.stderr)
        return
    turns.append(found)
    print(
        f"turn {turn + 1}: {TITLES[way]}, {viewers} viewers: {1e6 * found.cpu_per_viewer:.0f} µs/s each,"
        f" p50 {found.delay_p50_ms:.1f} p99 {found.delay_p99_ms:.1f} ms, generator {100 * found.generator_share:.0f} %",
        file=sys.stderr,
        flush=True,
    )


def figures(report: Report) -> list[Figure]:
    """The two promises, where both sides were measured."""
    by_way = {row.way: row for row in report.rows}
    found = []
    push, files = by_way.get("push"), by_way.get("files")
    if push is not None and push.to_loop is not None:
        found.append(Figure("push, CPU to the bare loop's", push.to_loop, "x", most=MOST_TO_LOOP))
    if push is not None and files is not None:
        ratio = push.viewers_per_core / files.viewers_per_core
        found.append(Figure("push, viewers per core to nginx with files", ratio, "x", least=LEAST_TO_FILES))
    found += [Figure(f"faults, {TITLES[row.way]}", row.faults, most=0) for row in report.rows]
    return found


def _machine() -> str:
    return f"{platform.machine()}, Python {platform.python_version()}, Linux {platform.release().split('-')[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--viewers", type=int, default=250)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--ways", default=",".join(COMPARED), help="of " + ", ".join(WAYS))
    parser.add_argument("--slope", action="store_true", help="push at several sizes instead")
    parser.add_argument("--out", type=Path, help="a folder for JSON and a page")
    options = parser.parse_args()
    report = asyncio.run(slopes(options) if options.slope else compare(options))
    print(*report.about, sep="\n")
    if report.rows:
        print(table(report.rows, TITLES))
    for one in report.lines:
        print(
            f"{TITLES[one.way]}: {100 * one.fixed:.2f} % of a core and {1e6 * one.per_viewer:.0f} µs/s a viewer"
            f" ({1 / one.per_viewer:.0f} viewers a core), within {100 * one.residual:.1f} %"
        )
    for way, why in report.absent.items():
        print(f"{TITLES[way]}: not measured, {why}")
    found = figures(report)
    print(*found, sep="\n")
    if options.out:
        _write(options.out, "slope" if options.slope else "delivery", report)
    return 0 if all(figure.holds for figure in found) else EXIT_CODE


def _write(folder: Path, name: str, report: Report) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_bytes(msgspec.json.encode(report))
    about = [*report.about, *(f"{TITLES[way]}: not measured, {why}" for way, why in report.absent.items())]
    (folder / f"{name}.html").write_text(page("Delivery", about, report.rows, report.lines, TITLES), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
