"""A page looked at in every width, language and theme: a picture for people, layout and accessibility for machines."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from playwright.async_api import Page

from tests.system.layout import axe_faults, layout_faults
from tests.system.visitors import DESK, PHONE, Visitor

LOOKS = (
    # size, language, theme, whether axe looks too (it judges structure and contrast, so each theme once a width)
    (DESK, "en", "dark", True),
    (DESK, "de", "light", True),
    (PHONE, "de", "dark", True),
    (PHONE, "en", "light", True),
)


class Looker:
    """Goes around a page with a camera and a ruler; `faults` collects what was found, state by state."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    async def look(self, visitor: Visitor, state: str, ready: Callable[[Page], Awaitable[None]] | None = None) -> None:
        """At every look; `ready` waits for what a new width makes anew."""
        for size, language, theme, with_axe in LOOKS:
            await self._dress(visitor.page, size, language, theme)
            if ready is not None:
                await ready(visitor.page)
            name = f"{state}-{size[0]}-{language}-{theme}"
            await visitor.picture(name)
            found = await layout_faults(visitor.page)
            found += await axe_faults(visitor.page) if with_axe else []
            self.faults += [f"{name}: {fault}" for fault in found]

    def judge(self, *visitors: Visitor, allowed: tuple[str, ...] = ()) -> None:
        for visitor in visitors:
            visitor.assert_content(*allowed)
        assert not self.faults, "\n".join(self.faults)

    async def _dress(self, page: Page, size: tuple[int, int], language: str, theme: str) -> None:
        await page.set_viewport_size({"width": size[0], "height": size[1]})
        # Under an open dialog the switches cannot be clicked, but they can be pressed by script like by a screen reader.
        await page.evaluate(
            """([language, theme]) => {
              document.querySelector(`.language[lang=${language}]`).click();
              const dark = document.documentElement.dataset.theme === "dark";
              if (dark !== (theme === "dark")) document.querySelector(".top-right > .icon-button:last-child").click();
            }""",
            [language, theme],
        )
        await page.wait_for_function(
            "([language, theme]) => document.documentElement.lang === language"
            " && document.documentElement.dataset.theme === theme",
            arg=[language, theme],
        )
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
