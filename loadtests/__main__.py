"""`python -m loadtests list`, `run SCENARIO`: long runs, each for one promise (`scenarios/`); `capacity`: how many edges.

Shows progress while it runs and a table at the end; exit code 99 when a bound was missed. With `--out DIR` the figures are
written there as JSON and JUnit too.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from types import ModuleType

import msgspec

from loadtests.bench.comparison import Report
from loadtests.capacity import Company, Machine, Tls, fit, plan, words
from loadtests.line import LineUnavailable
from loadtests.scenarios import (
    attack,
    bad_line,
    bad_offers,
    cascade,
    crowd,
    long_film,
    recovery,
    slow_readers,
    throttled_page,
    two_hours,
    whip_cycles,
)
from loadtests.scenarios.figures import Figure, junit
from loadtests.thresholds import EXIT_CODE
from loadtests.tls_proxy import ProxyUnavailable

SCENARIOS: dict[str, ModuleType] = {
    "attack": attack,
    "bad-line": bad_line,
    "bad-offers": bad_offers,
    "cascade": cascade,
    "crowd": crowd,
    "long-film": long_film,
    "recovery": recovery,
    "slow-readers": slow_readers,
    "throttled-page": throttled_page,
    "two-hours": two_hours,
    "whip-cycles": whip_cycles,
}


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.command == "list":
        for name, scenario in SCENARIOS.items():
            print(f"{name:12} {scenario.TITLE}")
        return 0
    if options.command == "capacity":
        return _capacity(options)
    began = time.monotonic()

    def show(words: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {words}", file=sys.stderr, flush=True)

    try:
        figures: list[Figure] = asyncio.run(SCENARIOS[options.scenario].run(options, show))
    except (LineUnavailable, ProxyUnavailable) as error:
        print(error, file=sys.stderr)
        return 2
    print(*figures, sep="\n")
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / f"{options.scenario}.json").write_bytes(msgspec.json.encode(figures))
        (options.out / f"{options.scenario}.xml").write_text(junit(options.scenario, figures), encoding="utf-8")
    return 0 if all(figure.holds for figure in figures) else EXIT_CODE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the scenarios")
    run = commands.add_parser("run", help="run one")
    names = run.add_subparsers(dest="scenario", required=True)
    for name, scenario in SCENARIOS.items():
        one = names.add_parser(name, help=scenario.TITLE)
        one.add_argument("--out", type=Path, help="a folder for the figures as JSON and JUnit")
        scenario.add_options(one)
    size = commands.add_parser("capacity", help="how many edges, from measured costs")
    size.add_argument("--from", dest="source", type=Path, default=Path("out/slope.json"), help="a report of --slope")
    size.add_argument("--viewers", type=int, required=True)
    size.add_argument("--offices", type=int, default=1)
    size.add_argument("--largest-office", type=float, default=0.25, help="share of all viewers in the largest office")
    size.add_argument("--tls", type=Tls, choices=list(Tls), default=Tls.NGINX)
    size.add_argument("--mbit", type=float, default=2.6, help="of a viewer, on average")
    size.add_argument("--ladder-mbit", type=float, default=5.2, help="all renditions together")
    size.add_argument("--cores", type=int, default=8)
    size.add_argument("--nic-mbit", type=float, default=10_000.0)
    size.add_argument("--memory-gb", type=float, default=16.0)
    size.add_argument("--spares", type=int, default=1, help="machines that each office has beyond what it needs")
    size.add_argument("--head-room", type=float, default=0.4)
    return parser


def _capacity(options: argparse.Namespace) -> int:
    """Exit code 2 where there is nothing to reckon with."""
    try:
        report = msgspec.json.decode(options.source.read_bytes(), type=Report)
        costs = fit(report.turns, options.tls)
        company = Company(
            options.viewers,
            options.offices,
            options.mbit,
            options.ladder_mbit,
            largest_office=options.largest_office,
            spares=options.spares,
        )
        machine = Machine(options.cores, options.nic_mbit, options.memory_gb, options.head_room)
        print(words(plan(costs, company, machine)))
    except FileNotFoundError:
        print(f"There is no {options.source}: python -m loadtests.bench.delivery --slope --out {options.source.parent}")
        return 2
    except (ValueError, msgspec.MsgspecError) as error:
        print(f"{options.source}: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
