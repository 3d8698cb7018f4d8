"""WHIP on the main port: what of a request reaches the ingest."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp import ClientSession, web

from deploy.forward import WhipForward
from plenum.clock import SystemClock
from plenum.errors import Unavailable
from plenum.identity import Principal, Role, Signer
from plenum.web import Gate, application

SIGNER = Signer(b"front" * 8)
EVENT = "town-hall"


class HeardIngest:
    """Keeps the headers that came through."""

    def __init__(self) -> None:
        self.headers: list[Mapping[str, str]] = []

    async def call(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        self.headers.append(headers)
        return 201, {"Location": f"{path}/session"}, b"answer"


class AwayRegistry:
    async def get(self, event_id: str) -> Any:
        raise Unavailable("The store is away.")


async def nothing(_: Any) -> None:
    return None


@pytest.fixture
async def front() -> AsyncIterator[tuple[str, HeardIngest]]:
    ingest, gate = HeardIngest(), Gate(SIGNER, "main", SystemClock())
    forward = WhipForward(ingest, gate, SIGNER, SystemClock(), AwayRegistry(), nothing, nothing)
    app = application()
    app.add_routes(forward.routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/whip/{EVENT}", ingest
    await runner.cleanup()


async def test_the_session_that_broke_is_named_to_the_ingest_and_other_headers_are_not_handed_on(
    front: tuple[str, HeardIngest],
) -> None:
    url, ingest = front
    ticket = SIGNER.ticket(Principal("main", EVENT, Role.PRESENTER, "anna", "Anna"), time.time())
    headers = {"Authorization": f"Bearer {ticket}", "Content-Type": "application/sdp"}
    headers |= {"Plenum-Replaces": "a1", "X-Anything": "else"}
    async with ClientSession() as http, http.post(url, data=b"v=0", headers=headers) as response:
        assert response.status == 201
    [heard] = ingest.headers
    assert (heard["Plenum-Replaces"], heard["Content-Type"]) == ("a1", "application/sdp")
    assert "X-Anything" not in heard
