from __future__ import annotations

import numpy as np
import pytest

from loadtests.swarm.checks import Key
from loadtests.swarm.tally import BINS, BINS_PER_S, Tally, bins, merged, percentiles, result_of


def test_percentiles_of_two_processes_are_those_of_all_samples() -> None:
    chance = np.random.default_rng(1)
    samples = chance.gamma(2.0, 0.02, 20_000)
    halves = (bins(), bins())
    for number, sample in enumerate(samples):
        halves[number % 2][int(sample * BINS_PER_S)] += 1
    found = percentiles(halves)
    assert found.count == 20_000
    assert [found.p50, found.p95, found.p99] == pytest.approx(
        list(np.percentile(samples, [50, 95, 99]) * 1000), abs=0.15
    )


def test_of_nothing_percentiles_are_nothing() -> None:
    assert percentiles([bins()]).count == 0


def tally(faults: int = 0, cpu_s: float = 1.0) -> Tally:
    one = Tally("calm", 100.0, 0.0)
    one.messages, one.bytes, one.watched_s, one.stall_s = 10, 1_000_000, 50.0, 0.5
    one.delays[BINS] += 1
    if faults:
        one.faults["lost"] += faults
    return one.close(110.0, cpu_s)


def test_processes_add_up_and_the_busiest_one_tells() -> None:
    found = merged("calm", [tally(), tally(faults=2, cpu_s=9.5)])
    assert (found.messages, found.faults, found.mbit_s) == (20, {"lost": 2}, 1.6)
    assert found.stall_ratio == pytest.approx(0.01)
    assert found.is_busy and "busy above 90 %" in str(found)


def test_what_two_processes_saw_differently_is_a_fault() -> None:
    key: Key = (2, 0, 1, 7, 3)
    same = result_of([[tally()], [tally()]], [{key: b"a"}, {key: b"a"}])
    other = result_of([[tally()], [tally()]], [{key: b"a"}, {key: b"b"}])
    assert same.phase("calm").fault_count == 0
    assert other.phase("calm").fault_count == 1
