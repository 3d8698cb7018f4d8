"""Every page in every state, looked at: pictures for people, layout and accessibility for machines, no complaint anywhere.

Each state is reached once, then seen at both widths, in both languages and both themes, by the page's own switches.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest_asyncio

from loadtests.api_client import Api
from loadtests.presenting import presenting
from loadtests.running_platform import Platform
from plenum.identity import Role
from tests.system.acting import ask, choose_order, end_part, go_live, question
from tests.system.asking import asking
from tests.system.conftest import Come
from tests.system.looking import Looker
from tests.system.visitors import DESK, Visitor
from tests.system.watching import first_frame, moving_frames

TEXTS = (
    "How do we decide which projects are continued next year, and who has a say in that?",
    "Wird das Betriebsrestaurant auch am Freitagnachmittag geöffnet bleiben?",
    "What will happen to the parking spaces while the new building is under construction?",
)


@dataclass(frozen=True)
class Place:
    event: str
    links: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scheduled(api: Api) -> Place:
    event = await api.create("Waiting for the big news of the year", starts_at=time.time() + 3700)
    return Place(event, await api.links(event))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def on_air(platform: Platform, api: Api) -> AsyncIterator[Place]:
    """An event with a picture and questions in every state."""
    event = await api.create("Quarterly town hall, autumn")
    async with presenting(platform, event, "testsrc", name="Mara Lind"):
        await _fill_board(platform, event)
        yield Place(event, await api.links(event))
    await api.end(event)


async def _fill_board(platform: Platform, event: str) -> None:
    states = ("published", "next", "now", "answered", "declined", "hidden", "pending")
    async with asking(platform.url, event, platform.ticket(event, Role.PRODUCER, "Producer")) as staff:
        for number, state in enumerate(states):
            ticket = platform.ticket(event, Role.VIEWER, ("Jonas Weber", "Priya Nair", "Emre Yıldız")[number % 3])
            async with asking(platform.url, event, ticket) as viewer:
                asked = await viewer.ask(TEXTS[number % 3])
            for before, after in _road_to(state):
                await staff.move(asked, before, after)


def _road_to(state: str) -> list[tuple[str, str]]:
    """The moves from pending; questions at the top of the stage last, so that they stay there."""
    roads = {
        "pending": [],
        "declined": [("pending", "declined")],
        "published": [("pending", "published")],
        "hidden": [("pending", "published"), ("published", "hidden")],
        "next": [("pending", "published"), ("published", "next")],
        "now": [("pending", "published"), ("published", "now")],
        "answered": [("pending", "published"), ("published", "answered")],
    }
    return roads[state]


async def _come_to(come: Come, name: str, link: str, **kwargs: object) -> Visitor:
    visitor = await come(name, still=True, **kwargs)
    await visitor.open(link)
    return visitor


# The index


async def test_the_index_of_a_stranger(platform: Platform, come: Come) -> None:
    looker = Looker()
    stranger = await _come_to(come, "stranger", platform.url)
    await stranger.page.locator("main .empty").wait_for()
    await looker.look(stranger, "index-stranger")
    looker.judge(stranger, allowed=("401",))


async def test_the_index_after_a_link_that_is_not_valid(platform: Platform, come: Come) -> None:
    looker = Looker()
    stranger = await _come_to(come, "stranger", f"{platform.url}/j/abcdefghjkmnpqrs")
    await stranger.page.locator(".home-notice").wait_for()
    await looker.look(stranger, "index-bad-link")
    looker.judge(stranger, allowed=("401",))


async def test_the_index_of_an_employee(scheduled: Place, come: Come, platform: Platform) -> None:
    looker = Looker()
    employee = await _come_to(come, "employee", scheduled.links["viewer"])
    await employee.open(platform.url)
    await employee.page.locator(".event-cards").wait_for()
    await looker.look(employee, "index-employee")
    looker.judge(employee)


async def test_the_index_of_a_producer_who_creates_and_invites(
    platform: Platform, scheduled: Place, come: Come
) -> None:
    looker = Looker()
    producer = await _come_to(come, "producer", platform.links["all"])
    await producer.page.locator(".event-cards").first.wait_for()
    await looker.look(producer, "index-producer")
    await producer.page.locator("form.create [name=title]").fill("   ")
    await producer.page.locator("form.create button[type=submit]").click()
    await producer.page.locator(".field-error:visible").first.wait_for()
    await looker.look(producer, "index-form-refused")
    await producer.page.locator("form.create [name=title]").fill("A new event")
    await producer.page.locator("form.create button[type=submit]").click()
    await producer.page.locator("dialog .invitation").first.wait_for()
    await producer.page.locator("dialog .invitation [aria-expanded]").first.click()
    await producer.page.locator("dialog .invitation-qr").wait_for()
    await looker.look(producer, "index-invitations")
    looker.judge(producer)


# The watch page


async def test_watch_waiting_with_a_countdown(scheduled: Place, come: Come) -> None:
    looker = Looker()
    viewer = await _come_to(come, "viewer", scheduled.links["viewer"])
    await viewer.page.get_by_test_id("countdown").wait_for()
    await looker.look(viewer, "watch-waiting")
    looker.judge(viewer)


async def test_watch_turned_away(platform: Platform, scheduled: Place, on_air: Place, come: Come) -> None:
    looker = Looker()
    stranger = await _come_to(come, "stranger", f"{platform.url}/watch/{scheduled.event}")
    await stranger.page.get_by_test_id("turned").wait_for()
    await looker.look(stranger, "watch-signin")
    guest = await _come_to(come, "guest", scheduled.links["viewer"])
    await guest.open(f"{platform.url}/watch/{on_air.event}")
    await guest.page.get_by_test_id("turned").wait_for()
    await looker.look(guest, "watch-forbidden")
    producer = await _come_to(come, "producer", platform.links["all"])
    await producer.open(f"{platform.url}/watch/no-such-event")
    await producer.page.get_by_test_id("turned").wait_for()
    await looker.look(producer, "watch-unknown")
    looker.judge(stranger, guest, producer, allowed=("401", "403", "404"))


async def test_watch_live_with_questions(on_air: Place, come: Come) -> None:
    looker = Looker()
    viewer = await _come_to(come, "viewer", on_air.links["viewer"])
    await first_frame(viewer.page)
    await viewer.page.locator("article.question").first.wait_for()
    await looker.look(viewer, "watch-live")
    await viewer.page.locator("#ask-text").fill("Short")
    await viewer.page.locator("form.ask button[type=submit]").click()
    await viewer.page.locator("#ask-error:visible").wait_for()
    await looker.look(viewer, "watch-ask-refused")
    await ask(viewer, "Will there be a recording for those who could not come today?")
    await choose_order(viewer, "Mine")
    await question(viewer, "Will there be a recording", "pending").wait_for()
    await looker.look(viewer, "watch-mine")
    await viewer.page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    await viewer.page.get_by_test_id("quality").get_by_role("button").first.click()
    await looker.look(viewer, "watch-quality")
    await viewer.page.keyboard.press("Escape")
    await viewer.page.locator("body").press("?")
    await viewer.page.locator("dialog[open]").wait_for()
    await looker.look(viewer, "watch-help")
    looker.judge(viewer)


async def test_watch_offline_and_reconnecting(on_air: Place, come: Come) -> None:
    looker = Looker()
    viewer = await _come_to(come, "viewer", on_air.links["viewer"])
    await first_frame(viewer.page)
    await viewer.context.set_offline(True)
    await viewer.page.evaluate("window.dispatchEvent(new Event('offline'))")
    covers = viewer.page.get_by_test_id("offline").or_(viewer.page.get_by_test_id("reconnecting"))
    await covers.wait_for(timeout=40_000)
    await looker.look(viewer, "watch-offline")
    await viewer.context.set_offline(False)
    await viewer.page.locator("[data-testid=stage][data-scene=live]").wait_for(timeout=40_000)
    looker.judge(viewer, allowed=("ERR_INTERNET_DISCONNECTED", "WebSocket", "failed:"))


async def test_watch_slate_and_ended(api: Api, platform: Platform, come: Come) -> None:
    looker = Looker()
    event = await api.create("An event that ends")
    links = await api.links(event)
    viewer = await _come_to(come, "viewer", links["viewer"])
    presenter = await _come_to(come, "presenter", links["presenter"])
    async with presenting(platform, event, "testsrc"):
        await first_frame(viewer.page)
    await viewer.page.locator("[data-testid=stage][data-scene=slate]").wait_for()
    await looker.look(viewer, "watch-slate")
    await api.end(event)
    await viewer.page.get_by_test_id("ended").wait_for()
    await looker.look(viewer, "watch-ended")
    await presenter.page.get_by_test_id("over").wait_for()
    await looker.look(presenter, "studio-ended")
    looker.judge(viewer, presenter)


# The studio


async def test_studio_from_the_check_to_the_end_of_the_part(api: Api, come: Come) -> None:
    looker = Looker()
    event = await api.create("On air from the studio")
    links = await api.links(event)
    presenter = await _come_to(come, "presenter", links["presenter"])
    page = presenter.page
    await page.locator("[data-testid=go-live]:enabled").wait_for()
    await looker.look(presenter, "studio-check")
    await page.get_by_test_id("go-live").click()
    await page.get_by_test_id("confirm-live").wait_for()
    await looker.look(presenter, "studio-confirm")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await page.get_by_test_id("help-dialog").wait_for()
    await looker.look(presenter, "studio-help")
    await page.keyboard.press("Escape")
    await go_live(presenter)
    await looker.look(presenter, "studio-air")
    await end_part(presenter)
    await looker.look(presenter, "studio-over")
    await api.end(event)
    looker.judge(presenter)


async def test_studio_in_a_second_tab_takes_over_for_good_and_the_first_takes_over_by_hand(
    api: Api, come: Come
) -> None:
    looker = Looker()
    event = await api.create("One presenter, two tabs")
    links = await api.links(event)
    first = await _come_to(come, "first", links["presenter"])
    await go_live(first)
    second = Visitor(first.context, await first.context.new_page(), "second")
    await second.page.goto(first.page.url)
    await go_live(second)
    replaced = "[data-testid=refused][data-code=replaced]"
    await first.page.locator(replaced).wait_for()
    await first.page.wait_for_timeout(3000)  # longer than a flap of the two took
    assert await second.page.locator("[data-testid=phase] .badge-live").is_visible()
    await first.page.bring_to_front()
    await looker.look(first, "studio-replaced")
    await first.page.get_by_test_id("take-over").click()
    await first.page.locator("[data-testid=phase] .badge-live").wait_for()
    await second.page.locator(replaced).wait_for()
    await api.end(event)
    looker.judge(first, second, allowed=("409",))


async def test_studio_without_permission_says_how_to_help_and_shows_no_green_check(
    scheduled: Place, come: Come
) -> None:
    looker = Looker()
    presenter = await _come_to(come, "denied", scheduled.links["presenter"], init_script=DENIED)
    await presenter.page.locator("[data-testid^=trouble-]").first.wait_for()
    checks = presenter.page.get_by_test_id("checks")
    assert not re.search(r"Good", await checks.locator("li").nth(0).inner_text())
    assert not re.search(r"Good", await checks.locator("li").nth(1).inner_text())
    assert await presenter.page.get_by_test_id("go-live").is_disabled()
    await looker.look(presenter, "studio-denied")
    looker.judge(presenter)


async def test_studio_is_not_for_viewers(platform: Platform, scheduled: Place, come: Come) -> None:
    looker = Looker()
    viewer = await _come_to(come, "viewer", scheduled.links["viewer"])
    await viewer.open(f"{platform.url}/studio/{scheduled.event}")
    await viewer.page.get_by_test_id("turned").wait_for()
    await looker.look(viewer, "studio-turned")
    looker.judge(viewer, allowed=("403",))


# The console


async def test_console_with_a_full_board(on_air: Place, come: Come) -> None:
    looker = Looker()
    producer = await _come_to(come, "producer", on_air.links["producer"])
    page = producer.page
    await page.locator("article[data-question]").first.wait_for()
    await looker.look(producer, "console-live", first_frame)
    assert await moving_frames(page, 10) >= 7, "the picture did not survive the change of width"
    await page.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    await page.locator("[data-lane=review] article").first.click()
    await page.keyboard.press("d")
    await page.locator("dialog[open]").wait_for()
    await looker.look(producer, "console-dismiss")
    looker.judge(producer)


async def test_console_before_the_start(scheduled: Place, come: Come) -> None:
    looker = Looker()
    producer = await _come_to(come, "producer", scheduled.links["producer"])
    await producer.page.locator(".lane-empty").first.wait_for()
    await looker.look(producer, "console-empty")
    looker.judge(producer)


async def test_a_language_switch_leaves_no_word_behind(on_air: Place, come: Come) -> None:
    """Words that only the other language has may not stand on a page."""
    english = re.compile(r"\b(the|and|with|your|questions|watching|settings|quality|sound)\b", re.IGNORECASE)
    looks: dict[str, Callable[[Visitor], Awaitable[None]]] = {
        "viewer": lambda visitor: first_frame(visitor.page),
        "producer": lambda visitor: visitor.page.locator("article[data-question]").first.wait_for(),
        "presenter": lambda visitor: visitor.page.get_by_test_id("check").wait_for(),
    }
    for role, ready in looks.items():
        visitor = await come(role, language="de")
        page = await visitor.open(on_air.links[role])
        await ready(visitor)
        words = await page.evaluate(
            "() => { const own = document.body.cloneNode(true);"
            "own.querySelectorAll('[lang]:not([lang=de]), .question-text, .card-text, h1, h2.cover-title, option, video')"
            ".forEach((el) => el.remove()); return own.innerText; }"
        )
        assert english.findall(words) == [], role


DENIED = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("Permission denied", "NotAllowedError"); };
navigator.mediaDevices.enumerateDevices = async () => [];
"""
