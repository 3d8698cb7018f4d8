"""What people do on the pages, by what they see and press."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from playwright.async_api import Locator

from tests.system.visitors import Visitor

PATIENCE_MS = 15_000


async def go_live(presenter: Visitor) -> None:
    """From the device check to on air."""
    page = presenter.page
    await page.get_by_test_id("go-live").and_(page.locator(":enabled")).wait_for(timeout=PATIENCE_MS)
    await page.get_by_test_id("go-live").click()
    await page.get_by_test_id("confirm-go").click()
    await page.locator("[data-testid=phase] .badge-live").wait_for(timeout=PATIENCE_MS)


async def give_name(presenter: Visitor, name: str) -> None:
    """In the studio, before going live."""
    form = presenter.page.get_by_test_id("name")
    await form.locator("input").fill(name)
    await form.locator("button[type=submit]").click()
    await form.wait_for(state="detached", timeout=PATIENCE_MS)  # whoever has a name is not asked again


async def end_part(presenter: Visitor) -> None:
    await presenter.page.get_by_test_id("end-part").click()
    await presenter.page.get_by_test_id("confirm-end-go").click()
    await presenter.page.get_by_test_id("over").wait_for(timeout=PATIENCE_MS)


async def ask(viewer: Visitor, text: str, *, name: str = "") -> None:
    """Ask under a name, or confidentially without one."""
    page = viewer.page
    await page.locator("#ask-text").fill(text)
    form = page.locator("form.ask")
    if name:
        field = form.locator("input[autocomplete=name]")
        if await field.count():
            await field.fill(name)
    else:
        await form.get_by_role("radio", name="Confidential").click()
    await form.locator("button[type=submit]").click()


async def choose_order(viewer: Visitor, order: str) -> None:
    """`Top`, `Newest` or `Mine`, in the English page's words."""
    await viewer.page.get_by_role("radio", name=order, exact=True).click()


async def seen_by_all(places: Iterable[Locator], since: float) -> float:
    """Wait until each is visible; returns the seconds from `since` (monotonic) to the last."""
    waits = [place.first.wait_for(state="visible", timeout=PATIENCE_MS) for place in places]
    await asyncio.gather(*waits)
    return time.monotonic() - since


def question(visitor: Visitor, text: str, state: str = "") -> Locator:
    """The card of a question on the watch page, in a state where one is given."""
    kind = f".question-{state}" if state else ".question"
    return visitor.page.locator(f"article{kind}").filter(has_text=text)


async def moderate(card: Locator, verb: str) -> None:
    """Choose the question at the console, then press what shall become of it."""
    await card.locator(".card-text").click()  # the middle of a chosen card is one of its buttons
    await card.get_by_role("button", name=verb).click()
