"""A platform of its own with one event, and the browser that looks at it, for as long as a block lasts."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from loadtests.api_client import Api
from loadtests.chromium import launch
from loadtests.running_platform import Platform


@dataclass(frozen=True)
class Staged:
    """What a scenario plays on; `links` are the event's invitations by role."""

    platform: Platform
    browser: Browser
    event: str
    links: dict[str, str]


@asynccontextmanager
async def staged(title: str, env: Mapping[str, str] | None = None) -> AsyncIterator[Staged]:
    """`env`: settings of the platform."""
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(Path(folder) / "data", env=env)
        await platform.start()
        try:
            async with Api(platform.links["all"]) as api, async_playwright() as playwright:
                event = await api.create(title)
                links = await api.links(event)
                browser = await launch(playwright.chromium)
                yield Staged(platform, browser, event, links)
                await browser.close()
        finally:
            await platform.stop()
