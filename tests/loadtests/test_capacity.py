from __future__ import annotations

import msgspec
import numpy as np
import pytest

from loadtests.bench.comparison import Turn
from loadtests.capacity import Company, Costs, Machine, Tls, fit, plan, words

FIXED, EACH, BITS = 0.02, 200e-6, 50e-6
COSTS = Costs(FIXED, EACH, BITS, 0.7, 3.0, 90e6, 40_000, 10_000, residual_cores=0.0)
PER_VIEWER = EACH + 2 * BITS
"""At 2 Mbit/s."""


def turns(way: str, rates: tuple[float, ...] = (0.7, 3.0), noise: float = 0.0) -> list[Turn]:
    """An edge that costs 20 thousandths of a core, 200 µs/s a viewer and 50 µs/s for each Mbit/s of it."""
    chance = np.random.default_rng(3)
    return [
        Turn(
            way=way,
            turn=0,
            viewers=viewers,
            seconds=10.0,
            cpu_s=10.0 * (FIXED + viewers * (EACH + BITS * rate)) * (1 + noise * chance.standard_normal()),
            fixed_cpu_s=0.0,
            mbit_s=rate * viewers,
            messages_s=10.0 * viewers,
            delay_p50_ms=5.0,
            delay_p99_ms=9.0,
            memory_per_viewer=40_000,
            faults=0,
            stalls=0,
            generator_share=0.3,
            memory_bytes=90e6 + viewers * 40_000,
            socket_bytes_per_viewer=10_000,
        )
        for rate in rates
        for viewers in (250, 500, 1000, 2000)
    ]


def test_a_fit_finds_what_an_edge_was_made_to_cost() -> None:
    found = fit(turns("push-page"))
    assert found.fixed_cores == pytest.approx(FIXED)
    assert found.cores_per_viewer == pytest.approx(EACH)
    assert found.cores_per_mbit == pytest.approx(BITS)
    assert found.per_viewer(2.6) == pytest.approx(EACH + 2.6 * BITS)
    assert (found.fixed_bytes, found.bytes_per_viewer, found.socket_bytes_per_viewer) == (
        pytest.approx(90e6),
        40_000,
        10_000,
    )
    assert found.residual_cores == pytest.approx(0.0, abs=1e-9)


def test_one_bitrate_says_nothing_of_another() -> None:
    with pytest.raises(ValueError, match="one bitrate"):
        fit(turns("push-page", rates=(0.7,)))


def test_a_few_percent_of_noise_move_the_fit_by_no_more() -> None:
    found = fit(turns("push-page", noise=0.03) + turns("push-page", noise=0.03))
    assert found.per_viewer(2.6) == pytest.approx(EACH + 2.6 * BITS, rel=0.08)
    assert 0 < found.residual_cores < 0.1


def test_each_kind_of_tls_is_reckoned_from_its_own_turns() -> None:
    assert fit(turns("nginx-page-tls"), Tls.NGINX).cores_per_viewer == pytest.approx(EACH)
    with pytest.raises(ValueError, match="push-page-tls"):
        fit(turns("nginx-page-tls"), Tls.PROCESS)


def test_one_size_is_no_line() -> None:
    with pytest.raises(ValueError, match="two sizes"):
        fit(turns("push-page")[:1])


@pytest.mark.parametrize(
    ("machine", "bound", "carried"),
    [
        # 4 cores x (0.6 - 0.02) / 300 µs/s
        (Machine(cores=4, nic_mbit_s=1e6, memory_gb=64, head_room=0.4), "cpu", 7733),
        # 600 Mbit/s of 2.08 each
        (Machine(cores=64, nic_mbit_s=1000, memory_gb=64, head_room=0.4), "network", 288),
        # (0.6 GB - 2 x (90 + 64) MB) of 50 kB each, the kernel's buffers too
        (Machine(cores=2, nic_mbit_s=1e6, memory_gb=1, head_room=0.4), "memory", 5840),
    ],
)
def test_a_machine_carries_what_its_tightest_bound_allows(machine: Machine, bound: str, carried: int) -> None:
    costs = msgspec.structs.replace(COSTS, cores_per_viewer=1e-6, cores_per_mbit=0.0) if bound == "memory" else COSTS
    found = plan(costs, Company(1000, 1, mbit_per_viewer=2.0), machine)
    assert (found.bound, found.viewers_per_machine) == (bound, carried)


MACHINE = Machine(cores=4, nic_mbit_s=10_000, head_room=0.4)
COMPANY = Company(50_000, 40, mbit_per_viewer=2.0, ladder_mbit=5.0, largest_office=0.2)


def test_every_office_has_a_machine_more_than_it_needs_and_one_copy_of_the_ladder() -> None:
    found = plan(COSTS, COMPANY, MACHINE)
    per_machine = found.viewers_per_machine
    others = [40_000 // 39 + (number < 40_000 % 39) for number in range(39)]
    needed = -(-10_000 // per_machine) + sum(-(-part // per_machine) for part in others)
    assert found.machines == needed + 40
    assert found.wan_mbit_per_office == pytest.approx(5.2)
    assert found.origin_mbit == found.origin_mbit_after_a_failure == pytest.approx(40 * 5.2)
    assert found.load_after_a_failure <= 0.65
    assert "one copy of each rendition crosses the WAN" in words(found)
    assert "after a failure" not in words(found)


def test_without_spares_the_failure_of_an_office_is_told_with_the_wan_and_the_fronts_that_it_needs() -> None:
    found = plan(COSTS, msgspec.structs.replace(COMPANY, spares=0), MACHINE)
    away = 1026  # all of an office with one machine; in the largest one the others have room
    assert found.wan_mbit_after_a_failure == pytest.approx(5.2 + away * 2.08, rel=0.01)
    assert found.origin_mbit_after_a_failure == pytest.approx(40 * 5.2 + away * 2.08, rel=0.01)
    assert found.fronts_after_a_failure == 1
    assert found.load_after_a_failure == float("inf")
    assert "when a machine fails" in words(found)


def test_a_bitrate_beyond_what_was_measured_is_called_a_guess() -> None:
    assert "is a guess" in words(plan(COSTS, msgspec.structs.replace(COMPANY, mbit_per_viewer=6.0), MACHINE))
    assert "is a guess" not in words(plan(COSTS, COMPANY, MACHINE))


def test_a_machine_that_is_all_head_room_carries_nobody() -> None:
    with pytest.raises(ValueError, match="carries no viewer"):
        plan(COSTS, Company(10, 1), Machine(head_room=0.99))
