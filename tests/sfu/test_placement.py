"""Which edges a viewer hears of: the office's own first, then the least busy, spread by chance."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from plenum.nodes import Card, NodeState
from sfu.placement import Edge, Offices, choose, edges


def edge(name: str, load: float = 0.0) -> Edge:
    return Edge(name, f"https://{name}.example.org", load)


def names(chosen: list[Edge]) -> list[str]:
    return [each.name for each in chosen]


OFFICES = Offices(
    {"10.1.0.0/16": "munich", "10.1.7.0/24": "munich-lab", "10.0.0.0/8": "berlin", "2001:db8::/32": "munich"}
)


@pytest.mark.parametrize(
    ("address", "office"),
    [
        ("10.1.2.3", "munich"),
        ("10.1.7.9", "munich-lab"),
        ("10.200.0.1", "berlin"),
        ("::ffff:10.1.2.3", "munich"),
        ("2001:db8::1", "munich"),
        ("192.0.2.1", ""),
        ("unknown", ""),
        ("10.1.2.3, 10.1.7.9", ""),
    ],
)
def test_an_address_belongs_to_the_office_with_the_longest_prefix(address: str, office: str) -> None:
    assert OFFICES.find(address) == office


def test_the_offices_own_edge_comes_first_however_busy_it_is() -> None:
    known = [edge("munich", 0.8), edge("berlin"), edge("paris", 0.5)]
    assert names(choose(known, "munich", Random(1))) == ["munich", "berlin"]


def test_an_office_whose_edge_is_full_or_gone_uses_the_others() -> None:
    others = [edge("berlin"), edge("paris", 0.5)]
    assert names(choose([edge("munich", 0.96), *others], "munich", Random(1))) == ["berlin", "paris"]
    assert names(choose(others, "munich", Random(1))) == ["berlin", "paris"]


def test_where_all_are_full_they_are_named_all_the_same() -> None:
    assert names(choose([edge("munich", 1.0)], "", Random(1))) == ["munich"]


def test_no_edges_none_named() -> None:
    assert choose([], "munich", Random(1)) == []


def test_five_hundred_who_join_at_once_are_spread() -> None:
    chance = Random(1)
    known = [edge("a", 0.02), edge("b", 0.0), edge("c", 0.05), edge("busy", 0.7)]
    first = Counter(choose(known, "", chance)[0].name for _ in range(500))
    assert set(first) == {"a", "b", "c"}
    assert min(first.values()) > 100


def test_among_busy_ones_the_less_busy_gets_more() -> None:
    chance = Random(1)
    known = [edge("a", 0.50), edge("b", 0.58)]
    first = Counter(choose(known, "", chance)[0].name for _ in range(100))
    assert first["a"] == 100


def test_two_different_edges_are_named() -> None:
    chance = Random(1)
    for _ in range(50):
        chosen = names(choose([edge("a"), edge("b"), edge("c")], "", chance))
        assert len(set(chosen)) == len(chosen) == 2


def card(name: str, **changes: object) -> Card:
    return Card(**({"name": name, "url": f"https://{name}.example.org"} | changes))  # type: ignore[arg-type]


def test_an_edge_is_as_busy_as_its_sockets_or_its_core_whichever_is_more() -> None:
    (found,) = edges([card("a", full=0.3, cpu=0.6), card("a", full=0.5, cpu=0.1)])
    assert found.load == pytest.approx(0.55)


def test_nobody_is_sent_to_an_edge_that_drains_or_that_cannot_be_reached() -> None:
    leaving = card("a", state=NodeState.DRAINING)
    assert edges([leaving, card("a"), card("b", url="")]) == []
