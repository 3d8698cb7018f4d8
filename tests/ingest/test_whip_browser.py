"""A real Chromium with its fake camera presents through the endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright

from ingest.picture_size import PictureSize, coded_sizes
from ingest.samples import SampleCodec, SampleKind
from loadtests.chromium import launch
from tests.whip_stage import Stage, ticket, whip_stage

PRESENT = """
async ([url, token, preferred]) => {
  const stream = await navigator.mediaDevices.getUserMedia({video: {width: 1280, height: 720}, audio: true});
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  for (const track of stream.getTracks()) {
    const transceiver = pc.addTransceiver(track, {direction: 'sendonly'});
    if (track.kind !== 'video') continue;
    const parameters = transceiver.sender.getParameters();
    parameters.degradationPreference = 'maintain-resolution';
    await transceiver.sender.setParameters(parameters);
    const codecs = RTCRtpSender.getCapabilities('video').codecs;
    if (preferred) transceiver.setCodecPreferences(codecs.filter(codec => codec.mimeType === preferred));
  }
  await pc.setLocalDescription(await pc.createOffer());
  const response = await fetch(url, {
    method: 'POST', body: pc.localDescription.sdp,
    headers: {'Content-Type': 'application/sdp', 'Authorization': 'Bearer ' + token},
  });
  if (response.status !== 201) throw new Error(await response.text());
  await pc.setRemoteDescription({type: 'answer', sdp: await response.text()});
}
"""
SENT = """
async () => {
  for (const report of (await window.pc.getStats()).values())
    if (report.type === 'outbound-rtp' && report.kind === 'video') return [report.frameWidth, report.frameHeight];
}
"""
AVAILABLE = """
async () => {
  for (const report of (await window.pc.getStats()).values())
    if (report.type === 'candidate-pair' && report.nominated) return report.availableOutgoingBitrate;
}
"""

pytestmark = pytest.mark.system


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright.chromium)
        yield browser
        await browser.close()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with whip_stage() as stage:
        yield stage


async def presenting(browser: Browser, stage: Stage, preferred: str = "") -> Page:
    page = await browser.new_page()
    await page.goto(stage.base)
    await page.evaluate(PRESENT, [stage.url, ticket(), preferred])
    return page


async def test_chromium_sends_h264_at_full_size_and_rate_within_two_seconds(browser: Browser, stage: Stage):
    page = await presenting(browser, stage)
    audience = stage.audience(await stage.peer())
    pictures = await audience.pictures(180)
    assert pictures[0].keyframe
    settled = [picture for picture in pictures if picture.arrival_us - pictures[0].arrival_us > 2_000_000]
    rate = (len(settled) - 1) * 1e6 / (settled[-1].arrival_us - settled[0].arrival_us)
    print("pictures a second from two seconds on:", round(rate, 2))  # noqa: T201
    assert rate >= 27
    sizes = [list(coded_sizes(picture.codec, picture.payload)) for picture in pictures if picture.keyframe]
    assert sizes[-1] == [PictureSize(1280, 720)]
    assert {picture.codec for picture in pictures} == {SampleCodec.H264}
    assert await page.evaluate(SENT) == [1280, 720]
    assert await page.evaluate(AVAILABLE) > 1_000_000  # without transport-cc it is 300 kbit/s at this time
    kinds = {sample.kind for sample in audience.samples}
    assert {SampleKind.VIDEO, SampleKind.AUDIO, SampleKind.CLOCK} <= kinds


async def test_a_browser_that_offers_only_vp8_is_taken_too(browser: Browser, stage: Stage):
    await presenting(browser, stage, "video/VP8")
    pictures = await stage.audience(await stage.peer()).pictures(20)
    assert {picture.codec for picture in pictures} == {SampleCodec.VP8}


async def test_chromium_answers_a_keyframe_request(browser: Browser, stage: Stage):
    await presenting(browser, stage)
    peer = await stage.peer()
    await stage.audience(peer).pictures(30)
    assert (await stage.audience(peer).pictures(30))[0:10] != []
    again = stage.audience(peer)
    await again.until(lambda samples: any(sample.keyframe for sample in samples), patience_s=3)


async def test_closing_the_connection_in_the_page_ends_the_peer_at_once(browser: Browser, stage: Stage):
    page = await presenting(browser, stage)
    peer = await stage.peer()
    await stage.audience(peer).pictures(5)
    await page.evaluate("window.pc.close()")
    assert await peer.ended == "left"
