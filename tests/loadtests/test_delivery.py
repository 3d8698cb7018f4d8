"""The delivery benchmark's rules, and each of its ways once, small."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from loadtests.bench.comparison import Line, Report, Turn, line, rotated, rows, table
from loadtests.bench.delivery import figures, measured
from loadtests.bench.nginx import SEARCHED
from loadtests.bench.page import page
from loadtests.bench.send_loop import compiler
from loadtests.bench.tape import made

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


def test_each_turn_begins_with_another_way() -> None:
    assert [rotated(["a", "b", "c"], turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]


def test_a_line_through_sizes_gives_the_fixed_part_and_the_slope() -> None:
    turns = [msgspec.structs.replace(TURN, viewers=n, cpu_s=10 * (0.05 + n * 2e-4)) for n in (100, 200, 400)]
    found = line("push", turns)
    assert (found.fixed, found.per_viewer) == (pytest.approx(0.05), pytest.approx(2e-4))


@pytest.mark.parametrize(("push", "files", "holds"), [(1.5, 6.0, True), (1.7, 6.0, False), (1.5, 4.0, False)])
def test_the_promises_are_judged(push: float, files: float, holds: bool) -> None:
    turns = [turn("loop", 0, 1.0), turn("push", 0, push), turn("files", 0, files)]
    report = Report([], rows(turns), [], turns, {})
    assert all(figure.holds for figure in figures(report)) is holds


def test_the_page_holds_everything_itself_and_escapes_words() -> None:
    found = page(
        "a <b>", ["x & y"], rows([TURN]), [Line("loop", 0.1, 2e-4, 0.0, ((100, 0.12),))], {"loop": "the <loop>"}
    )
    assert "a &lt;b&gt;" in found and "the &lt;loop&gt;" in found
    assert "http" not in found.replace("http-equiv", "")
    assert "prefers-color-scheme" in found
    assert "to loop" in table(rows([TURN]), {})


@pytest.mark.parametrize("way", ["loop", "push", "aiohttp", "files", "cache", "pull"])
async def test_each_way_delivers_every_part(way: str) -> None:
    if way == "loop" and compiler() is None:
        pytest.skip("no C compiler")
    if way in ("files", "cache") and shutil.which("nginx", path=SEARCHED) is None:
        pytest.skip("no nginx")
    tape = made({"240p": 300_000, "audio": 64_000})
    found = await measured(way, 0, tape, 4, 1.0, ("240p", "audio"))
    assert found.faults == 0
    assert found.messages_s >= 4 * 8
    assert 0 < found.cpu_s < 2
    assert not list(Path("/dev/shm").glob("plenum-delivery-*"))
