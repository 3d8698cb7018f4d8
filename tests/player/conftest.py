"""A front with the pages' API on a real store; the media tiers are a small stage that remembers what it was told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from player.events import Events
from player.sessions import Sessions
from plenum.clock import SystemClock
from plenum.event import Event
from plenum.identity import ANY_EVENT, Role, Signer
from plenum.media import Programme
from plenum.registry import Registry
from plenum.store import Embedded, connect
from plenum.web import Gate, application

Client = TestClient


@dataclass
class QuietStage:
    """Knows no media: what these tests do not ask about."""

    made: list[str] = field(default_factory=list)
    over: list[str] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)

    async def programme(self, event: Event) -> Programme | None:
        return None

    async def viewers(self, event: str) -> int:
        return 7

    async def is_recorded(self, event: str) -> bool:
        return event in self.recorded

    async def created(self, event: Event) -> None:
        self.made.append(event.id)

    async def ended(self, event: Event) -> None:
        self.over.append(event.id)


@dataclass
class Site:
    """The API under test, its store, and clients with their own cookies."""

    server: TestServer
    registry: Registry
    signer: Signer
    stage: QuietStage
    clients: list[Client] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    async def visitor(self) -> Client:
        from aiohttp import CookieJar

        client = TestClient(self.server, cookie_jar=CookieJar(unsafe=True))
        self.clients.append(client)
        return client

    async def invited(self, event: str, role: Role) -> Client:
        """A browser that opened its invitation link."""
        client = await self.visitor()
        code, _ = await self.registry.link(event, role)
        answer = await client.get(f"/j/{code}", allow_redirects=False)
        assert answer.status == 303
        return client

    async def producer(self) -> Client:
        return await self.invited(ANY_EVENT, Role.PRODUCER)

    async def form(self, client: Client) -> dict[str, str]:
        """The headers that our own pages send with a form."""
        session = await (await client.get("/api/v1/session")).json()
        return {"X-CSRF-Token": session["csrf"], "Origin": self.origin}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Embedded(tmp_path) as store:
        redis = connect(store.url)
        clock, signer, stage = SystemClock(), Signer(b"k" * 32), QuietStage()
        gate = Gate(signer, "main", clock)
        registry = Registry(redis, "main", clock)
        app = application()
        app.add_routes(Sessions(registry, gate, signer, clock, "main", 12).routes())
        app.add_routes(Events(registry, gate, signer, clock, stage, "main", "", recordings=stage).routes())
        server = TestServer(app)
        await server.start_server()
        made = Site(server, registry, signer, stage)
        yield made
        for client in made.clients:
            await client.close()
        await server.close()
        await redis.aclose()
