"""The store goes away and comes back: clear answers within a second, nothing acknowledged lost, nothing doubled."""

import asyncio
import json
import os
import signal
from collections import Counter
from dataclasses import dataclass, field

from plenum.identity import Role, Signer
from plenum.store import Embedded
from qna.store import store_unavailable
from tests.qna.pages import EVENT, Front, Message, Page, new_cid, published


def kill(valkey: Embedded, with_signal: signal.Signals = signal.SIGKILL) -> None:
    assert valkey.pid
    os.kill(valkey.pid, with_signal)


async def test_pages_are_told_that_questions_pause_and_that_they_go_on(valkey: Embedded, front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    ben = await front.page("ben")
    kill(valkey)
    for page in (console, anna, ben):
        assert (await page.hear("state"))["store"] == "down"
    loop = asyncio.get_running_loop()
    for answer in (anna.ask(), ben.vote(q), console.mod(q, "published", "now"), console.box(open=False)):
        began = loop.time()
        refused = await answer
        assert refused["code"] == "store_unavailable"
        assert refused["retry_ms"] > 0
        assert loop.time() - began < 1.2
    await valkey.restart()
    for page in (console, anna, ben):
        assert (await page.hear("state"))["store"] == "up"
    assert (await ben.vote(q))["r"] == {"votes": 1}
    assert (await console.mod(q, "published", "now"))["t"] == "ok"
    await ben.event("q.state", q=q, to="now")
    assert not [m for m in ben.heard[3:] if m["t"] in ("snap", "resync")]


async def test_a_store_that_hangs_is_answered_for_within_its_second(valkey: Embedded, front: Front) -> None:
    anna = await front.page("anna")
    kill(valkey, signal.SIGSTOP)
    try:
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert (await anna.ask())["code"] == "store_unavailable"
        assert loop.time() - began < 1.6
        assert (await anna.hear("state"))["store"] == "down"
    finally:
        kill(valkey, signal.SIGCONT)
    assert (await anna.hear("state"))["store"] == "up"
    assert (await anna.ask())["t"] == "ok"


async def test_a_known_person_who_comes_during_it_sees_what_was_known_last(valkey: Embedded, front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    await anna.event("q.state", q=q)
    kill(valkey)
    await anna.hear(lambda m: m["t"] == "state" and m["store"] == "down")
    again = await front.connect(anna.ticket)
    snap = await again.hello()
    assert [item["id"] for item in snap["questions"]] == [q]
    assert [m["store"] for m in again.heard if m["t"] == "state"] == ["stale"]
    assert (await again.ask())["code"] == "store_unavailable"
    await valkey.restart()
    assert (await again.hear("resync"))["reason"] == "stale"
    assert [item["id"] for item in (await again.hello())["questions"]] == [q]
    assert (await again.ask())["t"] == "ok"


async def test_a_board_without_public_questions_is_marked_old_too(valkey: Embedded, front: Front) -> None:
    anna = await front.page("anna")
    q = (await anna.ask())["r"]["q"]
    await anna.event("q.new")
    kill(valkey)
    await anna.hear(lambda m: m["t"] == "state" and m["store"] == "down")
    again = await front.connect(anna.ticket)
    assert (await again.hello())["me"]["mine"] == [q]
    assert [m["store"] for m in again.heard if m["t"] == "state"] == ["stale"]
    await valkey.restart()
    await again.hear("resync")


async def test_a_stranger_who_comes_during_it_waits_and_gets_the_board_when_it_is_back(
    valkey: Embedded, front: Front
) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    kill(valkey)
    await anna.hear("state")
    stranger = await front.connect(front.ticket("zoe"))
    elsewhere = await front.connect(front.ticket("zoe", event="other"), event="other")
    for page in (stranger, elsewhere):
        await page.say(t="hello", ticket=page.ticket)
        assert (await page.hear("state"))["store"] == "down"
        assert (await page.ask())["code"] == "store_unavailable"
    await valkey.restart()
    assert [item["id"] for item in (await stranger.hear("snap"))["questions"]] == [q]
    assert (await elsewhere.hear("snap"))["questions"] == []
    for page in (stranger, elsewhere):
        assert (await page.hear("state"))["store"] == "up"
        assert (await page.ask())["t"] == "ok"


@dataclass
class Writer:
    """A page that keeps asking and voting, and sends what was not acknowledged again, as browsers do."""

    page: Page
    name: str
    acked: dict[str, str] = field(default_factory=dict)
    refusals: int = 0
    on: bool = False

    async def ask_until_acked(self, text: str) -> None:
        cid = new_cid()
        while True:
            answer = await self.page.ask(text, cid=cid)
            if answer["t"] == "ok":
                self.acked[text] = answer["r"]["q"]
                return
            await self._again(answer)

    async def vote_until_acked(self, q: str, on: bool) -> None:
        while True:
            answer = await self.page.vote(q, on)
            if answer["t"] == "ok":
                self.on = on
                return
            await self._again(answer)

    async def _again(self, answer: Message) -> None:
        assert answer["code"] == "store_unavailable", answer
        self.refusals += 1
        await asyncio.sleep(0.05)


async def test_killed_under_writes_no_acknowledged_one_is_lost_or_doubled(
    valkey: Embedded, front: Front, signer: Signer
) -> None:
    async with Front(valkey.url, signer) as second:
        console, anna = await front.console(), await front.page("anna")
        target = await published(console, anna)
        fronts = (front, second)
        writers = [Writer(await fronts[n % 2].page(f"writer{n}"), f"writer{n}") for n in range(8)]
        watcher = await second.page("watcher", Role.PRODUCER)
        done = asyncio.Event()

        async def write(writer: Writer) -> None:
            number = 0
            while not done.is_set():
                number += 1
                await writer.ask_until_acked(f"{writer.name} asks for the {number}th time")
                await writer.vote_until_acked(target, on=number % 2 == 1)

        writing = [asyncio.create_task(write(writer)) for writer in writers]
        for _ in range(3):
            before = sum(len(w.acked) for w in writers)
            while sum(len(w.acked) for w in writers) < before + 100:
                await watcher.event("q.new")
            kill(valkey)
            await watcher.hear(lambda m: m["t"] == "state" and m["store"] == "down")
            await valkey.restart()
            await watcher.hear(lambda m: m["t"] == "state" and m["store"] == "up")
        done.set()
        await asyncio.gather(*writing)

        acked = {text: q for w in writers for text, q in w.acked.items()}
        assert len(acked) > 300
        assert sum(w.refusals for w in writers) > 0
        contents = await front.qna._store.contents(EVENT)
        texts = Counter(item.text for item in contents.items if item.id != target)
        assert set(texts.values()) == {1}  # none doubled
        assert {text: item.id for item in contents.items for text in [item.text] if text in acked} == acked  # none lost
        votes = next(item.votes for item in contents.items if item.id == target)
        assert votes == sum(w.on for w in writers)
        last = max(acked.values(), key=lambda q: int(q[1:]))
        if last not in {m["d"]["question"]["id"] for m in watcher.events() if m["k"] == "q.new"}:
            await watcher.hear(lambda m: m["t"] == "ev" and m["d"]["question"]["id"] == last)
        seen = [m["d"]["question"]["id"] for m in watcher.events() if m["k"] == "q.new"]
        assert seen == sorted(set(seen), key=lambda q: int(q[1:]))
        assert set(acked.values()) <= set(seen)
        assert not [m for m in watcher.heard[3:] if m["t"] in ("snap", "resync")]


async def test_everything_killed_at_once_comes_back_with_every_question_and_vote(
    valkey: Embedded, signer: Signer
) -> None:
    async with Front(valkey.url, signer) as before:
        console, anna, ben = await before.console(), await before.page("anna"), await before.page("ben")
        q = await published(console, anna)
        await ben.event("q.state", q=q)
        await ben.vote(q)
        await console.mod(q, "published", "next")
        waiting = (await anna.ask("A question that waits for review"))["r"]["q"]
        await console.box(mode="post")
        kill(valkey)
    await valkey.restart()
    async with Front(valkey.url, signer) as after:
        snap = await (await after.connect(after.ticket("petra", Role.PRODUCER))).hello()
        assert {item["id"]: item["state"] for item in snap["questions"]} == {q: "next", waiting: "pending"}
        assert snap["votes"][q] == 1
        assert snap["box"] == {"mode": "post", "open": True}
        ben = await after.page("ben")
        assert ben.heard[1]["me"]["voted"] == [q]
        assert (await ben.vote(q))["r"] == {"votes": 1}
        back = await after.connect(anna.ticket)
        await back.hello(last=anna.last)
        assert "box" in {m["k"] for m in anna.events()} or await back.event("box")


async def test_a_server_that_refuses_writes_is_answered_for_and_does_not_stop_the_reading(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    ben = await front.page("ben")
    await front.redis.config_set("maxmemory", "1")  # as a full disk or memory does: writes fail, reads work
    assert (await anna.ask())["code"] == "store_unavailable"
    assert (await ben.vote(q))["code"] == "store_unavailable"
    await front.redis.config_set("maxmemory", "0")
    assert (await ben.vote(q))["t"] == "ok"
    assert "state" not in json.dumps([m["t"] for m in ben.heard])


async def test_a_board_given_during_a_blip_that_no_loop_saw_is_made_good(front: Front) -> None:
    """The store failed one joiner and was back at once: nobody was told "down", so nobody is told "up"."""
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    ben = await front.page("ben")
    await ben.vote(q)
    store = front.qna._store
    join = store.join

    async def fail_once(event: str, person: str, name: str) -> int:
        store.join = join  # type: ignore[method-assign]
        raise store_unavailable()

    store.join = fail_once  # type: ignore[method-assign]
    again = await front.connect(ben.ticket)
    assert (await again.hello())["me"]["voted"] == []
    assert (await again.hear("state"))["store"] == "stale"
    assert (await again.hear("resync"))["reason"] == "stale"
    assert (await again.hello())["me"]["voted"] == [q]
    await asyncio.sleep(0.3)
    assert [m["t"] for m in again.heard].count("resync") == 1
