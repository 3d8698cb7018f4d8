"""The load test itself under test: a healthy server passes, and each thing made to go wrong is reported by name."""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from tests.loadtests.scripted_server import FAULTS, ScriptedServer

LOCUSTFILE = Path(__file__).resolve().parents[2] / "loadtests" / "locustfile.py"


class Run(msgspec.Struct):
    code: int
    output: str
    rows: dict[str, dict[str, str]]
    failures: dict[str, str]
    """Sentence -> step."""


async def run_locust(folder: Path, url: str, *extra: str, users: int, seconds: int) -> Run:
    load = ["-u", str(users), "-r", "20", "-t", f"{seconds}s", "--acts-per-second", "2"]
    arguments = ["--headless", "--host", url, "--csv", "run", *load, *extra]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(LOCUSTFILE),
        "--stop-timeout",
        "1",
        *arguments,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return Run(
        process.returncode or 0,
        output.decode(),
        {row["Name"]: row for row in _table(folder / "run_stats.csv")},
        {row["Error"]: row["Name"] for row in _table(folder / "run_failures.csv")},
    )


def _table(path: Path) -> Iterable[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def test_a_healthy_server_passes_with_every_step_measured(tmp_path: Path) -> None:
    async with ScriptedServer().serve() as url:
        run = await run_locust(tmp_path, url, "--join-link", f"{url}/j/abc", users=12, seconds=8)
    assert run.code == 0, run.output
    steps = {"join", "snapshot", "vote→ack", "ask→ack", "ask→seen", "first part", "part arrival", "blocking reload"}
    assert steps <= set(run.rows)
    assert float(run.rows["part arrival"]["95%"]) < 1500


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Run:
    async def run() -> Run:
        async with ScriptedServer(FAULTS).serve() as url:
            folder = tmp_path_factory.mktemp("failing")
            return await run_locust(folder, url, "--ticket", "t", "--event", "e", users=12, seconds=12)

    return asyncio.run(run())


def test_failures_end_the_run_with_code_99_and_say_which_threshold_was_missed(failing: Run) -> None:
    assert failing.code == 99
    assert "THRESHOLD MISSED" in failing.output


@pytest.mark.parametrize(
    ("sentence", "step"),
    [
        ("the join answer was 500", "join"),
        ("a part is missing or came twice", "part arrival"),
        ("no part for 3 s of picture", "part arrival"),
        ("a listed part answered 404", "part arrival"),
        ("refused: internal", "ask→ack"),
        ("no answer", "vote→ack"),
        ("an event of the log did not arrive", "question log"),
    ],
)
def test_each_failure_is_named_with_its_step(failing: Run, sentence: str, step: str) -> None:
    assert [name for text, name in failing.failures.items() if sentence in text] == [step]


async def test_a_server_that_is_away_fails_the_run(tmp_path: Path) -> None:
    run = await run_locust(tmp_path, "http://127.0.0.1:9", "--ticket", "t", users=2, seconds=3)
    assert run.code == 99
    assert "first part: never measured" in run.output
