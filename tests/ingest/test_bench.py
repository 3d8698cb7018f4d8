from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ingest.bench import bench, measure
from loadtests.films import Film, make_film

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", Film(320, 180, 25, 2.0))


def test_a_short_film_is_begun_again_until_the_frames_are_there(film: Path) -> None:
    report = measure(str(film), 120, ["240p"], "superfast")
    assert (report["frames"], report["fps"]) == (120, 25)
    assert isinstance(report["cpu_s"], float)
    assert isinstance(report["bitrate_bps"], dict)
    assert set(report["bitrate_bps"]) == {"240p", "audio"}


def test_the_process_prints_json(film: Path) -> None:
    command = [sys.executable, "-m", "ingest.transcoder", "--bench", str(film), "--frames", "30", "--ladder", "240p"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout)["frames"] == 30


def test_what_is_no_film_is_said_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = tmp_path / "note.txt"
    note.write_text("hello")
    assert bench(str(note), 10, ["240p"], "superfast") == 1
    assert "cannot be read as a film" in capsys.readouterr().err
