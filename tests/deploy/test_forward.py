"""WHIP through two fronts to one ingest: whose failures are counted, by which address, and what is handed back."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from deploy.forward import IngestClient, WhipForward
from ingest.whip import Entered, Session, Whip
from plenum.clock import SystemClock
from plenum.errors import Conflict
from plenum.event import Event
from plenum.identity import Principal, Role, Signer
from plenum.registry import Registry
from plenum.settings import IceServerSettings
from plenum.signalling import SDP
from plenum.store import connect
from plenum.web import Gate, application
from tests.ingest.test_peers import OFFER

SIGNER = Signer(b"forward" * 5)
CLOCK = SystemClock()
URL = "/whip/demo"
STUN = [IceServerSettings(urls=["stun:a.example.org"]), IceServerSettings(urls=["stun:b.example.org"])]


def bearer(subject: str = "anna") -> str:
    return "Bearer " + SIGNER.ticket(Principal("main", "demo", Role.PRESENTER, subject), time.time())


class OneChair:
    """Programmes where Anna is always on air."""

    def __init__(self) -> None:
        self.replaces: list[str] = []

    async def enter(self, principal: Principal, offer: str, ufrag: str, replaces: str = "") -> Entered:
        self.replaces.append(replaces)
        if principal.subject != "anna":
            raise Conflict("Anna is on air.", code="on_air", on_air="Anna")
        return Entered("s" * 22, "v=0\r\n", '"tag"')

    def find(self, event: str, session_id: str) -> Session | None:
        return None

    async def leave(self, principal: Principal, event: str, session_id: str) -> None:
        raise AssertionError


@dataclass
class Stage:
    """Two fronts behind a proxy, and what takes their ingest away."""

    fronts: list[TestClient]
    ingest: web.AppRunner
    programmes: OneChair

    async def post(self, front: int, authorization: str = "Bearer nonsense", seen: str = "203.0.113.9") -> int:
        headers = {"Authorization": authorization, "Content-Type": SDP, "X-Forwarded-For": f"192.0.2.1, {seen}"}
        async with self.fronts[front].post(URL, data=OFFER, headers=headers) as answer:
            return answer.status


async def _nothing(_: object) -> None:
    return None


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    gate = Gate(SIGNER, "main", CLOCK)
    app = application()
    programmes = OneChair()
    app.add_routes(Whip(programmes, gate, CLOCK, ice_servers=STUN).routes())
    ingest = web.AppRunner(app)
    await ingest.setup()
    await web.UnixSite(ingest, str(tmp_path / "ingest.sock")).start()
    redis = connect(f"unix://{tmp_path}/no-store")
    clients, links = [], []
    for _ in range(2):
        link = IngestClient(str(tmp_path / "ingest.sock"), lambda: "")
        await link.start()
        introduce = _introduce
        forward = WhipForward(
            link, gate, SIGNER, CLOCK, Registry(redis, "main", CLOCK), introduce, _nothing, trusts_proxy=True
        )
        front = application()
        front.add_routes(forward.routes())
        clients.append(TestClient(TestServer(front)))
        await clients[-1].start_server()
        links.append(link)
    yield Stage(clients, ingest, programmes)
    for client in clients:
        await client.close()
    for link in links:
        await link.close()
    await ingest.cleanup()
    await redis.aclose()


async def _introduce(_: Event) -> None:
    return None


async def test_wrong_tokens_are_limited_whichever_front_they_come_to(stage: Stage) -> None:
    statuses = [await stage.post(number % 2) for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert await stage.post(0, bearer()) == 429
    assert await stage.post(0, seen="203.0.113.10") == 401


async def test_with_the_ingest_away_each_front_counts_for_itself(stage: Stage) -> None:
    await stage.ingest.cleanup()
    assert [await stage.post(0) for _ in range(6)] == [401] * 5 + [429]
    assert await stage.post(1) == 401


async def test_somebody_on_air_does_not_use_up_the_limit(stage: Stage) -> None:
    assert [await stage.post(0, bearer("ben")) for _ in range(8)] == [409] * 8
    assert await stage.post(0, bearer()) == 201


async def test_every_ice_server_comes_through(stage: Stage) -> None:
    headers = {"Authorization": bearer(), "Content-Type": SDP}
    async with stage.fronts[0].post(URL, data=OFFER, headers=headers) as answer:
        assert (
            answer.headers["Link"] == '<stun:a.example.org>; rel="ice-server", <stun:b.example.org>; rel="ice-server"'
        )


async def test_the_session_that_broke_is_named_to_the_ingest(stage: Stage) -> None:
    headers = {"Authorization": bearer(), "Content-Type": SDP, "Plenum-Replaces": "a1"}
    async with stage.fronts[0].post(URL, data=OFFER, headers=headers) as answer:
        assert answer.status == 201
    assert stage.programmes.replaces == ["a1"]
