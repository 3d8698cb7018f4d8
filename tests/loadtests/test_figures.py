from __future__ import annotations

from xml.etree import ElementTree

import pytest

from loadtests.scenarios.figures import Figure, junit, p95, spread


@pytest.mark.parametrize(
    ("value", "least", "most", "holds"),
    [
        (1.0, 1.0, None, True),
        (0.99, 1.0, None, False),
        (3.0, None, 3.0, True),
        (3.01, None, 3.0, False),
        (9.0, None, None, True),
    ],
)
def test_a_figure_holds_within_its_bounds(value: float, least: float | None, most: float | None, holds: bool) -> None:
    assert Figure("figure", value, "s", least, most).holds is holds


def test_a_missed_bound_is_marked_and_named() -> None:
    assert str(Figure("back", 3.5, "s", most=3)).startswith("✗")
    assert str(Figure("back", 3.5, "s", most=3)).endswith("at most 3")


def test_the_95th_percentile_of_few_values_is_the_largest() -> None:
    assert p95([1.0, 5.0, 2.0]) == 5.0
    assert 18.0 < p95([float(n) for n in range(20)]) <= 19.0
    with pytest.raises(ValueError, match="no value"):
        p95([])


def test_a_spread_bounds_its_95th_percentile_alone() -> None:
    assert [figure.most for figure in spread("back", [1.0, 2.0], "s", 3.0)] == [None, 3.0, None]


def test_junit_counts_what_has_a_bound_and_what_missed_it() -> None:
    suite = ElementTree.fromstring(junit("x", [Figure("a<b", 1, most=0), Figure("c", 1, least=1), Figure("told", 5)]))
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite[0].get("name") == "a<b"
    assert suite[0][0].get("message") == "1 , wanted at most 0"
