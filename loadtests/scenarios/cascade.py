"""Edges vanish, are killed and stopped, the origin dies: viewers go on, and one copy of what they watch crosses each line.

Five machines (`towns.py`): the origin, three edges (two at first), and one of the viewers, whom a firewall lets reach the edges
only. A viewer is what a page is: `auto`, the sound on a second socket, a ticket of a page's lifetime, and of addresses only those
that a join answer named: its first one, and those that it asks for when its server moves it away or no address answers.

First an edge vanishes: from one moment to the next no packet passes, and nobody is told (no FIN). It comes back, and the other
one is killed, so that all are at the first; that one is stopped in peace with the third present. Then the origin is killed and
started again on the same data.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from loadtests import line, towns
from loadtests.api_client import Api
from loadtests.presenting import presenting
from loadtests.recording import witnessing
from loadtests.running_edge import PORT, RunningEdge
from loadtests.running_platform import Platform
from loadtests.scenarios.figures import Figure
from loadtests.swarm.group import Answer, PushGroup
from loadtests.swarm.swarm import Swarm
from loadtests.swarm.tally import BUSY, PhaseResult
from loadtests.swarm.tickets import tickets
from loadtests.towns import Town
from plenum.identity import TICKET_S, Role

TITLE = "edges vanish, are killed and stopped, the origin started again, viewers behind a firewall"
LADDER = ("480p", "360p", "240p")
OFFICES = {"north": "10.88.1.0/24", "south": "10.88.2.0/24"}
"""Networks of two offices; the front believes its proxy about where somebody is."""
CALM_S = 8.0
VANISHED_S = 12.0
ASKED_EVERY_S = 0.1
KILLED_S = 9.0
AFTER_DRAIN_S = 4.0
BACK_S = 8.0
EXIT_S = 30.0
SETTLE_S = 3.0
LOST_WITH_THE_ORIGIN = ("no part for", "the server skipped parts")
"""What nobody made while the origin was dead cannot come: edges say so (GAP)."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--viewers", type=int, default=200)


async def run(options: argparse.Namespace, show: Callable[[str], None]) -> list[Figure]:
    line.enter()
    towns.found()
    with ExitStack() as stack:
        names = ("origin", "viewers", "north", "south", "west")
        places = {name: Town(name, number) for number, name in enumerate(names, 1)}
        for town in places.values():
            stack.callback(town.close)
        edges = [places[name] for name in ("north", "south", "west")]
        towns.allow((edge, places["origin"]) for edge in edges)
        towns.allow((places["viewers"], edge) for edge in edges)
        for edge in edges:
            towns.count(places["origin"], edge)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return await Cascade(places, folder, options.viewers, show).run()


