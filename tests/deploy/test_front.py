"""A whole front as it is assembled, behind a proxy, with a store and without an ingest: what its parts share."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from deploy import assemble, secret
from plenum.identity import Principal, Role
from plenum.settings import load
from plenum.store import Embedded
from tests.ports import free_port

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class NoPages:
    """They are built from other sources, and not what is asked about here."""

    def routes(self) -> list[aiohttp.web.RouteDef]:
        return []


@pytest.fixture
async def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(assemble, "Assets", NoPages)
    async with Embedded(tmp_path / "store") as store, AsyncExitStack() as stack:
        port = free_port()
        settings = load(
            {
                "data_dir": tmp_path,
                "auth": {"secret": "a secret of thirty-two bytes or so"},
                "redis": {"url": store.url},
                "server": {"port": port, "tls": "proxy"},
                "limits": {"sockets_per_process": 1},
            }
        )
        await assemble.front(settings, "front-0", "")(stack)
        signer = secret.signer(settings.auth.secret, settings.data_dir)
        ticket = signer.ticket(Principal("main", "demo", Role.VIEWER, "ada"), time.time())
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {ticket}"}
        ) as http:
            yield http


async def test_question_sockets_and_the_feed_share_one_bound(front: aiohttp.ClientSession) -> None:
    async with front.ws_connect("/qna/demo/socket", protocols=("plenum.qna.1",)):
        feed = UPGRADE | {"Sec-WebSocket-Protocol": "plenum.feed.1"}
        async with front.get("/live/demo/feed", headers=feed) as answer:
            assert answer.status == 503


async def test_people_behind_one_proxy_are_counted_apart(front: aiohttp.ClientSession) -> None:
    async def led(seen: str) -> str:
        headers = {"X-Forwarded-For": f"198.51.100.{len(seen)}, {seen}"}
        async with front.get("/j/nonsense", headers=headers, allow_redirects=False) as answer:
            return answer.headers["Location"]

    assert {await led("203.0.113.9") for _ in range(20)} == {"/?error=link_invalid"}
    assert await led("203.0.113.9") == "/?error=rate_limited"
    assert await led("203.0.113.10") == "/?error=link_invalid"


async def test_wrong_whip_tokens_are_limited_by_the_address_the_proxy_saw(front: aiohttp.ClientSession) -> None:
    async def post(seen: str) -> int:
        headers = {"X-Forwarded-For": seen, "Authorization": "Bearer nonsense", "Content-Type": "application/sdp"}
        async with front.post("/whip/demo", data="v=0", headers=headers) as answer:
            return answer.status

    assert [await post("203.0.113.9") for _ in range(6)] == [401] * 5 + [429]
    assert await post("203.0.113.10") == 401


async def test_more_headers_than_a_request_needs_are_refused(front: aiohttp.ClientSession) -> None:
    async with front.get("/j/x", headers={f"X-{n}": "x" for n in range(70)}, allow_redirects=False) as answer:
        assert answer.status == 400
