from __future__ import annotations

import numpy as np
import pytest

from loadtests.bench.comparison import Turn
from loadtests.capacity import Company, Costs, Machine, Tls, fit, plan, words

FIXED, EACH = 0.02, 300e-6
COSTS = Costs(FIXED, EACH, 0.0, mbit_per_viewer=2.0, bytes_per_viewer=40_000, residual_cores=0.0)


def turns(way: str, rates: tuple[float, ...] = (2.0,), noise: float = 0.0) -> list[Turn]:
    """An edge that costs 20 thousandths of a core, 200 µs/s a viewer and 50 µs/s for each Mbit/s of it."""
    chance = np.random.default_rng(3)
    return [
        Turn(
            way=way,
            turn=0,
            viewers=viewers,
            seconds=10.0,
            cpu_s=10.0 * (FIXED + viewers * (200e-6 + 50e-6 * rate)) * (1 + noise * chance.standard_normal()),
            fixed_cpu_s=0.0,
            mbit_s=rate * viewers,
            messages_s=10.0 * viewers,
            delay_p50_ms=5.0,
            delay_p99_ms=9.0,
            memory_per_viewer=40_000,
            faults=0,
            stalls=0,
            generator_share=0.3,
        )
        for rate in rates
        for viewers in (250, 500, 1000, 2000)
    ]


def test_a_fit_finds_what_an_edge_was_made_to_cost() -> None:
    found = fit(turns("push"))
    assert found.fixed_cores == pytest.approx(FIXED)
    assert found.cores_per_viewer == pytest.approx(EACH)
    assert found.residual_cores == pytest.approx(0.0, abs=1e-9)


def test_two_bitrates_tell_what_bits_cost() -> None:
    found = fit(turns("push", rates=(0.7, 3.0)))
    assert found.cores_per_mbit == pytest.approx(50e-6)
    assert found.per_viewer(5.0) == pytest.approx(450e-6)


def test_a_few_percent_of_noise_move_the_fit_by_no_more() -> None:
    found = fit(turns("push", noise=0.03) + turns("push", noise=0.03))
    assert found.cores_per_viewer == pytest.approx(EACH, rel=0.08)
    assert 0 < found.residual_cores < 0.1


def test_each_kind_of_tls_is_reckoned_from_its_own_turns() -> None:
    assert fit(turns("nginx-tls"), Tls.NGINX).cores_per_viewer == pytest.approx(EACH)
    with pytest.raises(ValueError, match="push-tls"):
        fit(turns("nginx-tls"), Tls.PROCESS)


def test_one_size_is_no_line() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        fit(turns("push")[:1])


@pytest.mark.parametrize(
    ("machine", "bound", "carried"),
    [
        # 4 cores x (0.6 - 0.02) / 300 µs/s
        (Machine(cores=4, nic_mbit_s=1e6, memory_gb=64, head_room=0.4), "cpu", 7733),
        # 600 Mbit/s of 2.08 each
        (Machine(cores=64, nic_mbit_s=1000, memory_gb=64, head_room=0.4), "network", 288),
        # 0.6 GB of 40 kB each
        (Machine(cores=64, nic_mbit_s=1e6, memory_gb=1, head_room=0.4), "memory", 15_000),
    ],
)
def test_a_machine_carries_what_its_tightest_bound_allows(machine: Machine, bound: str, carried: int) -> None:
    found = plan(COSTS, Company(1000, 1, mbit_per_viewer=2.0), machine)
    assert (found.bound, found.viewers_per_machine) == (bound, carried)


def test_every_office_has_whole_machines_and_one_copy_of_the_ladder() -> None:
    company = Company(50_000, 40, mbit_per_viewer=2.0, ladder_mbit=5.0, largest_office=0.2)
    found = plan(COSTS, company, Machine(cores=4, nic_mbit_s=10_000, head_room=0.4))
    per_machine = found.viewers_per_machine
    others = [40_000 // 39 + (number < 40_000 % 39) for number in range(39)]
    assert found.machines == -(-10_000 // per_machine) + sum(-(-part // per_machine) for part in others)
    assert found.wan_mbit_per_office == pytest.approx(5.2)
    assert found.origin_mbit == pytest.approx(40 * 5.2)
    assert "one copy of each rendition crosses the WAN" in words(found)


def test_a_machine_that_is_all_head_room_carries_nobody() -> None:
    with pytest.raises(ValueError, match="carries no viewer"):
        plan(COSTS, Company(10, 1), Machine(head_room=0.99))
