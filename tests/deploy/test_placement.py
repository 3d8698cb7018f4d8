"""A whole front sends viewers to the edges whose cards are in the store, and lets its pages reach them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from deploy import assemble, secret
from deploy.registration import REACHED_S, REMEMBERED_S, Placement
from plenum.clock import SystemClock
from plenum.errors import BadInput
from plenum.identity import Principal, Role
from plenum.nodes import Card, Nodes, NodeState
from plenum.registry import Registry
from plenum.settings import load
from plenum.store import Embedded, connect
from sfu.placement import Offices
from tests.ports import free_port

EVENT = "town-hall"
MUNICH = Card("munich", "https://munich.example.org")
BERLIN = Card("berlin", "https://berlin.example.org", cpu=0.5)


@dataclass
class Stage:
    """A running front, and the cards of edges."""

    http: aiohttp.ClientSession
    nodes: Nodes
    store: Embedded

    async def joined(self, seen: str) -> dict[str, object]:
        async with self.http.get(f"/api/v1/events/{EVENT}/join", headers={"X-Forwarded-For": seen}) as answer:
            assert answer.status == 200
            return await answer.json()  # type: ignore[no-any-return]


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deploy.registration.KNOWN_S", 0.0)
    async with Embedded(tmp_path / "store") as store, AsyncExitStack() as stack:
        port = free_port()
        settings = load(
            {
                "data_dir": tmp_path,
                "auth": {"secret": "a secret of thirty-two bytes or so"},
                "redis": {"url": store.url},
                "server": {"port": port, "tls": "proxy"},
                "placement": {"subnets": {"10.1.0.0/16": "munich", "10.2.0.0/16": "berlin"}},
            }
        )
        redis = connect(store.url)
        stack.push_async_callback(redis.aclose)
        await Registry(redis, "main", SystemClock()).create("Town hall", event_id=EVENT)
        await assemble.front(settings, "front-0", "")(stack)
        signer = secret.signer(settings.auth.secret, settings.data_dir)
        ticket = signer.ticket(Principal("main", EVENT, Role.VIEWER, "ada"), time.time())
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {ticket}"}
        ) as http:
            yield Stage(http, Nodes(redis, "main"), store)


async def test_without_edges_the_front_names_itself(stage: Stage) -> None:
    joined = await stage.joined("10.1.0.7")
    assert joined["feed"] == [f"/live/{EVENT}/feed"]
    assert str(joined["hls"]).startswith("/live/")


async def test_a_viewer_is_sent_to_the_edge_of_the_office_then_to_another_then_here(stage: Stage) -> None:
    await stage.nodes.say("m", MUNICH)
    await stage.nodes.say("b", BERLIN)
    for seen, first, second in (("10.1.0.7", MUNICH, BERLIN), ("10.2.0.7", BERLIN, MUNICH)):
        joined = await stage.joined(f"192.0.2.1, {seen}")
        assert joined["feed"] == [f"{base}/live/{EVENT}/feed" for base in (first.url, second.url, "")]
        assert str(joined["hls"]).startswith(f"{first.url}/live/{EVENT}/")
        assert str(joined["dvr"]).startswith(f"{first.url}/live/{EVENT}/")


async def test_nobody_is_sent_to_an_edge_that_is_about_to_stop_or_has_not_spoken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.nodes.say("m", MUNICH)
    await stage.nodes.say("b", Card("berlin", BERLIN.url, NodeState.DRAINING))
    assert len((await stage.joined("10.2.0.7"))["feed"]) == 2  # type: ignore[arg-type]
    monkeypatch.setattr("plenum.nodes.STALE_S", -1.0)
    assert len((await stage.joined("10.2.0.7"))["feed"]) == 1  # type: ignore[arg-type]


async def test_a_viewers_address_is_kept_nowhere(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    await stage.nodes.say("m", MUNICH)
    await stage.joined("10.1.77.99")
    redis = connect(stage.store.url)
    kept = [await redis.dump(key) or b"" for key in await redis.keys("*")]
    await redis.aclose()
    assert not any(b"10.1.77.99" in each for each in kept)
    assert "10.1.77.99" not in capsys.readouterr().out


async def test_pages_may_open_sockets_at_the_edges_and_nowhere_else(stage: Stage) -> None:
    await stage.nodes.say("m", MUNICH)
    async with stage.http.get(f"/watch/{EVENT}") as answer:
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    reach = "'self' https://munich.example.org wss://munich.example.org"
    assert policy["connect-src"] == reach
    assert policy["media-src"].startswith("'self'")
    assert "https://munich.example.org" in policy["media-src"]
    assert policy["script-src"] == "'self'"


class Hands(SystemClock):
    """A clock that a test moves."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


class Away(Nodes):
    """Cards in a store that can be taken away."""

    is_away = False

    async def fresh(self) -> list[Card]:
        if self.is_away:
            raise RedisConnectionError("away")
        return await super().fresh()


async def test_edges_are_remembered_while_the_store_is_away_but_not_for_long(tmp_path: Path) -> None:
    async with Embedded(tmp_path / "store") as store:
        redis, clock = connect(store.url), Hands()
        nodes = Away(redis, "main")
        placement = Placement(nodes, Offices({}), clock)
        await nodes.say("m", MUNICH)
        assert await placement.places("10.1.0.7") == [MUNICH.url]
        nodes.is_away = True
        clock.now += REMEMBERED_S - 1
        assert await placement.places("10.1.0.7") == [MUNICH.url]
        clock.now += 3
        assert await placement.places("10.1.0.7") == []
        await redis.aclose()


async def test_a_page_may_reach_an_edge_that_was_there_lately(tmp_path: Path) -> None:
    async with Embedded(tmp_path / "store") as store:
        redis, clock = connect(store.url), Hands()
        nodes = Nodes(redis, "main")
        placement = Placement(nodes, Offices({}), clock)
        await nodes.say("m", MUNICH)
        assert await placement.everywhere() == [MUNICH.url]
        await nodes.leave("m")
        clock.now += 60
        assert (await placement.places("10.1.0.7"), await placement.everywhere()) == ([], [MUNICH.url])
        clock.now += REACHED_S
        assert await placement.everywhere() == []
        await redis.aclose()


async def test_the_age_of_a_card_is_told_by_the_stores_clock(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 7.0)  # a machine whose clock is wrong by half a century
    await stage.nodes.say("m", MUNICH)
    assert [card.name for card in await stage.nodes.fresh()] == ["munich"]


@pytest.mark.parametrize(
    "settings",
    [
        {"placement": {"subnets": {"10.1.0.0": "munich", "10.1.0.1/16": "munich"}}},
        {"placement": {"subnets": {"munich": "munich"}}},
        {"placement": {"subnets": {"10.1.0.0/16": "Edge of Munich"}}},
        {"edge": {"upstream": ["live.example.org"]}},
        {"edge": {"public_url": "munich"}},
        {"edge": {"name": "Munich 1"}},
    ],
)
def test_settings_of_edges_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(BadInput) as caught:
        load(settings)
    assert caught.value.code == "bad_settings"
