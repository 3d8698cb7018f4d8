"""A real front's delivery on a free port, fed by a real origin."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from plenum.clock import SystemClock
from plenum.identity import Principal, Role, Signer
from plenum.web import Gate, application
from sfu.delivery import Delivery
from tests.sfu.feed_front import TENANT, Front, StartFront
from tests.sfu.feed_media import Film, make_film
from tests.sfu.feed_origin import Origin


@pytest.fixture(scope="session")
def film() -> Film:
    return make_film()


@pytest.fixture
def signer() -> Signer:
    return Signer(b"a secret of thirty-two bytes or so")


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[Origin]:
    origin = Origin(tmp_path / "origin.sock")
    await origin.start()
    yield origin
    await origin.stop()


@pytest.fixture
async def start_front(origin: Origin, signer: Signer) -> AsyncIterator[StartFront]:
    running: list[tuple[Front, web.AppRunner]] = []

    async def start(*upstreams: str, port: int = 0, tls: ssl.SSLContext | None = None, **limits: Any) -> Front:
        clock = SystemClock()
        node = Principal(TENANT, "*", Role.ADMIN, "front")
        delivery = Delivery(
            upstream=upstreams or origin.address,
            gate=Gate(signer, TENANT, clock),
            signer=signer,
            tenant=TENANT,
            clock=clock,
            node_ticket=lambda _: signer.ticket(node, clock.wall()),
            **limits,
        )
        await delivery.start()
        app = application()
        app.add_routes(delivery.routes())
        app.on_shutdown.append(delivery.drain)
        runner = web.AppRunner(app, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls)
        await site.start()
        front = Front(delivery, signer, runner)
        running.append((front, runner))
        return front

    yield start
    for front, runner in running:
        for watcher in front.watchers:
            await watcher.socket.close()
        await front.http.close()
        await front.delivery.close()
        await runner.cleanup()


@pytest.fixture
async def front(start_front: StartFront) -> Front:
    return await start_front()
