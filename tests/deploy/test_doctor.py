"""What `plenum doctor` says of edges that open pages cannot reach."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from deploy.doctor import _edge, is_within
from plenum.nodes import Card, Nodes
from plenum.settings import PlacementSettings, RedisSettings, Settings
from plenum.store import Embedded, connect


@pytest.mark.parametrize(
    ("url", "origin", "within"),
    [
        ("https://munich.example.org", "https://*.example.org", True),
        ("https://a.munich.example.org", "https://*.example.org", True),
        ("https://example.org", "https://*.example.org", False),
        ("https://munich.example.org", "https://munich.example.org:443", True),
        ("https://munich.example.org:8443", "https://*.example.org", False),
        ("http://munich.example.org", "https://*.example.org", False),
        ("https://munich.example.com", "https://*.example.org", False),
    ],
)
def test_an_address_is_within_an_origin_as_browsers_see_it(url: str, origin: str, within: bool) -> None:
    assert is_within(url, origin) is within


async def test_edges_outside_of_the_origins_are_warned_of(tmp_path: Path) -> None:
    async with Embedded(tmp_path) as store:
        redis = connect(store.url)
        nodes = Nodes(redis, "main")
        for name in ("munich", "berlin"):
            await nodes.say(f"{name}:edge-0", Card(name, f"https://{name}.example.org"))
        await redis.aclose()
        settings = Settings(
            redis=RedisSettings(url=store.url), placement=PlacementSettings(origins=["https://munich.example.org"])
        )
        found = await asyncio.to_thread(lambda: list(_edge(settings)))
    assert [(one.name, one.level) for one in found] == [("placement", "warn")]
    assert "berlin" in found[0].detail


async def test_a_store_that_is_away_is_said() -> None:
    settings = Settings(redis=RedisSettings(url="unix:///nowhere/valkey.sock"))
    (found,) = await asyncio.to_thread(lambda: list(_edge(settings)))
    assert found.level == "warn"
