"""The encoder benchmark: both sides do the same work, and a difference in it is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.bench import encoder
from loadtests.bench.encoder import Turn, Unfair, compare, run_ours, table
from loadtests.films import Film, make_film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("bench") / "film.mp4", Film(seconds=2))


def test_our_encoders_cost_about_what_ffmpeg_costs(film: Path) -> None:
    [turn] = compare(film, frames=90, fps=30, turns=1)
    assert 0.5 < turn.ratio < 1.5  # one short turn: the agreed bound holds for the median of five long ones


def test_a_ladder_with_other_bitrates_is_no_fair_comparison(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "LADDER", {"360p": (640, 360, 2100)})
    with pytest.raises(Unfair, match="360p"):
        run_ours(film, 60)


def test_the_table_ends_with_the_median_ratio() -> None:
    turns = [Turn(1.0, 1.0), Turn(3.0, 1.0), Turn(1.2, 1.0)]
    assert table(turns, 300).splitlines()[-1] == "| median | | | **1.20** |"
