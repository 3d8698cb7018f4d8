"""What a target may do: raise the typed errors that its function documents, and take little time (ROBUSTNESS.md S30)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from plenum.errors import PlenumError

CPU_LIMIT_S = 0.05
"""For one input. Inputs are a few KiB, so whoever takes longer is quadratic or worse (D6)."""
ATTEMPTS = 3
"""The best of so many counts: a collection of garbage falls into one."""

Run = Callable[[bytes], None]


class TooSlow(AssertionError):
    """An input that takes more than the limit every time."""


@contextmanager
def only(*codes: str) -> Iterator[None]:
    """Let these errors pass as the answer they are. Anything else is a finding."""
    try:
        yield
    except PlenumError as error:
        if error.code not in codes:
            raise


def run_once(run: Run, data: bytes, limit_s: float = CPU_LIMIT_S) -> None:
    """Raises what the target raises, and TooSlow."""
    took = limit_s
    for _ in range(ATTEMPTS):
        began = time.thread_time()
        run(data)
        took = time.thread_time() - began
        if took <= limit_s:
            return
    raise TooSlow(
        f"An input of {len(data)} bytes takes {took * 1000:.0f} ms; at most {limit_s * 1000:.0f} are allowed."
    )
