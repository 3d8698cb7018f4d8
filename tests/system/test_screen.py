"""A presenter shares a screen: what viewers see in its corner, what they hear beside it, and what ends without the rest.

The shared screen is a red tab that stands still and plays a tone, captured by Chromium as it would be for a person; the camera is
Chromium's fake one, which moves and is not red. All is read from the viewer's pixels and samples.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio
from playwright.async_api import Page, Playwright, Request

from loadtests.api_client import Api
from loadtests.chromium import launch
from tests.system.acting import PATIENCE_MS, go_live
from tests.system.conftest import Come, entrance
from tests.system.looking import Looker
from tests.system.visitors import DESK, Visitor
from tests.system.watching import first_frame, sound_level

SLIDES = (
    "data:text/html,<title>Slides</title><body style='background:rgb(200,30,30)'><script>"
    "const audio = new AudioContext(), tone = new OscillatorNode(audio, { frequency: 300 });"
    "tone.connect(audio.destination); tone.start()</script>"
)
CAPTURING = (
    "--auto-select-tab-capture-source-by-title=Slides",
    "--use-fake-device-for-media-stream=fps=30,device-count=2",
)
"""Chromium chooses the tab as a person would; two cameras and microphones, so that one can change to the other."""

SCREEN_POINTS = ((0.02, 0.02), (0.98, 0.02), (0.02, 0.98), (0.5, 0.5), (0.7, 0.9), (0.95, 0.7), (0.995, 0.995))
"""All around the inset, up to the edges: 22 % wide, bottom right."""
INSET_POINTS = ((0.78, 0.78), (0.87, 0.87), (0.96, 0.78))
INSET = (0.77, 0.77, 0.97, 0.95)
ELSEWHERE = (0.02, 0.02, 0.72, 0.95)
CHANGED_S = 8.0
"""Capture, encoder and the viewer's buffer, on a busy machine."""

KEPT = """
// What the page opened and posted, and a switch that takes its animation frames away, as a hidden page has none.
globalThis.opened = [];
const media = Object.getPrototypeOf(navigator.mediaDevices);
const open = media.getUserMedia;
media.getUserMedia = async function (wishes) {
  const stream = await open.call(this, wishes);
  globalThis.opened.push(...stream.getTracks());
  return stream;
};
for (const [owner, name] of [[globalThis, "requestAnimationFrame"], [HTMLVideoElement.prototype, "requestVideoFrameCallback"]]) {
  const asked = owner[name];
  owner[name] = function (act) {
    return asked.call(this, (...all) => globalThis.looksAway || act(...all));
  };
}
"""

_COLOURS = """points => {
  const video = document.querySelector("video");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  return points.map(([x, y]) => [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data.slice(0, 3)]);
}"""

_MOTION = """async ({ box, frames }) => {
  const video = document.querySelector("video");
  const [left, top, right, bottom] = box;
  const context = new OffscreenCanvas(64, 36).getContext("2d", { willReadFrequently: true });
  let last = null, changed = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    const { videoWidth: w, videoHeight: h } = video;
    context.drawImage(video, left * w, top * h, (right - left) * w, (bottom - top) * h, 0, 0, 64, 36);
    const now = context.getImageData(0, 0, 64, 36).data;
    if (last && now.some((value, at) => Math.abs(value - last[at]) > 24)) changed += 1;
    last = now;
  }
  return changed;
}"""


def _is_red(colour: list[int]) -> bool:
    red, green, blue = colour
    return red > 140 and green < 90 and blue < 90


@dataclass
class Show:
    presenter: Visitor
    viewer: Visitor
    slides: Page
    posts: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        if request.method == "POST" and "/whip/" in request.url:
            self.posts.append(request.url)

    async def colours(self, points: tuple[tuple[float, float], ...]) -> list[list[int]]:
        return list(await self.viewer.page.evaluate(_COLOURS, points))

    async def until_seen(self, *, screen: bool, inset: bool) -> None:
        """Until the viewer's picture is red around the corner or not, and in the corner or not."""
        async with asyncio.timeout(CHANGED_S):
            while True:
                around = await self.colours(SCREEN_POINTS)
                corner = await self.colours(INSET_POINTS)
                shows_screen = all(map(_is_red, around))
                shows_inset = not any(map(_is_red, corner))
                if shows_screen == screen and (not screen or shows_inset == inset):
                    return
                await asyncio.sleep(0.1)

    async def moves(self, box: tuple[float, float, float, float]) -> int:
        """How many of 20 frames show something new in a part of the viewer's picture."""
        return int(await self.viewer.page.evaluate(_MOTION, {"box": box, "frames": 20}))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def capturing(playwright: Playwright) -> AsyncIterator[Come]:
    """Visitors in a browser that shares tabs for real and does not mute them."""
    chromium = await launch(playwright.chromium, *CAPTURING, pretends_to_ask=False)
    async with entrance(chromium) as enter:
        yield enter
    await chromium.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def show(api: Api, settle: Come, capturing: Come) -> AsyncIterator[Show]:
    """Live in the studio, then sharing with the camera in the corner; one viewer."""
    event = await api.create("Slides with a face")
    links = await api.links(event)
    viewer = await settle("viewer")
    presenter = await capturing("presenter", DESK, init_script=KEPT, still=True)
    slides = await presenter.context.new_page()
    await slides.set_viewport_size({"width": 1280, "height": 720})
    await slides.goto(SLIDES)
    show = Show(presenter, viewer, slides)
    presenter.page.on("request", show.note)
    await viewer.open(links["viewer"])
    await presenter.open(links["presenter"])
    await go_live(presenter)
    await first_frame(viewer.page)
    await presenter.page.keyboard.press("s")
    await _shown(presenter.page, "inset")
    yield show
    await api.end(event)


