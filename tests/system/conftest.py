"""One platform and one browser for all system tests; each module makes events of its own.

Everything here runs in one event loop, the session's: the platform's output, Playwright and the tests themselves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from loadtests.api_client import Api
from loadtests.chromium import launch
from loadtests.running_platform import Platform
from tests.edge_stage import SECRET
from tests.system.visitors import Visitor

Come = Callable[..., Awaitable[Visitor]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is a system test, in the session's loop."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    chromium = await launch(playwright.chromium)
    yield chromium
    await chromium.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """The platform with its default ladder and without the demo."""
    data_dir = tmp_path_factory.mktemp("platform") / "data"
    data_dir.mkdir(mode=0o700)
    (data_dir / "secret.key").write_text(SECRET)  # one that edges can be given too
    running = Platform(data_dir)
    await running.start()
    yield running
    await running.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def api(platform: Platform) -> AsyncIterator[Api]:
    async with Api(platform.links["all"]) as entered:
        yield entered


@asynccontextmanager
async def entrance(browser: Browser) -> AsyncIterator[Come]:
    """`await come("name", size)` opens a browser context of its own; all leave with the block."""
    async with AsyncExitStack() as stack:

        async def enter(name: str, *args: Any, **kwargs: Any) -> Visitor:
            visitor = await Visitor.come(browser, name, *args, **kwargs)
            stack.push_async_callback(visitor.leave)
            return visitor

        yield enter


@pytest_asyncio.fixture(loop_scope="session")
async def come(browser: Browser) -> AsyncIterator[Come]:
    """Visitors for one test: who stays behind would go on decoding beside the next one."""
    async with entrance(browser) as enter:
        yield enter


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settle(browser: Browser) -> AsyncIterator[Come]:
    """Visitors who stay for a whole module."""
    async with entrance(browser) as enter:
        yield enter
