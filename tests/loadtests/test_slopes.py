"""How fast a figure grows, and how sure that is."""

from __future__ import annotations

import numpy as np
import pytest

from loadtests.slopes import slope


def test_a_straight_line_has_its_rise_and_no_doubt() -> None:
    found = slope([0, 1, 2, 3], [5, 7, 9, 11])
    assert (found.value, found.high - found.low) == (pytest.approx(2), pytest.approx(0, abs=1e-6))


@pytest.mark.parametrize("wander", [0.0, 0.9])
def test_the_true_rise_is_within_the_range_nearly_always(wander: float) -> None:
    noise, hits = np.random.default_rng(1), 0
    x = np.arange(100) / 100
    for _ in range(200):
        steps = noise.normal(size=100)
        wandering = np.zeros(100)
        for index in range(1, 100):
            wandering[index] = wander * wandering[index - 1] + steps[index]
        found = slope(list(x), list(3 * x + wandering))
        hits += found.low <= 3 <= found.high
    assert hits >= 170


def test_of_noise_alone_no_rise_is_sure() -> None:
    noise = np.random.default_rng(2)
    found = slope(list(range(100)), list(noise.normal(size=100)))
    assert found.low < 0 < found.high


def test_a_leak_is_seen_through_noise() -> None:
    noise = np.random.default_rng(3)
    x = np.arange(100) / 60
    assert slope(list(x), list(8 * x + noise.normal(size=100))).low > 5


def test_three_samples_make_no_slope() -> None:
    with pytest.raises(ValueError, match="four"):
        slope([1, 2, 3], [1, 2, 3])
