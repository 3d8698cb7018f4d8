"""Which edges a viewer is sent to, best first: the office's own, then the least busy ones. Rules only; chance is an argument.

What surprises: cards are up to two seconds old, so of 500 people who join in one second all would go to the edge that was the
least busy. Among those that are about equally idle chance decides, each further place is the better of two drawn.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from random import Random

import msgspec

from plenum.nodes import Card, NodeState

LISTED = 2
"""So many edges a viewer hears of, the office's own included."""
FULL = 0.95
"""Of the sockets it may hold, or of a core."""
ALIKE = 0.1
"""Loads that differ by less are the same to us: figures of different ages say no more."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Edge(msgspec.Struct, frozen=True):
    """One edge, all its processes together."""

    name: str
    url: str
    load: float
    """0 idle, 1 full: of sockets or of a core, whichever is more."""


def edges(cards: Iterable[Card]) -> list[Edge]:
    """Those that take viewers: not draining, reachable by an address. Of several processes the load is the mean."""
    loads: dict[tuple[str, str], list[float]] = {}
    leaving = set()
    for card in cards:
        place = card.name, card.url
        if card.state is not NodeState.OK:
            leaving.add(place)
        elif card.url:
            loads.setdefault(place, []).append(max(card.full, card.cpu))
    return [Edge(name, url, sum(each) / len(each)) for (name, url), each in loads.items() if (name, url) not in leaving]


class Offices:
    """The subnet table: network -> name of the edge there; the longest prefix counts."""

    def __init__(self, subnets: Mapping[str, str]) -> None:
        """Raises ValueError for what is no network."""
        self._rows: list[tuple[Network, str]] = sorted(
            ((ipaddress.ip_network(network), edge) for network, edge in subnets.items()),
            key=lambda row: -row[0].prefixlen,
        )

    def find(self, address: str) -> str:
        """The edge of the office that this address belongs to; none: ""."""
        try:
            seen = ipaddress.ip_address(address)
        except ValueError:
            return ""
        if isinstance(seen, ipaddress.IPv6Address) and seen.ipv4_mapped is not None:
            seen = seen.ipv4_mapped
        return next((edge for network, edge in self._rows if seen in network), "")


def choose(known: Iterable[Edge], office: str, chance: Random, listed: int = LISTED) -> list[Edge]:
    """The edges to tell a viewer of, best first; those that are full only where there is no other."""
    left = sorted(known, key=lambda edge: edge.name)
    roomy = [edge for edge in left if edge.load < FULL]
    left = roomy or left
    chosen = [edge for edge in left if edge.name == office][:1]
    left = [edge for edge in left if edge not in chosen]
    while left and len(chosen) < listed:
        least = min(edge.load for edge in left)
        alike = [edge for edge in left if edge.load <= least + ALIKE]
        drawn = chance.sample(alike, min(2, len(alike)))
        best = min(drawn, key=lambda edge: edge.load) if least > ALIKE else drawn[0]
        chosen.append(best)
        left.remove(best)
    return chosen