async def _shown(page: Page, composition: str) -> None:
    await page.locator(f"[data-testid=shown][data-composition={composition}]").wait_for(timeout=PATIENCE_MS)


async def test_the_screen_fills_the_picture_and_the_camera_moves_in_its_corner(show: Show) -> None:
    await show.until_seen(screen=True, inset=True)
    assert await show.moves(INSET) >= 10
    assert await show.moves(ELSEWHERE) <= 2, "the tab stands still"


async def test_a_page_without_animation_frames_goes_on_composing(show: Show) -> None:
    """The presenter looks at the slides, not at the studio: a hidden page gets no animation frame and no video callback."""
    page = show.presenter.page
    await page.evaluate("globalThis.looksAway = true")
    await asyncio.sleep(2)  # what was on its way is shown by then
    assert await show.moves(INSET) >= 10
    await page.evaluate("globalThis.looksAway = false")


async def test_the_studio_looks_right_while_sharing(show: Show) -> None:
    looker = Looker()
    page = show.presenter.page
    await looker.look(show.presenter, "studio-sharing")
    assert not await page.locator(".segments").is_visible(), "phones cannot share"
    await page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    await page.evaluate("document.querySelector('.language[lang=en]').click()")
    await page.get_by_role("radio", name="Screen with camera").wait_for()
    looker.judge(show.presenter)


async def test_a_camera_that_is_switched_off_leaves_the_corner_and_one_that_comes_back_returns(show: Show) -> None:
    page = show.presenter.page
    await page.keyboard.press("v")
    await show.until_seen(screen=True, inset=False)
    await _shown(page, "screen")
    assert await page.get_by_role("radio", name="Screen with camera").is_disabled()
    await page.keyboard.press("v")
    await show.until_seen(screen=True, inset=True)


async def test_a_screen_that_stands_still_is_sent_five_times_a_second_or_more(show: Show) -> None:
    page = show.presenter.page
    await page.get_by_role("radio", name="Screen", exact=True).check()
    await show.until_seen(screen=True, inset=False)
    await asyncio.sleep(3)  # the figures are those of the last second
    sent = re.search(r"1280 × 720 · (\d+) fps", await page.get_by_test_id("signal").inner_text())
    assert sent is not None
    assert 5 <= int(sent[1]) <= 15


async def test_the_chosen_look_is_remembered(show: Show) -> None:
    page = show.presenter.page
    remembered = "localStorage.getItem('plenum.screen-look')"
    await page.get_by_role("radio", name="Screen", exact=True).check()
    assert await page.evaluate(remembered) == "screen"
    await page.get_by_role("radio", name="Screen with camera").check()
    assert await page.evaluate(remembered) == "inset"
    await show.until_seen(screen=True, inset=True)


async def test_the_mute_key_silences_the_microphone_and_not_the_tab(show: Show) -> None:
    page = show.presenter.page
    await page.get_by_test_id("shared-sound").wait_for()
    await page.get_by_role("radio", name="Screen with camera").check()  # keys work on from there
    await page.keyboard.press("m")
    await page.locator("[data-testid=mic][aria-pressed=false]").wait_for(timeout=PATIENCE_MS)
    await asyncio.sleep(2)
    with_tab = await sound_level(show.viewer.page)
    await show.slides.evaluate("audio.suspend()")
    await asyncio.sleep(2)
    without = await sound_level(show.viewer.page)
    await show.slides.evaluate("audio.resume()")
    await page.keyboard.press("m")
    assert with_tab > 0.02
    assert without < 0.005, "the microphone was heard although it was muted"


async def test_another_microphone_is_mixed_in_while_the_tab_goes_on(show: Show) -> None:
    page = show.presenter.page
    await page.locator("[data-testid=air] details summary").last.click()
    select = page.locator("select[name=microphone]")
    ids: list[str] = await select.locator("option").evaluate_all("all => all.map((one) => one.value)")
    now = await select.input_value()
    await select.select_option(next(device for device in ids if device not in (now, "default", "communications")))
    await show.slides.evaluate("audio.suspend()")
    await asyncio.sleep(2)
    assert await sound_level(show.viewer.page) > 0.01, "the new microphone is not heard"
    await show.slides.evaluate("audio.resume()")


async def test_an_unplugged_camera_takes_only_itself_away(show: Show) -> None:
    page = show.presenter.page
    await page.evaluate(
        "opened.filter((t) => t.kind === 'video' && t.readyState === 'live')"
        ".forEach((t) => { t.stop(); t.dispatchEvent(new Event('ended')); })"
    )
    await show.until_seen(screen=True, inset=False)
    await page.keyboard.press("v")
    await show.until_seen(screen=True, inset=True)


async def test_a_share_that_ends_by_itself_gives_the_camera_and_the_microphone_back(show: Show) -> None:
    await show.slides.close()
    await show.presenter.page.get_by_test_id("shown").wait_for(state="detached", timeout=PATIENCE_MS)
    await show.until_seen(screen=False, inset=False)
    assert await show.moves(ELSEWHERE) >= 10
    assert await sound_level(show.viewer.page) > 0.01


async def test_nothing_of_it_negotiated_again_or_complained(show: Show) -> None:
    assert len(show.posts) == 1, show.posts
    for visitor in (show.presenter, show.viewer):
        visitor.assert_content()
