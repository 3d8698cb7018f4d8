"""What a scenario found: figures, each with the bound it must keep, as a table, JSON or JUnit. Rules only."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles
from xml.sax.saxutils import quoteattr

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One number. `least` and `most` bound it, both included; without them it is told only."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def bound(self) -> str:
        least = f"at least {self.least:g}" if self.least is not None else ""
        most = f"at most {self.most:g}" if self.most is not None else ""
        return " and ".join(filter(None, (least, most)))

    def __str__(self) -> str:
        mark = " " if not self.bound else "✓" if self.holds else "✗"
        return f"{mark} {self.name:<58} {self.value:>10.4g} {self.unit:<7} {self.bound}".rstrip()


def p95(values: Sequence[float]) -> float:
    """The 95th percentile; of fewer than 20 values the largest. Raises ValueError for none."""
    if not values:
        raise ValueError("no value was measured")
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) >= 20 else max(values)


def spread(name: str, values: Sequence[float], unit: str, most_p95: float | None = None) -> list[Figure]:
    """Median, 95th percentile and largest of some values."""
    return [
        Figure(f"{name}, median of {len(values)}", median(values), unit),
        Figure(f"{name}, p95", p95(values), unit, most=most_p95),
        Figure(f"{name}, largest", max(values), unit),
    ]


def junit(scenario: str, figures: Sequence[Figure]) -> str:
    """The figures that have a bound, as a JUnit test suite."""
    bounded = [figure for figure in figures if figure.bound]
    cases = []
    for figure in bounded:
        head = f"<testcase classname={quoteattr('plenum.' + scenario)} name={quoteattr(figure.name)}"
        said = quoteattr(f"{figure.value:g} {figure.unit}, wanted {figure.bound}")
        cases.append(f"{head}/>" if figure.holds else f"{head}><failure message={said}/></testcase>")
    failures = sum(not figure.holds for figure in bounded)
    suite = f'<testsuite name={quoteattr("plenum." + scenario)} tests="{len(bounded)}" failures="{failures}">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{suite}{"".join(cases)}</testsuite>\n'
