"""An edge's card in the store, kept up to date; and the front's reading of all cards, to place viewers by.

`Registration` runs at each edge, `Placement` at each front. What surprises: neither is needed for the picture. Without a store
an edge serves whoever comes and nobody is sent to it; a front that cannot read the cards names itself alone.
"""

from __future__ import annotations

import asyncio
import random
import time

from prometheus_client import REGISTRY
from redis.exceptions import RedisError

from plenum.clock import Clock
from plenum.log import get_logger
from plenum.nodes import SAY_EVERY_S, Card, Nodes, NodeState
from plenum.places import Places
from sfu.placement import Edge, Offices, choose, edges

log = get_logger("placement")

KNOWN_S = 1.0
REMEMBERED_S = 30.0
"""With the store away the edges known last are still the best guess: who finds one gone has other addresses …"""
REACHED_S = 1800.0
"""… and a page, whose policy holds for as long as it is open, may reach all that were there lately."""
SENT = "plenum_edge_sent_bytes_total"
WAYS = ("push", "hls", "dvr")
STORE_TROUBLE = (RedisError, OSError, TimeoutError)


class Registration:
    """`start`; `drain` when it is to be left; `close`."""

    def __init__(self, nodes: Nodes, process: str, name: str, url: str, places: Places, limit: int) -> None:
        self._nodes = nodes
        self._process = process
        self._name = name
        self._url = url
        self._places = places
        self._limit = limit
        self._state = NodeState.OK
        self._before = (time.monotonic(), time.process_time(), 0.0)
        self._is_store_away = False
        self._saying = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_saying(), name="registration")

    async def drain(self) -> None:
        """From now on nobody is sent here."""
        self._state = NodeState.DRAINING
        await self._say()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._nodes.leave(self._process)
        except STORE_TROUBLE:
            return  # the card grows stale by itself

    async def _keep_saying(self) -> None:
        while True:
            await self._say()
            await asyncio.sleep(SAY_EVERY_S)

    async def _say(self) -> None:
        async with self._saying:  # one card after the other: an older one must not overwrite that it is to be left
            try:
                await self._nodes.say(self._process, self._card())
                self._is_store_away = False
            except STORE_TROUBLE as error:
                if not self._is_store_away:
                    log.warning("edge_not_registered", error=repr(error))
                self._is_store_away = True

    def _card(self) -> Card:
        before, now = self._before, (time.monotonic(), time.process_time(), _sent())
        passed_s = max(0.001, now[0] - before[0])
        self._before = now
        return Card(
            name=self._name,
            url=self._url,
            state=self._state,
            full=round(self._places.taken / max(1, self._limit), 2),
            cpu=round((now[1] - before[1]) / passed_s, 3),
            sent_bps=round((now[2] - before[2]) / passed_s),
        )


class Placement:
    """Where a viewer is sent: base addresses of edges, best first. The address of a viewer is looked at and forgotten."""

    def __init__(self, nodes: Nodes, offices: Offices, clock: Clock) -> None:
        self._nodes = nodes
        self._offices = offices
        self._clock = clock
        self._chance = random.SystemRandom()
        self._edges: list[Edge] = []
        self._until = 0.0
        self._read_at = 0.0
        self._reached: dict[str, float] = {}
        self._looking = asyncio.Lock()
        self._is_store_away = False

    async def places(self, address: str) -> list[str]:
        """The addresses of edges for somebody who is seen at this address; none where there are no edges."""
        known = await self._known()
        return [edge.url for edge in choose(known, self._offices.find(address), self._chance)]

    async def everywhere(self) -> list[str]:
        """The addresses of all edges that take viewers, or did lately."""
        known, now = await self._known(), self._clock.monotonic()
        self._reached |= {edge.url: now for edge in known}
        self._reached = {url: at for url, at in self._reached.items() if now - at <= REACHED_S}
        return sorted(self._reached)

    async def _known(self) -> list[Edge]:
        """Five hundred who join in a second are one question to the store."""
        async with self._looking:
            if self._clock.monotonic() >= self._until:
                try:
                    self._edges = edges(await self._nodes.fresh())
                    self._read_at = self._clock.monotonic()
                    self._is_store_away = False
                except STORE_TROUBLE as error:
                    if self._clock.monotonic() - self._read_at > REMEMBERED_S:
                        self._edges = []
                    if not self._is_store_away:
                        log.warning("edges_not_known", error=repr(error))
                    self._is_store_away = True
                self._until = self._clock.monotonic() + KNOWN_S
        return self._edges


def _sent() -> float:
    return sum(REGISTRY.get_sample_value(SENT, {"transport": way}) or 0.0 for way in WAYS)
