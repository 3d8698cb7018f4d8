"""When a load test has passed. Rules only.

A run passes when nothing failed, every step that the run must show was measured, no step was slower than agreed, and the
generator itself was not the bottleneck: a saturated generator reports its own delays as the platform's.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

EXIT_CODE = 99
"""As `plenum load run` (and k6): a threshold was missed."""


class Measured(msgspec.Struct, frozen=True):
    """One row of the report."""

    name: str
    count: int
    failures: int
    p95_ms: float


class Thresholds(msgspec.Struct, frozen=True):
    """`limits_ms` names steps and the p95 each may have; `required` names steps that must have been measured."""

    limits_ms: dict[str, int]
    required: frozenset[str]


def missed(rows: Iterable[Measured], thresholds: Thresholds, generator_busy: bool) -> list[str]:
    """What was not good enough, one sentence each; empty means passed."""
    table = list(rows)
    failures = [f"{row.name}: {row.failures} of {row.count} failed" for row in table if row.failures]
    slow = [
        f"{row.name}: p95 {row.p95_ms:.0f} ms, at most {limit} allowed"
        for row in table
        if (limit := thresholds.limits_ms.get(row.name)) is not None and row.p95_ms > limit
    ]
    measured = {row.name for row in table if row.count > row.failures}
    absent = [f"{name}: never measured" for name in sorted(thresholds.required - measured)]
    busy = ["the load generator was busy above 90 %: its figures are not the platform's"] if generator_busy else []
    return failures + slow + absent + busy
