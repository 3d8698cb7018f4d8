"""The load test's own options on locust's command line, and the way in that they choose."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.users.entrance import ByInstallation, ByLink, ByTicket, Entrance
from plenum.identity import Role


def add_options(parser: LocustArgumentParser) -> None:
    group = parser.add_argument_group("Plenum", "How virtual people get in, and what is good enough")
    group.add_argument("--join-link", default="", env_var="PLENUM_LOAD_JOIN_LINK", help="Invitation link for viewers")
    group.add_argument(
        "--producer-link", default="", env_var="PLENUM_LOAD_PRODUCER_LINK", help="Invitation link for the moderator"
    )
    group.add_argument(
        "--ticket", default="", env_var="PLENUM_LOAD_TICKET", help="Bearer ticket that all viewers share"
    )
    group.add_argument("--event", default="demo", env_var="PLENUM_LOAD_EVENT", help="Event id, without a link")
    group.add_argument("--tenant", default="main", help="Tenant of the installation on this machine")
    group.add_argument(
        "--data-dir",
        default="var",
        env_var="PLENUM_DATA_DIR",
        help="Without link and ticket: data folder of the platform on this machine, whose secret signs tickets",
    )
    group.add_argument(
        "--acts-per-second", type=float, default=0.2, help="Votes and questions of each viewer, twelve to one"
    )
    group.add_argument(
        "--max-part-lag-ms", type=int, default=1500, help="p95 of capture to arrival of a part may not exceed this"
    )
    group.add_argument("--max-ack-ms", type=int, default=500, help="p95 of any answer may not exceed this")


def of(environment: Environment) -> Namespace:
    """The options of this run; locust always has some, though its types doubt it."""
    options: Namespace | None = environment.parsed_options
    if options is None:
        raise RuntimeError("Start this with the `locust` command: it reads the options.")
    return options


def viewer_entrance(options: Namespace) -> Entrance:
    """Raises FileNotFoundError when there is neither link nor ticket nor a platform on this machine."""
    if options.join_link:
        return ByLink(options.join_link)
    if options.ticket:
        return ByTicket(options.ticket, options.event)
    return ByInstallation(Path(options.data_dir), options.tenant, options.event, Role.VIEWER)


def producer_entrance(options: Namespace) -> Entrance | None:
    """None when the load test was not let in as a producer."""
    if options.producer_link:
        return ByLink(options.producer_link)
    if options.join_link or options.ticket:
        return None
    return ByInstallation(Path(options.data_dir), options.tenant, options.event, Role.PRODUCER)
