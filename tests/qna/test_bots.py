"""The demo's bots, through the public socket of a real front."""

import asyncio
from random import Random

from plenum.event import EventState
from plenum.identity import Role
from qna.bots import Agenda, run_bots
from tests.qna.pages import EVENT, Front, Page


async def _publish_all(console: Page, count: int) -> list[str]:
    seen = []
    for _ in range(count):
        question = (await console.event("q.new"))["d"]["question"]
        seen.append(question["text"])
        await console.mod(question["id"], "pending", "published")
    return seen


def _tickets(front: Front) -> list[str]:
    return [front.ticket(f"bot-{name}", Role.BOT) for name in ("mara", "jonas", "priya")]


async def test_bots_ask_in_the_language_of_the_event_vote_and_leave_at_its_end(front: Front) -> None:
    console = await front.console()
    base = str(front.server.make_url("/"))
    bots = asyncio.create_task(run_bots(base, EVENT, _tickets(front), "de", pauses_s=(0.0, 0.0, 0.0)))
    texts = await _publish_all(console, 3)
    assert len(set(texts)) == 3
    assert all("ü" in text or "Wie" in text or "W" in text for text in texts)
    await console.hear(lambda m: m["t"] == "tally" and any(m["q"].values()))
    await front.qna.event_state(EVENT, EventState.ENDED, 2.0)
    async with asyncio.timeout(10):
        await bots


async def test_bots_started_again_go_on_with_what_they_have_not_asked(front: Front) -> None:
    console = await front.console()
    base = str(front.server.make_url("/"))
    texts: list[str] = []
    for wanted in (2, 1):
        bots = asyncio.create_task(run_bots(base, EVENT, _tickets(front), "en", pauses_s=(0.5, 0.0, 0.5)))
        texts += await _publish_all(console, wanted)
        bots.cancel()
        await asyncio.gather(bots, return_exceptions=True)
    assert len(set(texts)) == 3


def test_twelve_questions_at_most_whatever_happens() -> None:
    agenda = Agenda(1, "en", Random(1))
    agenda.arrived(set(), 0.0)
    asked = [agenda.next(float(second)) for second in range(10_000)]
    assert len({entry for entry in asked if entry}) == len([entry for entry in asked if entry]) == 12
