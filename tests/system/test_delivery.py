"""The same programme by every way out: push, hls.js where no WebSocket gets through, and players that are not ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, Route

from loadtests import barcode
from loadtests.api_client import Api
from loadtests.chromium import WITHOUT_WEBSOCKET
from loadtests.presenting import presenting
from loadtests.recording import recording
from loadtests.running_platform import ROOT, Platform
from plenum.identity import Role
from plenum.media import ProgrammeState
from tests.system.conftest import Come
from tests.system.test_programme import made_film
from tests.system.watching import first_frame, sound_level, stats, until_moving

MODULES = ROOT / "player" / "node_modules"
FOREIGN_PAGES: Mapping[str, tuple[Path, str]] = {
    "hls.js": (
        MODULES / "hls.js" / "dist" / "hls.min.js",
        "const hls = new Hls({ lowLatencyMode: true }); hls.loadSource(ADDRESS); hls.attachMedia(video);"
        "hls.on(Hls.Events.ERROR, (_, error) => { if (error.fatal) document.title = 'fatal ' + error.details; });",
    ),
    "shaka": (
        MODULES / "shaka-player" / "dist" / "shaka-player.compiled.js",
        "shaka.polyfill.installAll(); const player = new shaka.Player();"
        # Until its pull request 10559 is released, Shaka tears a part off the one before it (sfu/README.md).
        "player.attach(video).then(() => { player.configure('streaming.lowLatencyMode', true);"
        "player.configure('manifest.hls.sequenceMode', true);"
        "return player.load(ADDRESS); }).catch((error) => { document.title = 'fatal ' + error.code; });",
    ),
}
DECODED = 60


@dataclass(frozen=True)
class Air:
    event: str
    links: dict[str, str]
    hls: str


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def air(platform: Platform, api: Api) -> AsyncIterator[Air]:
    """The made film, over and over; the LL-HLS address of the join answer."""
    event = await api.create("Every way out")
    ticket = platform.ticket(event, Role.VIEWER)
    async with presenting(platform, event, str(made_film()), "--loop"):
        async with recording(platform.url, event, ticket) as tape:
            await tape.until_state(ProgrammeState.LIVE)
            await tape.until_segments(3)
        yield Air(event, await api.links(event), platform.url + (await api.join(event))["hls"])
    await api.end(event)


async def test_a_page_without_websocket_plays_by_hls_js(air: Air, come: Come) -> None:
    visitor = await come("behind a proxy", init_script=WITHOUT_WEBSOCKET)
    page = await visitor.open(air.links["viewer"])
    await first_frame(page, 20)
    assert (await stats(page))["path"] == "hls"
    await until_moving(page)
    assert await sound_level(page) > 0.01
    visitor.assert_content(r"WebSocket|/blocked/")


async def test_a_page_with_websocket_plays_by_push(air: Air, come: Come) -> None:
    visitor = await come("ordinary")
    page = await visitor.open(air.links["viewer"])
    await first_frame(page)
    assert (await stats(page))["path"] == "push"
    await until_moving(page)
    visitor.assert_content()


@pytest.mark.parametrize("player", FOREIGN_PAGES)
async def test_a_foreign_web_player_plays_the_address(air: Air, come: Come, player: str) -> None:
    visitor = await come(player)
    page = await _foreign_page(visitor.page, air.hls, player)
    await first_frame(page, 20)
    await until_moving(page, 15)
    assert await sound_level(page) > 0.01
    assert await page.title() == "", "the player gave up"


async def test_ffmpeg_decodes_sound_and_picture_of_every_variant(air: Air) -> None:
    renditions = await asyncio.to_thread(_decode_all, air.hls)
    assert renditions == {(1280, 720), (854, 480), (640, 360), (426, 240)}


async def test_the_ffmpeg_program_plays_the_address(air: Air) -> None:
    process = await _program("ffmpeg", "-v", "error", "-i", air.hls, "-t", "4", "-f", "null", "-")
    code, said = await _ended(process)
    assert code == 0, said


async def test_gstreamer_plays_sound_and_picture(air: Air) -> None:
    source = ["uridecodebin3", f"uri={air.hls}", "name=d"]
    picture = ["d.", "!", "queue", "!", "videoconvert", "!", "fakesink", f"num-buffers={DECODED}", "sync=true"]
    sound = ["d.", "!", "queue", "!", "audioconvert", "!", "fakesink", f"num-buffers={DECODED}", "sync=true"]
    code, said = await _ended(await _program("gst-launch-1.0", "-q", *source, *picture, *sound))
    assert code == 0, said


async def _foreign_page(page: Page, address: str, player: str) -> Page:
    """A page of our own origin, served by the browser itself, that holds nothing but the foreign player."""
    script, start = FOREIGN_PAGES[player]
    body = f"<!doctype html><video muted autoplay playsinline></video><script>{script.read_text()}</script>"
    play = f"<script>const ADDRESS = {address!r}, video = document.querySelector('video');{start}</script>"

    async def serve(route: Route) -> None:
        await route.fulfill(body=body + play, content_type="text/html")

    await page.route("**/foreign", serve)
    await page.goto(address.partition("/live/")[0] + "/foreign")
    await page.evaluate("document.querySelector('video').muted = false")
    return page


def _decode_all(address: str) -> set[tuple[int, int]]:
    """Sizes of the variants whose frame numbers could be read; raises when the sound is missing."""
    found = set()
    with av.open(address) as container:
        videos = container.streams.video
        wanted = {stream.index for stream in videos}
        heard = 0
        for frame in container.decode(videos + container.streams.audio[:1]):
            if isinstance(frame, av.AudioFrame):
                heard += 1
            else:
                plane = frame.planes[0]
                rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
                if barcode.read(rows[: frame.height, : frame.width]) is not None:
                    found.add((frame.width, frame.height))
            if len(found) == len(wanted) and heard >= DECODED:
                return found
    raise AssertionError(f"the address ended after {found} and {heard} frames of sound")


async def _program(*command: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True
    )


async def _ended(process: asyncio.subprocess.Process, within_s: float = 30) -> tuple[int, str]:
    try:
        output, _ = await asyncio.wait_for(process.communicate(), within_s)
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
        return -1, f"did not end within {within_s:.0f} s: {output.decode(errors='replace')[-2000:]}"
    return process.returncode or 0, output.decode(errors="replace")[-2000:]