class Cascade:
    """The run: what was started, and what was found."""

    def __init__(self, places: Mapping[str, Town], folder: Path, viewers: int, show: Callable[[str], None]) -> None:
        self._places = places
        self._viewers = viewers
        self._show = show
        self._figures: list[Figure] = []
        self._event = ""
        self._asked = 0
        self._link_bytes: dict[str, int] = {}
        secret = secrets.token_hex(32)
        data = folder / "data"
        data.mkdir()
        (data / "secret.key").write_text(secret)
        env = {
            "PLENUM_MEDIA__LADDER": json.dumps(LADDER),
            "PLENUM_PLACEMENT__SUBNETS": json.dumps({net: name for name, net in OFFICES.items()}),
        }
        origin = places["origin"].address
        where = ("--host", origin, "--port", str(PORT), "--tls", "proxy", "--public-url", f"http://{origin}:{PORT}")
        self._platform = Platform(data, *where, env=env)
        told = {"PLENUM_AUTH__SECRET": secret, "PLENUM_REDIS__URL": f"unix://{data / 'store' / 'valkey.sock'}"}
        self._edges = {
            name: RunningEdge(places[name], folder, f"http://{origin}:{PORT}", told)
            for name in ("north", "south", "west")
        }

    async def run(self) -> list[Figure]:
        swarm = Swarm()
        try:
            await self._start_origin()
            with self._places["origin"].inside():
                async with Api(self._platform.links["all"]) as api:
                    self._event = await api.create("Town hall")
            token = self._platform.ticket(self._event, Role.PRODUCER)
            async with self._presented(), witnessing(self._platform.url, self._event, token) as witness:
                for name in OFFICES:
                    await self._edges[name].start()
                self._prove_the_wall()
                await self._watch(swarm, token)
                async with self._answering(swarm):
                    await self._stay_calm(swarm)
                    await self._let_an_edge_vanish(swarm, token)
                    await self._kill_an_edge(swarm)
                    await self._stop_an_edge(swarm, token)
                await asyncio.to_thread(swarm.phase, "restarted")
                await self._platform.kill()
            await self._restart_the_origin(swarm)
            result = await asyncio.to_thread(swarm.stop, witness.source)
            compared = Figure("parts compared with the origin's own", result.compared_parts, least=1)
            self._figures.append(compared)
            self._conclude({phase.name: phase for phase in result.phases})
            return self._figures
        finally:
            await asyncio.to_thread(swarm.__exit__, None, None, None)
            for edge in self._edges.values():
                await edge.close()
            await self._platform.kill()

    async def _start_origin(self) -> None:
        with self._places["origin"].inside():
            await self._platform.start()

    @asynccontextmanager
    async def _presented(self) -> AsyncIterator[None]:
        """`plenum present` on the origin's machine."""
        speaking = presenting(self._platform, self._event, "testsrc", name="Presenter")
        with self._places["origin"].inside():
            await speaking.__aenter__()
        try:
            yield
        finally:
            await speaking.__aexit__(None, None, None)

    def _prove_the_wall(self) -> None:
        viewers, origin = self._places["viewers"], self._places["origin"]
        reached = [_reaches(viewers, town) for town in (origin, self._places["north"], self._places["south"])]
        self._figures.append(Figure("connections from the viewers to the origin", reached[0], most=0))
        self._figures.append(Figure("edges that the viewers reach", sum(reached[1:]), least=2))

    async def _joined(self, token: str, seen: str) -> list[str]:
        """Where the front sends somebody who is seen at this address: the edges only."""
        return (await asyncio.to_thread(self._join, token, seen))[0]

    def _join(self, token: str, seen: str) -> tuple[list[str], str, str]:
        """The same, a fresh ticket, and one for the feed alone. Raises OSError, or KeyError where the answer is a refusal."""
        url = urlsplit(self._platform.url)
        with self._places["origin"].inside(), closing(HTTPConnection(url.netloc, timeout=2.0)) as http:
            headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": seen}
            http.request("GET", f"/api/v1/events/{self._event}/join", headers=headers)
            answer = json.loads(http.getresponse().read())
        edges = [address for address in answer["feed"] if address.startswith("http")]
        return edges, answer["ticket"], answer["feed_ticket"]

    @asynccontextmanager
    async def _answering(self, swarm: Swarm) -> AsyncIterator[None]:
        """The API is asked for whoever wants a new join answer."""
        asking = asyncio.create_task(self._answer_those_who_ask(swarm))
        try:
            yield
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    async def _answer_those_who_ask(self, swarm: Swarm) -> None:
        """Each viewer's page would ask the API by itself; who gets no answer asks again."""
        while True:
            answers = []
            for one in await asyncio.to_thread(swarm.asking):
                with suppress(OSError, KeyError, ValueError):
                    edges, *tickets = await asyncio.to_thread(self._join, one.ticket, one.seen_as)
                    self._asked += 1
                    if edges:
                        answers.append(Answer(one, _sockets(edges), *tickets))
            if answers:
                await asyncio.to_thread(swarm.answer, answers)
            await asyncio.sleep(ASKED_EVERY_S)

    async def _placed(self, token: str, seen: str, first: str) -> list[str]:
        """The same, once that edge is the first of them and the other office's stands behind it."""
        async with asyncio.timeout(20):
            while True:
                found = await self._joined(token, seen)
                if len(found) == len(OFFICES) and found[0].startswith(self._edges[first].url):
                    return found
                await asyncio.sleep(0.3)

    async def _watch(self, swarm: Swarm, token: str) -> None:
        with self._places["viewers"].inside():
            swarm.start()
        each = self._viewers // len(OFFICES)
        for name, network in OFFICES.items():
            seen = network.replace(".0/24", ".7")
            addresses = _sockets(await self._placed(token, seen, name))
            group = PushGroup(
                addresses=(addresses,),
                tickets=tickets(self._platform.data_dir, self._event, each, lifetime_s=TICKET_S),
                is_steady=False,
                leaves_silence=True,
                asks_api=True,
                seen_as=seen,
                origin=self._platform.url,
            )
            await asyncio.to_thread(swarm.add, group)
            self._show(f"{each} viewers of {name} go to {', '.join(addresses)}")
        await asyncio.to_thread(swarm.until_playing, each * len(OFFICES))
        await asyncio.sleep(SETTLE_S)

    async def _stay_calm(self, swarm: Swarm) -> None:
        await asyncio.to_thread(swarm.phase, "calm")
        before = self._sent()
        await asyncio.sleep(CALM_S)
        self._link_bytes = {name: sent - before[name] for name, sent in self._sent().items()}

    def _sent(self) -> dict[str, int]:
        """Bytes from the origin to each edge."""
        return {name: towns.counted(self._places["origin"], self._places[name]) for name in OFFICES}

    async def _let_an_edge_vanish(self, swarm: Swarm, token: str) -> None:
        """No packet passes any more; only then its processes die, so that nobody hears of it."""
        await asyncio.to_thread(swarm.phase, "vanished")
        self._show("the edge north vanishes")
        towns.cut(self._places["north"])
        await self._edges["north"].kill()
        await asyncio.sleep(VANISHED_S)
        towns.mend()
        await self._edges["north"].start()
        await self._until_listed(token, "north")

    async def _kill_an_edge(self, swarm: Swarm) -> None:
        await asyncio.to_thread(swarm.phase, "killed")
        self._show("kill -9 of the edge south")
        await self._edges["south"].kill()
        await asyncio.sleep(KILLED_S)

    async def _stop_an_edge(self, swarm: Swarm, token: str) -> None:
        await self._edges["west"].start()
        await self._until_listed(token, "west")
        await asyncio.to_thread(swarm.phase, "drained")
        self._show("SIGTERM to the edge north")
        code, seconds = await self._edges["north"].terminate(EXIT_S + 5)
        await asyncio.sleep(AFTER_DRAIN_S)
        self._figures.append(Figure("exit code of the edge that was stopped", abs(code), most=0))
        self._figures.append(Figure("time it took to stop", seconds, "s", most=EXIT_S))

    async def _until_listed(self, token: str, name: str) -> None:
        async with asyncio.timeout(20):
            while True:
                feeds = await self._joined(token, "192.0.2.7")
                if any(feed.startswith(self._edges[name].url) for feed in feeds):
                    return
                await asyncio.sleep(0.3)

    async def _restart_the_origin(self, swarm: Swarm) -> None:
        self._show("the origin is dead (kill -9 of all its processes)")
        await asyncio.sleep(1.0)
        await self._start_origin()
        back = time.monotonic()
        self._show(f"the origin is back after {self._platform.started_s:.1f} s of starting")
        async with self._presented():
            lines = 2 * (self._viewers // len(OFFICES)) * len(OFFICES)
            quiet = lines
            while quiet and time.monotonic() - back < 2 * BACK_S:
                await asyncio.sleep(0.1)
                quiet = (await asyncio.to_thread(swarm.status)).quiet
            self._figures.append(
                Figure("the origin was back to all viewers playing", time.monotonic() - back, "s", most=BACK_S)
            )
            await asyncio.sleep(SETTLE_S)
            self._figures.append(Figure("lines to which nothing comes at the end", quiet, most=0))

    def _conclude(self, phases: Mapping[str, PhaseResult]) -> None:
        for phase in phases.values():
            self._show(str(phase))
        names = ("calm", "vanished", "killed", "drained", "restarted")
        calm, vanished, killed, drained, restarted = (phases[name] for name in names)
        one_viewer = calm.mbit_s * 1e6 / 8 * calm.seconds / self._viewers
        copies = [count / one_viewer for count in self._link_bytes.values()]
        faults = {
            text: count
            for phase in phases.values()
            for text, count in phase.faults.items()
            if not (phase is restarted and text.startswith(LOST_WITH_THE_ORIGIN))
        }
        for text, count in faults.items():
            self._show(f"FAULT {count} × {text}")
        self._figures += [
            Figure("copies of what is watched over the line to an edge, most", max(copies), most=1.2),
            Figure("stalls while nothing happened", calm.stalls, most=0),
            Figure("other pictures chosen while nothing happened", calm.events.get("switch", 0), most=0),
            *_went_on("edge that vanished", vanished, least=2 * (self._viewers // len(OFFICES))),
            *_went_on("killed edge", killed, least=2 * self._viewers),
            Figure("join answers that viewers asked for", self._asked, least=self._viewers),
            Figure(
                "lines that moved off the edge that was stopped",
                drained.events.get("moved", 0),
                least=2 * self._viewers,
            ),
            Figure("stalls while an edge was stopped", drained.stalls, most=0),
            Figure("sockets that broke while an edge was stopped", drained.events.get("lost", 0), most=0),
            Figure("lines opened anew while the origin was away and silent", restarted.events.get("lost", 0)),
            Figure(
                "parts missing, torn, not the origin's, or with a number that went back", sum(faults.values()), most=0
            ),
            Figure(
                "generator, of a core at most", 100 * max(p.cpu_share for p in phases.values()), "%", most=100 * BUSY
            ),
        ]


def _went_on(what: str, phase: PhaseResult, least: int) -> list[Figure]:
    """From the last part by the old connection (of a killed edge: from its end) to the first that continues elsewhere."""
    lost, returned = phase.events.get("lost", 0), phase.away_ms
    return [
        Figure(
            f"lines cut off by an {what}" if what[0] in "aeiou" else f"lines cut off by a {what}", lost, least=least
        ),
        Figure("… that went on elsewhere", returned.count / max(1, lost), least=1.0),
        Figure("… a part that continues, p95", returned.p95 / 1000, "s", most=3.0),
        Figure("… a part that continues, largest", returned.largest / 1000, "s", most=8.0),
    ]


def _sockets(feeds: Sequence[str]) -> tuple[str, ...]:
    return tuple(feed.replace("http", "ws", 1) for feed in feeds)


def _reaches(source: Town, target: Town) -> bool:
    with source.inside(), socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((target.address, PORT)) == 0
