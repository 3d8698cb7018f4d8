"""People with browsers: each has a context of their own, a page, and a record of everything the page complained about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

ARTIFACTS = Path(__file__).resolve().parents[1] / "artifacts"
DESK = (1440, 900)
PHONE = (390, 844)


class Visitor:
    """One person's page. `complaints` holds console errors, uncaught exceptions and answers from 400 on."""

    def __init__(self, context: BrowserContext, page: Page, name: str) -> None:
        self.context = context
        self.page = page
        self.name = name
        self.complaints: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("response", self._response)
        page.on("requestfailed", self._failed)

    @classmethod
    async def come(
        cls,
        browser: Browser,
        name: str,
        size: tuple[int, int] = DESK,
        *,
        language: str = "en",
        theme: str = "",
        init_script: str = "",
        still: bool = False,
        devices: bool = True,
    ) -> Visitor:
        """Open a context; `still`: reduced motion, for pictures; `devices`: camera and microphone are allowed."""
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="de-DE" if language == "de" else "en-GB",
            permissions=["camera", "microphone"] if devices else [],
            reduced_motion="reduce" if still else "no-preference",
            has_touch=size[0] <= PHONE[0],
        )
        if theme:
            keys = "; ".join(f"localStorage.setItem('plenum.theme.{kind}', '{theme}')" for kind in ("stage", "desk"))
            await context.add_init_script(f"try {{ {keys} }} catch {{}}")
        if init_script:
            await context.add_init_script(init_script)
        return cls(context, await context.new_page(), name)

    async def open(self, link: str) -> Page:
        await self.page.goto(link, wait_until="domcontentloaded")
        return self.page

    async def leave(self) -> None:
        await self.context.close()

    async def picture(self, name: str) -> Path:
        """A screenshot among the artifacts."""
        ARTIFACTS.mkdir(exist_ok=True)
        path = ARTIFACTS / f"{name}.png"
        await self.page.screenshot(path=path)
        return path

    def assert_content(self, *allowed: str) -> None:
        """Nothing was complained about, but for what matches one of the patterns."""
        left = [text for text in self.complaints if not any(re.search(pattern, text) for pattern in allowed)]
        assert not left, f"{self.name}'s page complained:\n" + "\n".join(left)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.complaints.append(f"{response.status} {response.url}")

    def _failed(self, request: Request) -> None:
        failure: Any = request.failure
        if failure != "net::ERR_ABORTED":  # the page let go of it itself
            self.complaints.append(f"failed: {request.url} {failure}")
