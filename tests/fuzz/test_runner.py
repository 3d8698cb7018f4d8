"""The runner with a stand-in for atheris: what it tells, what it says of a finding, how it exits."""

import sys
from pathlib import Path

import pytest

from tests.fuzz import __main__ as runner

SAYS = """
print("INFO: seed corpus")
print("#3\\tINITED cov: 40 ft: 50 corp: 3/1Kb exec/s: 0 rss: 50Mb")
print("#1024\\tNEW    cov: 44 ft: 60 corp: 5/1Kb lim: 64 exec/s: 512 rss: 50Mb")
"""
FINDS = (
    SAYS
    + """
import sys, pathlib
print("KeyError: 'planted'")
pathlib.Path(sys.argv[2], "findings", "crash-1").write_bytes(b"77")
sys.exit(77)
"""
)


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def stand_in(script: str) -> None:
        monkeypatch.setattr(runner, "CACHE", tmp_path)
        monkeypatch.setattr(
            runner, "child_command", lambda name, folder, _: [sys.executable, "-c", script, name, str(folder)]
        )

    return stand_in


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fuzz", *arguments])
    return runner.main()


def test_a_target_that_runs_through_tells_how_far_it_came(child, monkeypatch, capsys) -> None:
    child(SAYS + "print('stat::number_of_executed_units: 1500')")
    assert run(monkeypatch, "rtp", "rtcp") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["✓", "rtp"], ["✓", "rtcp"]]
    assert "1,500 inputs" in lines[0]
    assert "coverage    44 (+4)" in lines[0]


def test_a_finding_is_shown_with_its_reproducer_and_the_other_targets_still_run(child, monkeypatch, capsys) -> None:
    child(FINDS)
    assert run(monkeypatch, "rtp", "rtcp") == 1
    said = capsys.readouterr().out
    assert "KeyError: 'planted'" in said
    assert "crash-1" in said
    assert "base64: Nzc=" in said
    assert "Findings: rtp, rtcp" in said


def test_a_finding_is_run_again_without_atheris(monkeypatch, tmp_path, capsys) -> None:
    (tmp_path / "crash-1").write_bytes(b"\x80\x60")
    assert run(monkeypatch, "rtp", "--replay", str(tmp_path / "crash-1")) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_a_target_that_does_not_exist_is_named(monkeypatch, capsys) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, "rtp", "rtsp")
    assert "no such target: rtsp" in capsys.readouterr().err
