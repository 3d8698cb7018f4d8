"""The watch page at real edges: one that is stopped, and one that dies, while somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Page

from loadtests.api_client import Api
from loadtests.presenting import presenting
from loadtests.running_platform import Platform
from plenum.nodes import Nodes
from plenum.store import connect
from tests.edge_stage import Edge
from tests.system.conftest import Come
from tests.system.test_programme import made_film
from tests.system.watching import first_frame, stats, until_moving

TENANT = "main"
NAMES = ("munich", "berlin")
DRAINED_S = 10.0
SETTLED_S = 2.0
NOT_ONE_STALL_MS = 700
"""Of picture and sound: what a busy machine leaves out by itself is less."""
BACK_WITHIN_MS = 3000
CALM_MS = 300
CALM_WITHIN_S = 20.0

# Hiss is in the film at every moment, so that a sound that has stopped is exactly nothing.
_PROBE = """async () => {
  const video = document.querySelector("video");
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 1024 });
  audio.createMediaElementSource(video).connect(analyser);
  analyser.connect(audio.destination);
  await audio.resume();
  const samples = new Float32Array(analyser.fftSize);
  const context = new OffscreenCanvas(64, 36).getContext("2d", { willReadFrequently: true });
  let last = null;
  const fresh = () => ({ picture: performance.now(), sound: performance.now(), worst: { picture: 0, sound: 0 }, waits: 0 });
  let seen = fresh();
  const moved = (what) => {
    const now = performance.now();
    seen.worst[what] = Math.max(seen.worst[what], now - seen[what]);
    seen[what] = now;
  };
  video.addEventListener("waiting", () => (seen.waits += 1));
  const look = () => {
    context.drawImage(video, 0, 0, 64, 36);
    const now = context.getImageData(0, 0, 64, 36).data;
    if (last && now.some((value, at) => Math.abs(value - last[at]) > 8)) moved("picture");
    last = now;
    analyser.getFloatTimeDomainData(samples);
    if (samples.some((value) => Math.abs(value) > 1e-5)) moved("sound");
  };
  setInterval(look, 30);
  globalThis.probe = {
    begin: () => (seen = fresh()),
    /** The longest time without a new picture and without sound, what lasts now included; how often the element waited. */
    read: () => {
      const now = performance.now();
      const worst = (what) => Math.round(Math.max(seen.worst[what], now - seen[what]));
      return { picture: worst("picture"), sound: worst("sound"), waits: seen.waits };
    },
  };
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def edges(platform: Platform, tmp_path: Path) -> AsyncIterator[Mapping[str, Edge]]:
    """Two edges by address. Afterwards nobody is sent to them, though they may have died without a word."""
    store = connect(platform.store_url)
    nodes = Nodes(store, TENANT)
    made = [
        Edge(tmp_path, name, platform.url, pages=platform.url, PLENUM_REDIS__URL=platform.store_url) for name in NAMES
    ]
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.aclose)
        await asyncio.gather(*(stack.enter_async_context(edge) for edge in made))
        async with asyncio.timeout(10):
            while {card.url for card in await nodes.fresh()} != {edge.url for edge in made}:  # noqa: ASYNC110 - read
                await asyncio.sleep(0.1)
        yield {edge.url: edge for edge in made}
        for name in NAMES:
            await nodes.leave(f"{name}:edge-0")


async def test_a_page_leaves_an_edge_that_stops_without_a_stall_and_one_that_dies_within_three_seconds(
    platform: Platform, api: Api, come: Come, edges: Mapping[str, Edge]
) -> None:
    event = await api.create("Two offices")
    links = await api.links(event)
    viewer = await come("at an edge")
    async with presenting(platform, event, str(made_film()), "--loop"):
        page = await viewer.open(links["viewer"])
        await first_frame(page, 20)
        await until_moving(page)
        stopping = edges[await _base(page)]
        await page.evaluate(_PROBE)
        await page.evaluate("globalThis.sameDocument = true")

        await _until_calm(page)
        stopping.process.terminate()
        assert await asyncio.wait_for(stopping.process.wait(), DRAINED_S) == 0
        await page.wait_for_timeout(SETTLED_S * 1000)
        drained = await _read(page, "drained")
        other = await _base(page)
        assert other in edges
        assert other != stopping.url
        assert drained["waits"] == 0
        assert max(drained["picture"], drained["sound"]) < NOT_ONE_STALL_MS

        await _until_calm(page)
        edges[other].kill()
        await page.wait_for_timeout(BACK_WITHIN_MS + SETTLED_S * 1000)
        died = await _read(page, "killed")
        assert await _base(page) == ""  # the front itself is left
        assert max(died["picture"], died["sound"]) < BACK_WITHIN_MS
        await until_moving(page, 4)
        assert await page.evaluate("sameDocument")
    await api.end(event)
    viewer.assert_content("WebSocket connection")


async def _until_calm(page: Page) -> None:
    """A machine that stutters by itself is waited for; then the time counts from now on."""
    async with asyncio.timeout(CALM_WITHIN_S):
        while True:
            await page.evaluate("probe.begin()")
            await page.wait_for_timeout(SETTLED_S * 1000)
            seen = await page.evaluate("probe.read()")
            if max(seen["picture"], seen["sound"]) < CALM_MS:
                break
    await page.evaluate("probe.begin()")


async def _base(page: Page) -> str:
    """Of the address that the media comes from."""
    return str((await stats(page))["address"]).partition("/live/")[0]


async def _read(page: Page, what: str) -> dict[str, Any]:
    seen = dict(await page.evaluate("probe.read()"))
    print(f"{what}: {seen}")  # noqa: T201
    return seen
