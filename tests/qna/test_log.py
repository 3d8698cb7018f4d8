"""The log on its way into a process: nothing is missed, whatever happens to the subscription."""

import asyncio
from typing import Any

import pytest

from plenum.event import Moderation
from plenum.store import Embedded, connect
from qna import log, room
from qna.board import Asked, State
from qna.log import Bus, Inbox, read_message
from qna.store import QuestionStore
from tests.qna.pages import EVENT, Front
from tests.qna.test_store import ask, question_in

ENTRY = b'17.9 4-2000 ma {"k":"q.new","d":{"q":"q1","state":"pending"},"at":2000}'


def test_a_published_entry_reads_as_its_value() -> None:
    arrived = read_message(ENTRY)
    assert (arrived.ep, arrived.entry.id, arrived.entry.seq, arrived.entry.at) == ("17.9", "4-2000", 4, 2000)
    assert arrived.entry.fact == Asked("q1", State.PENDING)


def test_an_inbox_that_overflows_reads_the_stream_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "INBOX", 3)
    woken: list[int] = []
    inbox = Inbox(lambda: woken.append(1))
    inbox.must_look = False
    for _ in range(4):
        inbox.listen(ENTRY)
    assert inbox.must_look
    assert inbox.take() == []
    assert len(woken) == 4


async def test_a_subscription_that_stands_says_so_and_then_carries_entries_and_pokes(valkey: Embedded) -> None:
    redis = connect(valkey.url)
    store = QuestionStore(redis, "main")
    await store.open(EVENT, Moderation.PRE)
    bus, heard = Bus(redis, store), asyncio.Queue[bytes | None]()
    running = asyncio.gather(bus.run(), store.watch())
    channel = store.keys(EVENT).log
    await bus.follow(channel, heard.put_nowait)
    async with asyncio.timeout(5):
        assert await heard.get() is None
        q = await question_in(store, State.PUBLISHED)
        kinds: list[Any] = [await heard.get(), await heard.get()]
        assert [read_message(kind).entry.question for kind in kinds] == [q, q]
        await store.vote(EVENT, {q: [(1, True)]})
        assert await heard.get() == b"v"
        await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        assert await heard.get() is None  # made anew: something may be missing
        await ask(store)
        assert await heard.get() is not None
        await bus.unfollow(channel, heard.put_nowait)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await redis.aclose()


async def test_entries_that_the_subscription_did_not_bring_are_read_from_the_stream(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    console, anna = await front.console(), await front.page("anna")
    await anna.ask("The first question comes as usual")
    await console.event("q.new")
    inbox = front.qna._rooms[EVENT].room._inbox
    listen, deaf = Inbox.listen, 0

    def hear_every_third(self: Inbox, data: bytes | None) -> None:
        nonlocal deaf
        deaf += 1
        if self is not inbox or data is None or deaf % 3 == 0:
            listen(self, data)

    front.qna._bus._listeners[front.qna._store.keys(EVENT).log.encode()] = lambda data: hear_every_third(inbox, data)
    for n in range(9):
        await anna.ask(f"Question number {n} on a bad line")
    for _ in range(9):
        await console.event("q.new")
    assert [m["d"]["question"]["n"] for m in console.events()] == list(range(1, 11))


async def test_a_dead_line_is_noticed_by_the_backstop(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BACKSTOP_S", 0.2)
    console, anna = await front.console(), await front.page("anna")
    front.qna._bus._listeners.clear()
    await anna.ask("A question that nobody is poked about")
    await console.event("q.new")
