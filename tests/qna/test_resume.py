"""Coming back: exactly what was missed, in an unbroken chain, or a fresh snapshot; the same on every front."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plenum.identity import Role, Signer
from plenum.store import Embedded
from qna import admission
from tests.qna.pages import EVENT, Front, Message, Page, published


@pytest.fixture
async def second(valkey: Embedded, signer: Signer) -> AsyncIterator[Front]:
    async with Front(valkey.url, signer) as front:
        yield front


async def come_back(front: Front, page: Page, last: Message | None = None) -> Page:
    back = await front.connect(page.ticket)
    await back.hello(last=last or page.last)
    return back


def happened(page: Page) -> list[tuple[str, Any]]:
    return [(m["k"], m["d"]) for m in page.events()]


async def test_after_a_cut_exactly_the_missed_events_come(front: Front) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    q = await published(console, anna)
    await ben.event("q.state", q=q)
    await ben.cut()
    missed = [await published(console, anna, f"Question number {n} while Ben was away") for n in range(5)]
    await console.mod(missed[0], "published", "hidden")
    await console.mod(missed[1], "published", "now")
    await anna.event("q.state", q=missed[1], to="now")
    back = await come_back(front, ben)
    await back.event("q.state", q=missed[1], to="now")
    assert not [m for m in back.heard if m["t"] == "snap"]
    told = [(d["q"], d["to"]) for k, d in happened(back)]
    assert told == [*((one, "published") for one in missed), (missed[0], "hidden"), (missed[1], "now")]
    texts = [d["question"]["text"] for _, d in happened(back) if "question" in d]
    assert texts == [f"Question number {n} while Ben was away" for n in range(1, 5)]  # not the hidden one's
    tally = await back.hear("tally")
    assert set(tally["q"]) == {q, *missed[1:]}


async def test_nothing_missed_is_nothing_told(front: Front) -> None:
    ben = await front.page("ben")
    await ben.cut()
    back = await come_back(front, ben)
    assert (await back.hear("tally"))["q"] == {}
    assert {m["t"] for m in back.heard} <= {"welcome", "tally"}


async def test_an_author_comes_back_to_the_news_of_their_own_question(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = (await anna.ask())["r"]["q"]
    await anna.event("q.new")
    await anna.cut()
    await console.mod(q, "pending", "declined", reason="Asked before")
    back = await come_back(front, anna)
    assert (await back.event("q.state", q=q))["d"]["reason"] == "Asked before"


async def test_a_cut_viewer_may_come_back_to_another_front(front: Front, second: Front) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    q = await published(console, anna)
    await ben.event("q.state", q=q)
    await ben.cut()
    missed = [await published(console, anna, f"Asked meanwhile, number {n}") for n in range(3)]
    back = await come_back(second, ben)
    for one in missed:
        await back.event("q.state", q=one)
    assert not [m for m in back.heard if m["t"] == "snap"]
    assert (await back.vote(missed[0]))["r"] == {"votes": 1}
    await anna.hear(lambda m: m["t"] == "tally" and m["q"].get(missed[0]) == 1)


async def test_two_fronts_tell_the_same_story_in_the_same_order(front: Front, second: Front) -> None:
    console, here, there = await front.console(), await front.page("anna"), await second.page("ben")
    other_console = await second.console("paul")
    ids = [(await page.ask(f"Question {n} from somewhere"))["r"]["q"] for n in range(5) for page in (here, there)]
    for n, q in enumerate(ids):
        await (console, other_console)[n % 2].mod(q, "pending", "published")
    await console.mod(ids[3], "published", "now")
    watcher = await second.page("cleo")
    await other_console.mod(ids[4], "published", "now")
    for page in (console, other_console, here, there, watcher):
        await page.event("q.state", q=ids[4], to="now")
    assert happened(console) == happened(other_console)
    public = [(k, d["q"], d["to"]) for k, d in happened(here) if k == "q.state"]
    assert public == [(k, d["q"], d["to"]) for k, d in happened(there) if k == "q.state"]
    await console.hear(lambda m: m["t"] == "tally" and m["aud"] == 3)


async def test_more_than_the_ring_holds_comes_from_the_stream_or_as_a_snapshot(
    front: Front, second: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    first = await published(console, anna)
    await ben.event("q.state", q=first)
    await ben.cut()
    missed = [await published(console, anna, f"Asked meanwhile, number {n}") for n in range(4)]
    await second.page("cleo")  # its ring is empty: the board came as a snapshot
    back = await come_back(second, ben)
    for one in missed:
        await back.event("q.state", q=one)
    assert not [m for m in back.heard if m["t"] == "snap"]
    monkeypatch.setattr(admission, "RING", 2)
    snapped = await come_back(second, ben)
    assert len((await snapped.hear("snap"))["questions"]) == 5


@pytest.mark.parametrize(
    "last",
    [
        {"id": "99-1", "ep": "OWN"},
        {"id": "0-5", "ep": "OWN"},
        {"id": "junk", "ep": "OWN"},
        {"id": "1-" + "9" * 40, "ep": "OWN"},
        {"id": "OWN", "ep": "1.v0"},
        {"id": "OWN", "ep": ""},
    ],
)
async def test_a_position_that_is_not_ours_gives_a_snapshot(front: Front, last: Message) -> None:
    console, anna = await front.console(), await front.page("anna")
    await published(console, anna)
    own = anna.last
    asked = {"id": last["id"].replace("OWN", own["id"]), "ep": last["ep"].replace("OWN", own["ep"])}
    back = await come_back(front, anna, asked)
    assert len((await back.hear("snap"))["questions"]) == 1


async def test_a_viewer_cannot_resume_into_what_staff_may_see(front: Front) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    await anna.ask("A question that waits for review")
    await console.event("q.new")
    for position in (dict(console.last), {"id": "0-0", "ep": console.last["ep"]}, {"id": "0-0", "ep": ben.last["ep"]}):
        back = await come_back(front, ben, position)
        await back.hear(lambda m: m["t"] in ("snap", "tally"))
        assert "waits for review" not in str(back.heard)


async def test_a_producer_who_was_a_viewer_gets_a_snapshot(front: Front) -> None:
    anna, ben = await front.page("anna"), await front.page("ben")
    await anna.ask("A question that waits for review")
    back = await front.connect(front.ticket("ben", Role.PRODUCER))
    await back.hello(last=ben.last)
    assert len((await back.hear("snap"))["questions"]) == 1


async def test_viewers_who_hop_between_fronts_miss_nothing_and_see_nothing_twice(front: Front, second: Front) -> None:
    chance = random.Random(3)
    console, anna = await front.console(), await front.page("anna")
    hoppers = [await front.page(f"hopper{n}") for n in range(6)]
    seen: dict[int, list[str]] = {n: [] for n in range(6)}
    done = asyncio.Event()

    def note(n: int) -> None:
        seen[n] += [m["d"]["q"] for m in hoppers[n].events() if m["k"] == "q.state"]

    async def hop(n: int) -> None:
        while not done.is_set():
            await asyncio.sleep(chance.uniform(0.02, 0.1))
            await hoppers[n].cut()
            note(n)
            hoppers[n] = await come_back(chance.choice((front, second)), hoppers[n])

    hopping = [asyncio.create_task(hop(n)) for n in range(6)]
    asked = [await published(console, anna, f"Question number {n} of the evening") for n in range(40)]
    done.set()
    await asyncio.gather(*hopping)
    for n, page in enumerate(hoppers):
        if asked[-1] not in seen[n]:
            await page.event("q.state", q=asked[-1])
        note(n)
        assert seen[n] == asked
        assert not [m for m in page.heard if m["t"] == "snap"]


async def test_a_new_history_begins_a_new_epoch_for_everybody(front: Front, second: Front) -> None:
    """A failover to a replica that lacked the last writes: their numbers are given again."""
    console, anna = await front.console(), await front.page("anna")
    there = await second.page("ben")
    kept = await published(console, anna, "This one reached the replica")
    await there.event("q.state", q=kept)
    keys = front.qna._store.keys(EVENT)
    saved = {key: await front.redis.dump(key) for key in [k async for k in front.redis.scan_iter(keys.prefix + "*")]}
    lost = await published(console, anna, "This one did not reach it")
    await there.event("q.state", q=lost)
    for key in [k async for k in front.redis.scan_iter(keys.prefix + "*")]:
        await front.redis.delete(key)
    for key, value in saved.items():
        await front.redis.restore(key, 0, value)
    for each in (front, second):  # as both notice when their subscriptions are made anew
        each.qna._rooms[EVENT].room._inbox.listen(None)
    for page in (console, anna, there):
        await page.hear("resync")
        snap = await page.hello()
        assert [item["id"] for item in snap["questions"]] == [kept]
    assert (await anna.hello(last=anna.last))["t"] == "welcome"
    again = (await anna.ask("Asked once more, under the same number"))["r"]["q"]
    assert again == lost
    await console.mod(again, "pending", "published")
    assert (await there.event("q.state", q=again))["d"]["question"]["text"] == "Asked once more, under the same number"


async def test_a_hidden_question_returns_with_its_votes_and_mine_for_whoever_came_while_it_was_hidden(
    front: Front, second: Front
) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    q = await published(console, anna)
    await ben.event("q.state", q=q)
    await ben.vote(q)
    await console.mod(q, "published", "hidden")
    await ben.event("q.state", q=q, to="hidden")
    for place in (front, second):
        back = await place.connect(ben.ticket)
        snap = await back.hello()
        assert q not in snap["votes"]
        assert q not in {item["id"] for item in snap["questions"]}
        assert snap["me"]["voted"] == [q]
    await console.mod(q, "hidden", "published")
    for page in (back, ben, *[p for p in front.pages if p.ticket == ben.ticket and p is not ben]):
        await page.event("q.state", q=q, to="published")
        assert (await page.hear(lambda m: m["t"] == "tally" and q in m["q"]))["q"][q] == 1
