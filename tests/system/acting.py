"""What people do on the pages, by what they see and press."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from playwright.async_api import Locator, Page

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
    await write(viewer, text, name=name)
    await send_button(viewer).click()


def send_button(viewer: Visitor) -> Locator:
    return viewer.page.locator("form.ask button[type=submit]")


async def write(viewer: Visitor, text: str, *, name: str = "") -> None:
    """Fill the ask box, without sending."""
    page = viewer.page
    await page.locator("#ask-text").fill(text)
    form = page.locator("form.ask")
    if name:
        field = form.locator("input[autocomplete=name]")
        if await field.count():
            await field.fill(name)
    else:
        await form.get_by_role("radio", name="Confidential").click()


async def choose_order(viewer: Visitor, order: str) -> None:
    """`Top`, `Newest` or `Mine`, in the English page's words."""
    await viewer.page.get_by_role("radio", name=order, exact=True).click()


@dataclass(frozen=True)
class Sight:
    """Something that a page will show: an element with these words, and inside it, where given, another with its words."""

    page: Page
    selector: str
    words: str
    inner: tuple[str, str] = ("", "")


_APPEARS = """([selector, words, inner, innerWords]) => new Promise((resolve) => {
  const holds = (el, text) => el.textContent.includes(text) && el.checkVisibility();
  const shown = () => [...document.querySelectorAll(selector)].some((el) =>
    holds(el, words) && (!inner || [...el.querySelectorAll(inner)].some((part) => holds(part, innerWords))));
  const look = () => requestAnimationFrame(() => (shown() ? resolve(Date.now()) : look()));
  look();
})"""


async def seconds_until_seen(act: Locator, sights: Iterable[Sight]) -> float:
    """Press, and return the seconds from the press in its page to the picture in which the last page shows its sight.

    Read from the pages' own clocks, which are one machine's: Playwright's own waiting is in neither end.
    """
    remember = "document.addEventListener('click', () => { globalThis.pressedAt = Date.now(); }, { capture: true, once: true })"
    await act.page.evaluate(remember)
    waits = [asyncio.create_task(sight.page.evaluate(_APPEARS, _words(sight))) for sight in sights]
    await asyncio.sleep(0.1)  # all of them look before anything happens
    async with asyncio.timeout(PATIENCE_MS / 1000):
        await act.click()
        seen = await asyncio.gather(*waits)
    return float(max(seen) - await act.page.evaluate("globalThis.pressedAt")) / 1000


def _words(sight: Sight) -> list[str]:
    return [sight.selector, sight.words, *sight.inner]


def question(visitor: Visitor, text: str, state: str = "") -> Locator:
    """The card of a question on the watch page, in a state where one is given."""
    kind = f".question-{state}" if state else ".question"
    return visitor.page.locator(f"article{kind}").filter(has_text=text)


async def choose(card: Locator, verb: str) -> Locator:
    """Choose the question at the console; returns the button of what shall become of it."""
    await card.locator(".card-text").click()  # the middle of a chosen card is one of its buttons
    button = card.get_by_role("button", name=verb)
    await button.wait_for(timeout=PATIENCE_MS)
    return button
