"""`python -m tests.fuzz [TARGET …] --seconds N` · `python -m tests.fuzz TARGET --replay FILE`: README.md.

Every target runs in a child of its own (child.py), one after the other: a finding ends that child, not the others.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "fuzz"
TELL_EVERY_S = 5.0
LINES_KEPT = 60
"""Of what a child said: with a finding its traceback is among them."""
SHOWN_MAX = 4096
"""A larger reproducer is not printed, only named."""

_PULSE = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)")
_TOTAL = re.compile(r"stat::number_of_executed_units:\s+(\d+)")


@dataclass
class Course:
    """How far a target has come."""

    name: str
    runs: int = 0
    coverage_at_first: int = 0
    coverage: int = 0
    corpus: int = 0

    def read(self, line: str) -> None:
        """libFuzzer reports at powers of two and whenever an input reached something new."""
        if match := _PULSE.search(line):
            self.runs, self.coverage, self.corpus = int(match[1]), int(match[2]), int(match[4])
            self.coverage_at_first = self.coverage_at_first or (self.coverage if "INITED" in line else 0)
        if match := _TOTAL.search(line):
            self.runs = int(match[1])

    def told(self, seconds: float) -> str:
        grown = self.coverage - self.coverage_at_first
        return (
            f"{self.name:<15} {seconds:4.0f} s {self.runs:>11,} inputs {self.runs / max(seconds, 1):>8,.0f}/s"
            f"   coverage {self.coverage:>5} (+{grown})   corpus {self.corpus:>5}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="run one target on this input, without atheris")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if given.replay:
        if len(given.targets) != 1:
            parser.error("--replay wants one target")
        return replay(given.targets[0], given.replay)
    found = [name for name in given.targets or TARGETS if not fuzz(name, given.seconds)]
    if found:
        say(f"Findings: {', '.join(found)}")
    return 1 if found else 0


def replay(name: str, file: Path) -> int:
    """Raises what the target raises."""
    from tests.fuzz.allowance import run_once
    from tests.fuzz.targets import load

    run_once(load(name).run, file.read_bytes())
    say(f"{name}: nothing wrong with {file}")
    return 0


def fuzz(name: str, seconds: int) -> bool:
    """Whether the target ran through without a finding."""
    folder = CACHE / name
    for part in ("corpus", "findings"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    before = set((folder / "findings").iterdir())
    with subprocess.Popen(  # our own module
        child_command(name, folder, seconds),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as child:
        try:
            said = _follow(child, Course(name))
        finally:
            child.kill()
    if child.returncode == 0:
        return True
    say("\n".join(said))
    for file in sorted(set((folder / "findings").iterdir()) - before):
        path = os.path.relpath(file, ROOT)
        say(f"✗ {name}: {path}\n  again: python -m tests.fuzz {name} --replay {path}")
        if file.stat().st_size <= SHOWN_MAX:
            say(f"  base64: {base64.b64encode(file.read_bytes()).decode()}")
    return False


def child_command(name: str, folder: Path, seconds: int) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.child", name, str(folder), str(seconds)]


def _follow(child: subprocess.Popen[str], course: Course) -> list[str]:
    """Tell how it goes until it ends; returns the last lines that it wrote."""
    began = told = time.monotonic()
    said: deque[str] = deque(maxlen=LINES_KEPT)
    assert child.stdout is not None
    for line in child.stdout:
        course.read(line)
        if not _PULSE.search(line):
            said.append(line.rstrip())
        if time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            say("… " + course.told(told - began))
    code = child.wait()
    say(f"{'✗' if code else '✓'} {course.told(time.monotonic() - began)}")
    return list(said)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
