"""Watching by pull for longer than the key in the addresses is valid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Page

from loadtests.api_client import Api
from loadtests.chromium import WITHOUT_WEBSOCKET
from loadtests.presenting import presenting
from loadtests.running_platform import Platform
from tests.system.conftest import Come
from tests.system.watching import first_frame, stats

KEY_S = 2.0
"""A key is handed out for so long, and valid for as long again."""
WATCHED_S = 9.0
LONGEST_BREAK_S = 2.0
_LONGEST_STILL = """async (seconds) => {
  const video = document.querySelector("video");
  let at = video.currentTime, since = performance.now(), longest = 0;
  for (const end = since + seconds * 1000; performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (video.currentTime !== at) [at, since] = [video.currentTime, performance.now()];
    longest = Math.max(longest, performance.now() - since);
  }
  return longest / 1000;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def hasty(tmp_path: Path) -> AsyncIterator[Platform]:
    """A platform of its own, since its keys are of no use to others."""
    environment = {"PLENUM_AUTH__DELIVERY_KEY_HOURS": str(KEY_S / 3600), "PLENUM_MEDIA__LADDER": '["360p"]'}
    running = Platform(tmp_path / "data", env=environment)
    await running.start()
    yield running
    await running.stop()


async def test_a_page_that_pulls_goes_on_when_its_key_runs_out(hasty: Platform, come: Come) -> None:
    async with Api(hasty.links["all"]) as api:
        event = await api.create("A long day")
        link = (await api.links(event))["viewer"]
        async with presenting(hasty, event, "testsrc"):
            visitor = await come("one without WebSocket", init_script=WITHOUT_WEBSOCKET)
            keys = _keys_answered(visitor.page)
            page = await visitor.open(link)
            await first_frame(page, 25)
            await asyncio.sleep(1.0)
            began = len(keys)
            assert await page.evaluate(_LONGEST_STILL, WATCHED_S) < LONGEST_BREAK_S
            assert (await stats(page))["path"] == "hls"
            assert len(set(keys[began:])) >= 3, "the key did not change often enough to tell"
    visitor.assert_content(r"WebSocket|/blocked/", r"\b401\b.*/live/|/live/.*\b401\b")


def _keys_answered(page: Page) -> list[str]:
    """The key of each pull address that was answered with media, in the order of the answers."""
    keys: list[str] = []

    def look(url: str, status: int) -> None:
        path = urlsplit(url).path.split("/")
        if status == 200 and path[1] == "live":
            keys.append(path[3])

    page.on("response", lambda response: look(response.url, response.status))
    return keys
