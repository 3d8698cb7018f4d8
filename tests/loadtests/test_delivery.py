"""The delivery benchmark's rules, and each of its ways once, small."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from loadtests.bench import delivery
from loadtests.bench.comparison import Line, Report, Turn, between, line, rotated, rows, table
from loadtests.bench.delivery import COMPARED, Measured, figures, fitted, measured
from loadtests.bench.nginx import SEARCHED
from loadtests.bench.page import page
from loadtests.bench.send_loop import compiler
from loadtests.bench.tape import made
from loadtests.bench.ways import NotHere
from loadtests.swarm.swarm import SwarmFailed

TURN = Turn("loop", 0, 100, 10.0, 1.0, 0.0, 250.0, 1000.0, 5.0, 9.0, 1024.0, 0, 0, 0.2)


def turn(way: str, number: int, cpu_s: float) -> Turn:
    return msgspec.structs.replace(TURN, way=way, turn=number, cpu_s=cpu_s)


def test_a_ratio_is_the_median_of_the_ratios_within_a_turn() -> None:
    """The machine was twice as slow in the last turn, for both."""
    turns = [turn("loop", 0, 1.0), turn("loop", 1, 1.0), turn("loop", 2, 2.0)]
    turns += [turn("push", 0, 1.5), turn("push", 1, 1.4), turn("push", 2, 3.2)]
    loop, push = rows(turns)
    assert (loop.to_loop, push.to_loop) == (1.0, pytest.approx(1.5))
    assert push.viewers_per_core == pytest.approx(1 / (1.5 / 10 / 100))


def test_the_ratio_of_two_ways_is_taken_within_each_turn_too() -> None:
    """The medians of both would say 4."""
    turns = [turn("files", 0, 1.0), turn("files", 1, 4.0), turn("files", 2, 8.0)]
    turns += [turn("push-page", 0, 1.0), turn("push-page", 1, 2.0), turn("push-page", 2, 1.0)]
    assert between(turns, "files", "push-page") == 2.0
    assert between(turns, "files", "loop") is None


def test_each_turn_begins_with_another_way() -> None:
    assert [rotated(["a", "b", "c"], turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]


def test_a_line_through_sizes_gives_the_fixed_part_and_the_slope() -> None:
    turns = [msgspec.structs.replace(TURN, viewers=n, cpu_s=10 * (0.05 + n * 2e-4)) for n in (100, 200, 400)]
    found = line("push", turns)
    assert (found.fixed, found.per_viewer) == (pytest.approx(0.05), pytest.approx(2e-4))


@pytest.mark.parametrize(("push", "files", "holds"), [(1.5, 6.0, True), (1.7, 6.0, False), (1.5, 4.0, False)])
def test_the_promises_are_judged(push: float, files: float, holds: bool) -> None:
    turns = [turn("loop", 0, 1.0), turn("push", 0, push), turn("push-page", 0, 1.9), turn("files", 0, files)]
    report = Report([], rows(turns), [], turns, {})
    assert all(figure.holds for figure in figures(report, COMPARED)) is holds


def missed(report: Report) -> list[str]:
    return [figure.name for figure in figures(report, COMPARED) if not figure.holds]


def test_a_promise_that_was_asked_for_and_not_measured_is_missed() -> None:
    turns = [turn("loop", 0, 1.0), turn("files", 0, 6.0)]
    found = missed(Report([], rows(turns), [], turns, {}, failed=("push: nobody had a picture",)))
    assert found == [
        "push by name, CPU to the bare loop's",
        "pages by push, viewers per core to nginx with files",
        "measurements that went wrong",
    ]


def test_a_way_that_this_machine_cannot_show_is_no_failure() -> None:
    turns = [turn("push", 0, 1.0), turn("push-page", 0, 1.0)]
    assert missed(Report([], rows(turns), [], turns, {"loop": "no C compiler", "files": "no nginx"})) == []


def good(**other: object) -> list[Turn]:
    turns = [turn("loop", 0, 1.0), turn("push", 0, 1.5), turn("push-page", 0, 1.9), turn("files", 0, 6.0)]
    return [*turns[:2], msgspec.structs.replace(turns[2], **other), turns[3]]


@pytest.mark.parametrize(
    ("what", "other"), [("faults", {"faults": 1}), ("stalls", {"stalls": 1}), ("generator", {"generator_share": 0.95})]
)
def test_faults_stalls_and_a_busy_generator_fail_a_run(what: str, other: dict[str, object]) -> None:
    assert missed(Report([], [], [], good(), {})) == []
    assert [name.partition(",")[0] for name in missed(Report([], [], [], good(**other), {}))] == [what]


async def test_what_fails_is_told_apart_from_what_is_not_here_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def measure(way: str, number: int, *_: object) -> Turn:
        if way == "mediamtx":
            raise NotHere("not served")
        if way == "push":
            raise SwarmFailed("0 of 100 viewers had a picture")
        return turn(way, number, 1.0)

    monkeypatch.setattr(delivery, "measured", measure)
    found, tape = Measured(tmp_path, "delivery"), made({"audio": 64_000}, segments=1)
    for way in ("loop", "mediamtx", "push"):
        await found.add(way, 0, tape, 100, 1.0, ("audio",))
    written = msgspec.json.decode((tmp_path / "delivery.json").read_bytes(), type=Report)
    assert [one.way for one in written.turns] == ["loop"]
    assert (list(written.absent), len(written.failed)) == (["mediamtx"], 1)


def test_a_way_with_one_size_left_is_a_failure_and_the_others_keep_their_lines() -> None:
    turns = [msgspec.structs.replace(TURN, way="push-page", viewers=n, mbit_s=0.7 * n) for n in (100, 200)]
    turns.append(msgspec.structs.replace(TURN, way="push-page-tls", mbit_s=70.0))
    found = fitted(Report([], [], [], turns, {}))
    assert [one.way for one in found.lines] == ["push-page"]
    assert len(found.failed) == 1 and "TLS in process" in found.failed[0]


def test_two_bitrates_make_two_lines() -> None:
    turns = [msgspec.structs.replace(TURN, viewers=n, mbit_s=rate * n) for rate in (0.7, 2.6) for n in (100, 200)]
    assert [one.mbit_per_viewer for one in fitted(Report([], [], [], turns, {})).lines] == [
        pytest.approx(0.7),
        pytest.approx(2.6),
    ]


def test_the_page_holds_everything_itself_and_escapes_words() -> None:
    found = page(
        "a <b>", ["x & y"], rows([TURN]), [Line("loop", 0.1, 2e-4, 0.0, ((100, 0.12),))], {"loop": "the <loop>"}
    )
    assert "a &lt;b&gt;" in found and "the &lt;loop&gt;" in found
    assert "http" not in found.replace("http-equiv", "")
    assert "prefers-color-scheme" in found
    assert "to loop" in table(rows([TURN]), {})


@pytest.mark.parametrize(
    "way", ["loop", "push", "push-page", "nginx-page-tls", "push-page-tls", "aiohttp", "files", "cache", "pull"]
)
async def test_each_way_delivers_every_part(way: str) -> None:
    if way == "loop" and compiler() is None:
        pytest.skip("no C compiler")
    if way in ("files", "cache", "nginx-page-tls") and shutil.which("nginx", path=SEARCHED) is None:
        pytest.skip("no nginx")
    tape = made({"240p": 300_000, "audio": 64_000})
    found = await measured(way, 0, tape, 4, 1.0, ("240p", "audio"))
    assert found.faults == 0
    assert found.messages_s >= 4 * 8
    assert 0 < found.cpu_s < 2
    assert way == "loop" or found.memory_bytes > 1e6
    assert not list(Path("/dev/shm").glob("plenum-delivery-*"))
