"""The load test: `locust -f loadtests/locustfile.py --host http://127.0.0.1:8080` (see README.md).

Viewers by push and by LL-HLS who read the board, vote and ask, and one moderator. The exit code is 99 when a threshold
was missed: a failure anywhere, a step too slow or never measured, or a generator that was itself too busy.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import WorkerRunner

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # locust -f puts only this folder on the path

from loadtests.thresholds import EXIT_CODE, Measured, Thresholds, missed
from loadtests.users import options
from loadtests.users.moderator import Moderator
from loadtests.users.pull import PullViewer
from loadtests.users.push import PushViewer
from loadtests.users.report import Step

__all__ = ["Moderator", "PullViewer", "PushViewer"]

ANSWERS = (Step.JOIN, Step.SNAPSHOT, Step.ASK, Step.VOTE, Step.PUBLISH, Step.PUBLISHED, Step.SEEN)
REQUIRED = frozenset({Step.JOIN, Step.SNAPSHOT, Step.FIRST_PART, Step.PART})


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # locust leaves it untyped
def _options(parser: LocustArgumentParser) -> None:
    options.add_options(parser)


@events.quitting.add_listener  # type: ignore[untyped-decorator]  # locust leaves it untyped
def _judge(environment: Environment, **_: Any) -> None:
    """Print what was missed and set the exit code; only where the figures of all workers meet."""
    if isinstance(environment.runner, WorkerRunner) or environment.parsed_options is None:
        return
    chosen = environment.parsed_options
    thresholds = Thresholds(
        limits_ms={str(step): chosen.max_ack_ms for step in ANSWERS} | {str(Step.PART): chosen.max_part_lag_ms},
        required=frozenset(map(str, REQUIRED)),
    )
    rows = [
        Measured(entry.name, entry.num_requests, entry.num_failures, entry.get_response_time_percentile(0.95) or 0.0)
        for entry in environment.stats.entries.values()
    ]
    busy = bool(getattr(environment.runner, "cpu_warning_emitted", False))
    complaints = missed(rows, thresholds, busy)
    for complaint in complaints:
        print(f"THRESHOLD MISSED  {complaint}", file=sys.stderr)
    environment.process_exit_code = EXIT_CODE if complaints else 0
