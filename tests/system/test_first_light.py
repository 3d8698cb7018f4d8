"""A presenter in a real browser is seen, heard, asked and answered in real browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from loadtests.api_client import Api
from tests.system.acting import Sight, choose, choose_order, go_live, question, seconds_until_seen, send_button, write
from tests.system.conftest import Come
from tests.system.visitors import DESK, PHONE, Visitor
from tests.system.watching import first_frame, moving_frames, sound_level, stats, until_moving

SOON_S = 0.5
"""Every page shows each step of a question within this time."""


@dataclass(frozen=True)
class Show:
    event: str
    presenter: Visitor
    wide: Visitor
    phone: Visitor
    console: Visitor

    @property
    def viewers(self) -> tuple[Visitor, Visitor]:
        return self.wide, self.phone


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def show(api: Api, settle: Come) -> AsyncIterator[Show]:
    """The presenter live in the studio, two viewers who came before, a producer at the console."""
    event = await api.create("First light")
    links = await api.links(event)
    show = Show(
        event,
        await settle("presenter"),
        await settle("wide", DESK),
        await settle("phone", PHONE),
        await settle("console"),
    )
    await asyncio.gather(*(viewer.open(links["viewer"]) for viewer in show.viewers))
    await show.console.open(links["producer"])
    await show.presenter.open(links["presenter"])
    await show.wide.page.get_by_test_id("waiting").wait_for()
    await go_live(show.presenter)
    await asyncio.gather(*(first_frame(viewer.page) for viewer in show.viewers))
    yield show
    await api.end(event)


async def test_pictures_move_at_every_viewer(show: Show) -> None:
    for viewer in show.viewers:
        await until_moving(viewer.page)
        assert (await stats(viewer.page))["path"] == "push"


async def test_the_picture_is_whole_in_size_and_rate(show: Show) -> None:
    seen = await show.wide.page.evaluate(
        """async () => {
          const video = document.querySelector("video");
          const before = video.getVideoPlaybackQuality().totalVideoFrames, began = performance.now();
          await new Promise((resolve) => setTimeout(resolve, 4000));
          const frames = video.getVideoPlaybackQuality().totalVideoFrames - before;
          return { height: video.videoHeight, fps: (frames * 1000) / (performance.now() - began) };
        }"""
    )
    assert seen["height"] == 720
    assert 24 <= seen["fps"] <= 36


async def test_sound_plays_at_every_viewer(show: Show) -> None:
    levels = await asyncio.gather(*(sound_level(viewer.page) for viewer in show.viewers))
    assert min(levels) > 0.01


async def test_the_console_shows_the_programme(show: Show) -> None:
    await first_frame(show.console.page)
    assert await moving_frames(show.console.page, 10) >= 7


async def test_a_question_is_on_every_page_within_half_a_second_of_each_step(show: Show) -> None:
    wide, phone, console, presenter = show.wide.page, show.phone.page, show.console.page, show.presenter.page
    text = "When does the canteen open on Sundays?"
    card = console.locator("article[data-question]").filter(has_text=text)
    card_css = "article[data-question]"
    steps: dict[str, float] = {}

    await choose_order(show.wide, "Mine")
    await write(show.wide, text, name="Mara Lind")
    mine = Sight(wide, "article.question-pending", text)
    steps["asked"] = await seconds_until_seen(send_button(show.wide), [mine, Sight(console, card_css, text)])
    await choose_order(show.wide, "Top")
    assert await question(show.phone, text).count() == 0, "a question in review is nobody else's business"

    published = [Sight(viewer, "article.question-published", text) for viewer in (wide, phone)]
    published += [Sight(presenter, "[data-testid=next-up]", text), Sight(console, "[data-lane=queue] article", text)]
    steps["published"] = await seconds_until_seen(await choose(card, "Approve"), published)

    counts = [Sight(viewer, "article.question", text, (".vote-count", "1")) for viewer in (wide, phone)]
    counts.append(Sight(console, card_css, text, (".card-votes", "1")))
    steps["upvoted"] = await seconds_until_seen(question(show.phone, text).locator("button.vote"), counts)

    on_air = [
        Sight(presenter, "[data-testid=question-text]", text),
        Sight(wide, ".on-air-text", text),
        Sight(phone, ".questions-on-air", text),
        Sight(console, "[data-lane=stage] .card-now", text),
    ]
    steps["now"] = await seconds_until_seen(await choose(card, "On air"), on_air)

    answered = [Sight(viewer, "article.question-answered", text) for viewer in (wide, phone)]
    answered.append(Sight(console, "[data-lane=answered] article", text))
    steps["answered"] = await seconds_until_seen(await choose(card, "Answered"), answered)
    await presenter.get_by_test_id("question-text").wait_for(state="detached")

    print("seconds from the press to the last page's picture of it:", steps)  # noqa: T201
    assert max(steps.values()) < SOON_S, steps


async def test_nothing_was_complained_about_on_any_page(show: Show) -> None:
    for visitor in (show.presenter, show.wide, show.phone, show.console):
        visitor.assert_content()
