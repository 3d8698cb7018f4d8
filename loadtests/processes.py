"""What a program cost: its output and the CPU time of it and all its children, from the kernel's own accounts."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec


def family(*pids: int) -> list[int]:
    """The processes and all their descendants, themselves first."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
                parents[int(entry.name)] = int(fields[1])
    found = list(pids)
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


class Spent(msgspec.Struct, frozen=True):
    output: str
    cpu_s: float


def cpu_of(command: Sequence[str]) -> Spent:
    """Run to the end. Raises RuntimeError with what it said when it fails."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with code {done.returncode}: {done.stderr.strip()[-1000:]}")
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(done.stdout, spent)
