"""The browser that benchmarks and system tests drive: Chromium with fake camera and microphone, by Playwright."""

from __future__ import annotations

import shutil

from playwright.async_api import Browser, BrowserType

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=30",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

WITHOUT_WEBSOCKET = """
// A proxy that knows no Upgrade: the request arrives at an address that answers 404.
globalThis.WebSocket = new Proxy(globalThis.WebSocket, {
  construct: (Socket, [url, protocols]) => new Socket(String(url).replace(/\\/(live|qna)\\//, "/blocked/"), protocols),
});
"""
"""Init script of a page whose network lets no WebSocket through."""


PRETENDED = "--use-fake-ui-for-media-stream"
"""Answers every question for a device, and gives a fake screen that looks like the fake camera."""


async def launch(chromium: BrowserType, *extra: str, pretends_to_ask: bool = True) -> Browser:
    """The system's Chromium where there is one (it plays and encodes H.264), else the one Playwright brings.

    Without `pretends_to_ask` a tab is shared for real, with its sound, which Playwright would mute.
    """
    installed = next((path for name in INSTALLED if (path := shutil.which(name))), None)
    if pretends_to_ask:
        return await chromium.launch(executable_path=installed, args=[*FLAGS, *extra])
    flags = [flag for flag in FLAGS if flag != PRETENDED]
    return await chromium.launch(executable_path=installed, args=[*flags, *extra], ignore_default_args=["--mute-audio"])
