"""The ingest process's routes: who may give orders, health, metrics, drain."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from plenum import metrics
from plenum.identity import Role
from plenum.whip_client import WhipPublisher
from plenum.wire import Kind
from tests.ingest.running_ingest import EVENT, NODE, PATIENCE_S, Running, running_ingest, ticket

STANDIN = (sys.executable, "-m", "tests.ingest.standin_transcoder")
INTERNAL = f"/internal/events/{EVENT}"


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_ingest(tmp_path, transcoder=STANDIN) as running:
        yield running


async def post(ingest: Running, path: str, headers: dict, body: object = None) -> tuple[int, dict]:
    async with ingest.http.post(ingest.base + path, headers=headers, json=body or {}) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("path", [INTERNAL, f"{INTERNAL}/end"])
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "no_ticket"),
        ({"Cookie": "plenum_session=anything"}, 401, "no_ticket"),
        ({"Authorization": "Bearer nonsense"}, 401, "bad_ticket"),
        ({"Authorization": f"Bearer {ticket(role=Role.PRODUCER)}"}, 403, "role_needed"),
        ({"Authorization": f"Bearer {ticket(role=Role.ADMIN, event='other')}"}, 401, "bad_ticket"),
    ],
)
async def test_only_nodes_give_orders(ingest: Running, path: str, headers: dict, status: int, code: str) -> None:
    answer = await post(ingest, path, headers, {"title": "Town hall"})
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert (await ingest.status())["state"] == "waiting"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"title": ""}, "bad_title"),
        ({"title": "x" * 200}, "bad_title"),
        ({"title": "Town hall", "language": "fr"}, "bad_json"),
        ({"titel": "Town hall"}, "bad_json"),
        ([], "bad_json"),
    ],
)
async def test_a_description_that_is_not_right_is_refused(ingest: Running, body: object, code: str) -> None:
    status, answer = await post(ingest, INTERNAL, NODE, body)
    assert (status, answer["code"]) == (400, code)


async def test_a_title_is_what_the_next_transcoder_shows(ingest: Running) -> None:
    assert await ingest.describe("Town hall", language="de") == 200
    assert (await ingest.status())["title"] == "Town hall"


async def test_a_name_that_is_no_event_s_is_no_address(ingest: Running) -> None:
    for name in ("..%2f..%2fetc", "Town", "a" * 49, "%00"):
        status, _ = await post(ingest, f"/internal/events/{name}/end", NODE)
        assert status == 404


async def test_health_says_alive_and_ready_until_the_drain(ingest: Running) -> None:
    assert await health(ingest) == (200, 200)
    await ingest.service.close()
    assert await health(ingest) == (200, 503)


async def health(ingest: Running) -> tuple[int, int]:
    statuses = []
    for path in ("/livez", "/readyz"):
        async with ingest.http.get(ingest.base + path) as response:
            statuses.append(response.status)
    return statuses[0], statuses[1]


async def test_a_drain_tells_presenters_and_relays_and_takes_nobody_in(ingest: Running) -> None:
    await ingest.describe("works")
    presenter = WhipPublisher(ingest.whip(), ticket())
    await presenter.start()
    feed = await ingest.feed()
    await feed.parts_after(4)
    async with asyncio.timeout(PATIENCE_S):
        await ingest.service.close()
        with pytest.raises(Exception, match="connection") as lost:
            await presenter.wait()
    assert lost.value.code == "connection_lost"  # type: ignore[attr-defined]
    assert await feed.closed() == 1012
    assert Kind.END not in feed.kinds
    with pytest.raises(Exception, match="restarting"):
        await WhipPublisher(ingest.whip(), ticket()).start()
    await presenter.stop()


async def test_figures_are_kept_for_running_events_and_go_with_them(ingest: Running) -> None:
    await ingest.describe("works")
    presenter = WhipPublisher(ingest.whip(), ticket())
    await presenter.start()
    feed = await ingest.feed()
    await feed.parts_after(60)
    text = metrics.render("")[0].decode()
    assert f'plenum_ingest_sessions{{event="{EVENT}"}} 1.0' in text
    assert f'plenum_encoder_frames_total{{event="{EVENT}"}}' in text
    assert 'plenum_packager_part_duration_seconds_bucket{le="0.05",rendition="240p"}' in text
    await ingest.end()
    await presenter.stop()
    assert f'event="{EVENT}"' not in metrics.render("")[0].decode()


async def test_whip_is_served_beside(ingest: Running) -> None:
    async with ingest.http.options(ingest.whip()) as response:
        assert response.status == 204
        assert "POST" in response.headers[aiohttp.hdrs.ALLOW]
