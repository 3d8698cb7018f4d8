from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def confined(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", f"from ingest.confinement import confine; confine(); {code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_confined_process_cannot_take_all_memory() -> None:
    assert "MemoryError" in confined("bytearray(2 * 1024**3)").stderr


def test_it_may_not_open_descriptors_without_end() -> None:
    assert "Too many open files" in confined("import os; [os.dup(0) for _ in range(100)]").stderr


def test_a_stricter_limit_stays() -> None:
    code = "import resource as r; print(r.getrlimit(r.RLIMIT_NOFILE)[1])"
    command = [
        sys.executable,
        "-c",
        f"import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (40, 40)); "
        f"from ingest.confinement import confine; confine(); {code}",
    ]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == "40"
