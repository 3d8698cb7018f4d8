"""A viewer goes back in a running event, to its start, and to live again; and what that looks like."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from playwright.async_api import Page, expect

from loadtests.api_client import Api
from loadtests.presenting import presenting
from loadtests.running_platform import Platform
from tests.system.conftest import Come
from tests.system.looking import Looker
from tests.system.watching import first_frame, stats, until_moving

WATCHED_S = 22.0
"""Long enough that two steps back end after the start of the event."""
SOON_S = 1.0
EXACT_S = 1.5


@dataclass(frozen=True)
class Air:
    event: str
    links: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def air(platform: Platform, api: Api) -> AsyncIterator[Air]:
    event = await api.create("Quarterly town hall, autumn")
    async with presenting(platform, event, "testsrc", name="Mara Lind"):
        yield Air(event, await api.links(event))


async def test_two_steps_back_the_start_and_live_again(air: Air, come: Come) -> None:
    viewer = await come("viewer")
    page = await viewer.open(air.links["viewer"])
    await first_frame(page)
    await page.wait_for_timeout(WATCHED_S * 1000)
    await page.evaluate("document.querySelector('video').volume = 0.3")
    await page.evaluate(_WATCH_FOR_BLACK)
    assert (await stats(page))["source"] == "live"

    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(page.get_by_test_id("behind")).to_contain_text("−0:2")
    await _assert_age(page, 20)
    await until_moving(page, 4)

    await page.get_by_test_id("scrubber").focus()
    await page.keyboard.press("Home")
    await _shows(page, "dvr")
    await expect(page.get_by_test_id("stage")).to_have_attribute("data-scene", "past")
    began = await page.evaluate("plenum.stats().wallMs")
    assert await page.evaluate("Number(document.querySelector('[data-testid=scrubber]').value)") <= 2
    await until_moving(page, 4)
    await page.keyboard.press("l")
    await page.wait_for_timeout(1000)
    went_s = (await page.evaluate("plenum.stats().wallMs") - began) / 1000
    assert 10.5 < went_s < 14, went_s
    await until_moving(page, 4)

    await page.get_by_test_id("go-live").click()
    await _shows(page, "live")
    await page.get_by_test_id("live").wait_for()
    await until_moving(page, 4)
    assert (await stats(page))["latency_ms"] < 2000
    assert await page.evaluate("document.querySelector('video').volume") == 0.3
    assert await page.evaluate("globalThis.black") == 0, "the picture went black between two sources"
    viewer.assert_content()


async def test_a_file_that_did_not_come_is_asked_for_again(air: Air, come: Come) -> None:
    viewer = await come("viewer")
    page = await viewer.open(air.links["viewer"])
    await first_frame(page)
    await page.wait_for_timeout(WATCHED_S * 1000)
    await page.route("**/hls-*.js*", lambda route: route.abort())
    await page.get_by_test_id("scrubber").focus()
    await page.keyboard.press("Home")
    await page.locator(".toast").wait_for()
    assert (await stats(page))["source"] == "live"
    await page.unroute("**/hls-*.js*")
    await page.keyboard.press("Home")
    await _shows(page, "dvr")
    await until_moving(page, 4)


async def test_what_going_back_looks_like(air: Air, come: Come) -> None:
    looker = Looker()
    viewer = await come("viewer", still=True)
    page = await viewer.open(air.links["viewer"])
    await first_frame(page)
    await page.get_by_test_id("scrubber").wait_for()
    await looker.look(viewer, "dvr-live")
    await page.get_by_test_id("scrubber").focus()
    await page.keyboard.press("Home")
    await _shows(page, "dvr")
    await looker.look(viewer, "dvr-behind")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await _hover(page, 0.02)
    await looker.look(viewer, "dvr-hover", _hover)
    await page.get_by_test_id("quality").get_by_role("button").first.click()
    await looker.look(viewer, "dvr-menu")
    looker.judge(viewer)


async def test_whoever_watches_the_recording_may_go_on_after_the_end_and_others_may_begin(
    api: Api, platform: Platform, come: Come
) -> None:
    looker = Looker()
    event = await api.create("An event to watch afterwards")
    links = await api.links(event)
    viewer = await come("viewer", still=True)
    async with presenting(platform, event, "testsrc"):
        page = await viewer.open(links["viewer"])
        await first_frame(page)
        await page.wait_for_timeout(9000)
        await page.get_by_test_id("scrubber").focus()
        await page.keyboard.press("Home")
        await _shows(page, "dvr")
    await api.end(event)
    await page.get_by_test_id("replaying").wait_for()
    await until_moving(page, 4)
    await page.get_by_test_id("leave-replay").click()
    await page.get_by_test_id("replay").wait_for()
    await looker.look(viewer, "dvr-ended")
    late = await come("late", still=True)
    await late.open(links["viewer"])
    await late.page.get_by_test_id("replay").click()
    await _shows(late.page, "dvr")
    await until_moving(late.page, 4)
    await looker.look(late, "dvr-replay")
    looker.judge(viewer, late)


async def _hover(page: Page, at: float = 0.5) -> None:
    box = await page.get_by_test_id("scrubber").bounding_box()
    assert box
    await page.mouse.move(box["x"] + at * box["width"], box["y"] + box["height"] / 2)
    await page.get_by_test_id("scrubber-hint").wait_for()


_WATCH_FOR_BLACK = """() => {
  const video = document.querySelector("video"), kept = document.querySelector(".picture-kept");
  let drawn = video.currentSrc;
  globalThis.black = 0;
  const look = () => {
    if (video.readyState >= 2 && video.videoWidth > 0) drawn = video.currentSrc;
    // An element in the middle of a jump shows the picture before it; one with a new source shows nothing.
    else if (kept.hidden && (video.readyState === 0 || video.currentSrc !== drawn)) globalThis.black += 1;
    requestAnimationFrame(look);
  };
  look();
}"""

_SHOWN = """async (source) => {
  const began = performance.now();
  const video = document.querySelector("video"), kept = document.querySelector(".picture-kept");
  while (performance.now() - began < 5000) {
    const isDrawn = video.readyState >= 2 && kept.hidden && !video.paused && !video.seeking;
    if (plenum.stats().source === source && isDrawn) return performance.now() - began;
    await new Promise(requestAnimationFrame);
  }
  throw new Error(`not shown: ${JSON.stringify(plenum.stats())} ${video.readyState} ${video.paused} ${kept.hidden}`);
}"""


async def _shows(page: Page, source: str) -> None:
    """Until a picture of this source is on screen, which takes no second."""
    took = float(await page.evaluate(_SHOWN, source))
    print(f"{source} on screen after {took:.0f} ms")  # noqa: T201
    assert took < SOON_S * 1000


async def _assert_age(page: Page, seconds: float) -> None:
    """The picture is really so old: by its capture time, which must go on like the clock does."""
    first = await _age(page)
    await page.wait_for_timeout(2000)
    second = await _age(page)
    assert abs(first - seconds - 1) < EXACT_S, first
    assert abs(second - first) < 0.5, (first, second)


async def _age(page: Page) -> float:
    return float(await page.evaluate("(Date.now() - plenum.stats().wallMs) / 1000"))
