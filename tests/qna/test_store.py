"""The scripts on a real Valkey: each is one atomic step, whatever is repeated or raced."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator

import pytest

from plenum.errors import BadInput, Conflict, PlenumError, TooMany, Unavailable
from plenum.event import Moderation
from plenum.store import Embedded, connect
from qna.board import ALLOWED, DISPLACED, VOTABLE, State
from qna.store import QuestionStore

EVENT = "town-hall"
_cids = itertools.count(1)


def cid() -> str:
    return f"cid-{next(_cids):08d}"


@pytest.fixture
async def store(valkey: Embedded) -> AsyncIterator[QuestionStore]:
    redis = connect(valkey.url)
    store = QuestionStore(redis, "main")
    await store.open(EVENT, Moderation.PRE)
    yield store
    await redis.aclose()


async def ask(store: QuestionStore, text: str = "A question of ten", asker: int = 0, command: str = "") -> str:
    return await store.ask(EVENT, asker, command or cid(), text, False, "en", 1_000_000.0, 6000, 5000)


async def move(store: QuestionStore, q: str, from_: State, to: State, reason: str = "", command: str = "") -> State:
    return await store.moderate(EVENT, command or cid(), q, from_, to, reason, 99, "producer")


WAYS: dict[State, tuple[State, ...]] = {
    State.PENDING: (),
    State.PUBLISHED: (State.PUBLISHED,),
    State.NEXT: (State.NEXT,),
    State.NOW: (State.NOW,),
    State.ANSWERED: (State.NOW, State.ANSWERED),
    State.DECLINED: (State.DECLINED,),
    State.HIDDEN: (State.PUBLISHED, State.HIDDEN),
}


async def question_in(store: QuestionStore, state: State) -> str:
    q, at = await ask(store), State.PENDING
    for to in WAYS[state]:
        at = await move(store, q, at, to)
    return q


async def state_of(store: QuestionStore, q: str) -> State:
    return next(i.state for i in (await store.contents(EVENT)).items if i.id == q)


@pytest.mark.parametrize(("from_", "to"), [(from_, to) for from_, row in ALLOWED.items() for to in sorted(row)])
async def test_a_move_keeps_votes_lists_and_permission_in_step(store: QuestionStore, from_: State, to: State) -> None:
    q = await question_in(store, from_)
    if from_ in VOTABLE:
        await store.vote(EVENT, {q: [(1, True), (2, True)]})
    elif from_ in (State.ANSWERED, State.HIDDEN):  # had votes before it left the queue
        q = await question_in(store, State.PUBLISHED)
        await store.vote(EVENT, {q: [(1, True), (2, True)]})
        await move(store, q, State.PUBLISHED, from_)
    had = 0 if from_ in (State.PENDING, State.DECLINED, State.NOW) else 2
    assert await move(store, q, from_, to, reason="so") is to
    item = next(i for i in (await store.contents(EVENT)).items if i.id == q)
    assert (item.state, item.votes, item.reason) == (to, had, "so")
    keys = store.keys(EVENT)
    in_rank = await store.redis.zscore(keys.rank, q) is not None
    assert in_rank is (to in VOTABLE)
    for state in (State.PENDING, State.ANSWERED, State.DECLINED, State.HIDDEN):
        listed = await store.redis.zscore(keys.in_state(state), q) is not None
        assert listed is (state is to)
    for state in (State.NOW, State.NEXT):
        assert (await store.redis.hget(keys.meta, state) == q.encode()) is (state is to)
    count = (await store.vote(EVENT, {q: [(3, True)]}))[q]
    assert count == (had + 1 if to in VOTABLE else -1)


@pytest.mark.parametrize(("stale", "state"), [(a, b) for a in State for b in State if a is not b])
async def test_a_move_from_a_state_that_has_passed_is_refused_and_says_the_present_one(
    store: QuestionStore, stale: State, state: State
) -> None:
    q = await question_in(store, state)
    await store.join(EVENT, "somebody", "")
    with pytest.raises(Conflict) as caught:
        await move(store, q, stale, State.PUBLISHED)
    assert (caught.value.code, caught.value.extra["current"]) == ("stale_state", state)
    assert await state_of(store, q) is state


async def test_of_two_moderators_one_wins_and_the_other_learns_who_did(store: QuestionStore) -> None:
    people = [await store.join(EVENT, f"person{n}", name) for n, name in enumerate(("Petra", "Paul"))]
    for _ in range(20):
        q = await ask(store)
        moves = [
            store.moderate(EVENT, cid(), q, State.PENDING, to, "", actor, "producer")
            for actor, to in zip(people, (State.PUBLISHED, State.DECLINED), strict=True)
        ]
        results = await asyncio.gather(*moves, return_exceptions=True)
        won = [r for r in results if isinstance(r, State)]
        lost = [r for r in results if isinstance(r, Conflict)]
        assert len(won) == len(lost) == 1
        assert lost[0].extra == {"current": won[0], "by": "Petra" if won[0] is State.PUBLISHED else "Paul"}


@pytest.mark.parametrize("alone", [State.NOW, State.NEXT])
async def test_exactly_one_question_is_now_and_one_next_whoever_races(store: QuestionStore, alone: State) -> None:
    questions = [await ask(store) for _ in range(12)]
    await asyncio.gather(*(move(store, q, State.PENDING, alone) for q in questions))
    states = [i.state for i in (await store.contents(EVENT)).items]
    assert states.count(alone) == 1
    assert states.count(DISPLACED[alone]) == 11
    tail = await store.tail(EVENT, "0-0", 100)
    assert len(tail.entries) == 12 + 12 + 11  # asked, moved, displaced: one log entry each


async def test_the_order_now_next_and_clear_leaves_nothing_behind(store: QuestionStore) -> None:
    a, b = await question_in(store, State.NOW), await question_in(store, State.NEXT)
    await move(store, b, State.NEXT, State.NOW)
    assert await state_of(store, a) is State.ANSWERED
    await move(store, b, State.NOW, State.PUBLISHED)
    assert await store.redis.hmget(store.keys(EVENT).meta, "now", "next") == [None, None]
    c = await question_in(store, State.NOW)
    assert await state_of(store, b) is State.PUBLISHED
    assert await state_of(store, c) is State.NOW


async def test_a_repeated_moderation_is_done_once(store: QuestionStore) -> None:
    q, command = await ask(store), cid()
    assert await move(store, q, State.PENDING, State.PUBLISHED, command=command) is State.PUBLISHED
    assert await move(store, q, State.PENDING, State.PUBLISHED, command=command) is State.PUBLISHED
    assert len((await store.tail(EVENT, "0-0", 100)).entries) == 2
    with pytest.raises(Conflict) as caught:
        await move(store, q, State.PUBLISHED, State.NOW, command=command)
    assert caught.value.code == "cid_used"


async def test_an_unknown_question_is_not_moved(store: QuestionStore) -> None:
    with pytest.raises(BadInput) as caught:
        await move(store, "q404", State.PENDING, State.PUBLISHED)
    assert caught.value.code == "unknown_question"


async def test_two_hundred_votes_of_one_person_at_once_are_one(store: QuestionStore) -> None:
    q = await question_in(store, State.PUBLISHED)
    await asyncio.gather(*(store.vote(EVENT, {q: [(7, True)]}) for _ in range(200)))
    assert (await store.contents(EVENT)).items[0].votes == 1
    await asyncio.gather(*(store.vote(EVENT, {q: [(7, False)] * 3}) for _ in range(20)))
    assert (await store.contents(EVENT)).items[0].votes == 0


async def test_a_recount_of_the_voters_equals_every_counter(store: QuestionStore) -> None:
    chance = random.Random(7)
    questions = [await question_in(store, State.PUBLISHED) for _ in range(5)]
    wanted: dict[tuple[str, int], bool] = {}

    async def batch() -> None:
        votes: dict[str, list[tuple[int, bool]]] = {}
        for _ in range(200):
            q, voter, on = chance.choice(questions), chance.randrange(50), chance.random() < 0.6
            votes.setdefault(q, []).append((voter, on))
            wanted[q, voter] = on
        await store.vote(EVENT, votes)

    for _ in range(10):
        await batch()
    await move(store, questions[0], State.PUBLISHED, State.HIDDEN)
    await move(store, questions[0], State.HIDDEN, State.PUBLISHED)
    counts = {i.id: i.votes for i in (await store.contents(EVENT)).items}
    for q in questions:
        expected = sum(on for (its, _), on in wanted.items() if its == q)
        assert counts[q] == expected == await store.redis.bitcount(store.keys(EVENT).voters(q))
    lists = await store.voted(EVENT, questions, list(range(50)))
    assert {(q, v) for v, mine in enumerate(lists) for q in mine} == {key for key, on in wanted.items() if on}


async def test_a_tally_tells_what_moved_since_and_nothing_else(store: QuestionStore) -> None:
    a, b = await question_in(store, State.PUBLISHED), await question_in(store, State.PUBLISHED)
    start, _ = await store.tally(EVENT, 0)
    await store.vote(EVENT, {a: [(1, True), (2, True)], b: [(1, True)]})
    v, counts = await store.tally(EVENT, start)
    assert counts == {a: 2, b: 1}
    await store.vote(EVENT, {a: [(1, True)], b: [(1, False)]})  # the first says nothing new
    later, counts = await store.tally(EVENT, v)
    assert counts == {b: 0}
    await store.vote(EVENT, {a: [(3, True)]})
    await move(store, a, State.PUBLISHED, State.ANSWERED)
    assert (await store.tally(EVENT, later))[1] == {a: 3}  # the count it left the queue with


async def test_a_repeated_ask_is_one_question(store: QuestionStore) -> None:
    command = cid()
    answers = await asyncio.gather(*(ask(store, command=command) for _ in range(20)))
    assert len(set(answers)) == 1
    assert len((await store.contents(EVENT)).items) == 1
    with pytest.raises(Conflict) as caught:
        await move(store, answers[0], State.PENDING, State.PUBLISHED, command=command)
    assert caught.value.code == "cid_used"


async def test_three_questions_a_minute_and_a_repetition_is_not_a_fourth(store: QuestionStore) -> None:
    async def at(now: float, command: str = "") -> str:
        return await store.ask(EVENT, 5, command or cid(), "A question of ten", False, "en", now, 3, 5000)

    first = cid()
    await at(1000.0, first)
    await at(1000.1)
    await at(1000.2)
    with pytest.raises(TooMany) as caught:
        await at(1000.3)
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_s == pytest.approx(19.7, abs=0.01)
    assert await at(1000.4, first)
    await store.ask(EVENT, 6, cid(), "Another person's", False, "en", 1000.4, 3, 5000)
    await at(1020.1)
    with pytest.raises(TooMany):
        await at(1020.2)
    await at(1020.2 - 3600)  # the clock was set back an hour: nobody is locked out for it


async def test_closed_box_ended_event_and_full_board_take_no_question(store: QuestionStore) -> None:
    async def code() -> str:
        with pytest.raises(PlenumError) as caught:
            await store.ask(EVENT, 5, cid(), "A question of ten", False, "en", 1.0, 3, 1)
        return caught.value.code

    await store.set_box(EVENT, cid(), None, False, 99, "producer")
    assert await code() == "box_closed"
    await store.set_box(EVENT, cid(), None, True, 99, "producer")
    await ask(store)
    assert await code() == "board_full"
    await store.event_state(EVENT, "ended", 5)
    assert await code() == "event_ended"


async def test_pre_moderation_off_affects_new_questions_only(store: QuestionStore) -> None:
    waiting = await ask(store)
    box = await store.set_box(EVENT, cid(), Moderation.POST, None, 99, "producer")
    assert (box.mode, box.open) == (Moderation.POST, True)
    shown = await ask(store)
    assert await state_of(store, waiting) is State.PENDING
    assert await state_of(store, shown) is State.PUBLISHED


async def test_a_repeated_box_command_does_not_undo_a_later_one(store: QuestionStore) -> None:
    first = cid()
    await store.set_box(EVENT, first, Moderation.POST, None, 99, "producer")
    await store.set_box(EVENT, cid(), Moderation.PRE, None, 99, "producer")
    assert (await store.set_box(EVENT, first, Moderation.POST, None, 99, "producer")).mode is Moderation.PRE


async def test_an_event_goes_live_once_and_never_comes_back_from_its_end(store: QuestionStore) -> None:
    assert await store.event_state(EVENT, "live", 1000)
    assert not await store.event_state(EVENT, "live", 2000)
    assert await store.event_state(EVENT, "ended", 3000)
    assert not await store.event_state(EVENT, "live", 4000)
    event = (await store.contents(EVENT)).event
    assert (event.state, event.live_at, event.ended_at) == ("ended", 1000, 3000)


async def test_opening_again_changes_nothing(store: QuestionStore) -> None:
    epochs = {await store.open(EVENT, mode) for mode in (Moderation.POST, Moderation.PRE)}
    assert len(epochs) == 1
    assert (await store.contents(EVENT)).box.mode is Moderation.PRE


async def test_people_get_dense_numbers_and_keep_them(store: QuestionStore) -> None:
    many = await asyncio.gather(*(store.join(EVENT, f"hash{n % 30}", f"Name {n % 30}") for n in range(300)))
    assert sorted(set(many)) == list(range(30))
    assert await store.join(EVENT, "hash3", "New Name") == many[3]
    assert (await store.names(EVENT, [many[3]])) == {many[3]: "New Name"}


async def test_presence_adds_up_processes_and_forgets_silent_ones(store: QuestionStore) -> None:
    assert await store.presence(EVENT, "one", 3, 10_000) == 3
    assert await store.presence(EVENT, "two", 4, 10_000) == 7
    assert await store.presence(EVENT, "two", 5, 10_000) == 8
    assert await store.presence(EVENT, "two", 5, -1) == 0


async def test_the_log_is_a_stream_of_ids_and_states(store: QuestionStore) -> None:
    q = await ask(store, "A most particular wording")
    await move(store, q, State.PENDING, State.DECLINED, "Asked before")
    rows = await store.redis.xrange(store.keys(EVENT).log)
    assert [row[0].split(b"-")[0] for row in rows] == [b"1", b"2"]
    assert [row[1][b"a"] for row in rows] == [b"ma", b"ma"]
    assert b"particular" not in repr(rows).encode()
    assert b"Asked before" in rows[1][1][b"d"]


async def test_a_position_of_another_history_is_noticed_and_one_new_epoch_begins(store: QuestionStore) -> None:
    await ask(store)
    tail = await store.tail(EVENT, "0-0", 10)
    assert tail.known
    assert (await store.tail(EVENT, tail.entries[0].id, 10)).known
    assert not (await store.tail(EVENT, "1-1", 10)).known
    epochs = await asyncio.gather(*(store.new_epoch(EVENT, tail.ep) for _ in range(5)))
    assert set(epochs) == {str(int(tail.ep) + 1)}


async def test_events_do_not_touch_each_other(store: QuestionStore) -> None:
    await store.open("other", Moderation.POST)
    q = await ask(store)
    assert (await store.contents("other")).items == ()
    with pytest.raises(BadInput):
        await store.moderate("other", cid(), q, State.PENDING, State.PUBLISHED, "", 99, "producer")


async def test_with_the_server_away_a_call_fails_at_once_and_works_again_when_it_is_back(
    valkey: Embedded, store: QuestionStore
) -> None:
    watch = asyncio.create_task(store.watch())
    assert valkey.pid
    os.kill(valkey.pid, signal.SIGKILL)
    loop = asyncio.get_running_loop()
    for _ in range(50):
        began = loop.time()
        with pytest.raises(Unavailable) as caught:
            await ask(store)
        assert caught.value.code == "store_unavailable"
        assert loop.time() - began < 1.2
    await valkey.restart()
    async with asyncio.timeout(3):
        await store.until_up()
    assert await ask(store) == "q1"
    watch.cancel()


async def test_a_server_that_hangs_is_noticed_within_its_second(valkey: Embedded, store: QuestionStore) -> None:
    watch = asyncio.create_task(store.watch())
    assert valkey.pid
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(Unavailable):
            await ask(store)
        assert loop.time() - began < 1.5
        with pytest.raises(Unavailable):
            await ask(store)
        assert loop.time() - began < 1.6  # known to be away: refused at once
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    async with asyncio.timeout(3):
        await store.until_up()
    watch.cancel()


async def test_a_question_said_again_within_the_day_is_the_same_one(store: QuestionStore) -> None:
    """A page may hold one for 20 hours (player/src/core/outbox.ts) and cannot know whether its answer was lost."""
    command = cid()
    q = await ask(store, command=command)
    left_ms = await store.redis.pttl(store.keys(EVENT).idem(command))
    assert left_ms > 23 * 3600 * 1000
    assert await ask(store, command=command) == q
