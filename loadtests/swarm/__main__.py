"""`python -m loadtests.swarm push|pull`: viewers against a platform that runs already, with figures every few seconds.

Exit code 99 when anything was wrong: a fault, a stall, or a generator that was too busy to say.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from loadtests.swarm.group import Group, PullGroup, PushGroup
from loadtests.swarm.swarm import Swarm, SwarmFailed
from loadtests.swarm.tally import PhaseResult, SwarmResult
from loadtests.swarm.tickets import tickets
from loadtests.thresholds import EXIT_CODE

TOLD_EVERY_S = 5.0


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        result = _run(options, _group(options))
    except (SwarmFailed, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    print(result)
    if options.json:
        options.json.write_bytes(msgspec.json.encode(result))
    return EXIT_CODE if any(_is_bad(phase) for phase in result.phases) else 0


def _is_bad(phase: PhaseResult) -> bool:
    return bool(phase.fault_count or phase.stalls or phase.is_busy)


def _run(options: argparse.Namespace, group: Group) -> SwarmResult:
    with Swarm(options.kind, options.workers) as swarm:
        swarm.add(group)
        swarm.until_playing(options.viewers, options.viewers / options.connect_per_s + 30)
        swarm.phase("watching")
        ends = time.monotonic() + options.seconds
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(TOLD_EVERY_S, left))
            print(swarm.status(), file=sys.stderr, flush=True)
        return swarm.stop()


def _group(options: argparse.Namespace) -> Group:
    if options.kind == "pull":
        return PullGroup(
            tuple(options.url),
            options.viewers,
            rendition=options.rendition,
            delta=not options.no_delta,
            blocking=not options.no_blocking,
            connect_per_s=options.connect_per_s,
            ca_file=options.ca_file,
        )
    addresses = tuple(_feed(url, options.event) for url in options.url)
    made = tickets(Path(options.data_dir), options.event, options.viewers) if not options.ticket else None
    return PushGroup(
        tuple(addresses[n:] + addresses[:n] for n in range(len(addresses))),
        made or (options.ticket,) * options.viewers,
        renditions=tuple(filter(None, options.renditions.split(","))),
        beside=tuple(filter(None, options.beside.split(","))),
        most=options.most,
        read_bytes_s=options.read_bytes_s,
        may_skip=options.read_bytes_s > 0,
        connect_per_s=options.connect_per_s,
        ca_file=options.ca_file,
    )


def _feed(url: str, event: str) -> str:
    """The feed's address of a platform's, unless it is one."""
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path if parts.path.endswith("/feed") else f"/live/{event}/feed"
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.swarm", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, words in (("push", "by the feed"), ("pull", "by LL-HLS")):
        one = kinds.add_parser(kind, help=words)
        one.add_argument("--url", action="append", required=True, help="platform, edge or playlist; again: another one")
        one.add_argument("--viewers", type=int, default=100)
        one.add_argument("--seconds", type=float, default=60.0)
        one.add_argument("--workers", type=int, default=1, help="processes of the generator")
        one.add_argument("--connect-per-s", type=float, default=200.0)
        one.add_argument("--ca-file", default="", help="the certificate to trust; without it none is looked at")
        one.add_argument("--json", type=Path, help="write the figures there")
    push, pull = kinds.choices["push"], kinds.choices["pull"]
    push.add_argument("--event", default="demo")
    push.add_argument("--data-dir", default="var", help="data folder of the platform, whose secret signs tickets")
    push.add_argument("--ticket", default="", help="one ticket for all (needs the load profile)")
    push.add_argument("--renditions", default="auto", help="of the first line, by name, or auto")
    push.add_argument("--beside", default="audio", help="of a second line; empty: none")
    push.add_argument("--most", default="", help="with auto: no larger rendition")
    push.add_argument("--read-bytes-s", type=float, default=0.0, help="slow readers: so much a second and line")
    pull.add_argument("--rendition", default="", help="by name; empty: all in turn")
    pull.add_argument("--no-delta", action="store_true", help="whole playlists")
    pull.add_argument("--no-blocking", action="store_true", help="ask again and again instead of waiting")
    return parser


if __name__ == "__main__":
    sys.exit(main())
