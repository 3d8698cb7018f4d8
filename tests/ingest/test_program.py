"""One event's programme: who is on air over real WHIP, and what happens when its transcoder or the whole ingest dies."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY

from plenum.errors import Conflict
from plenum.signalling import FRAGMENT, SDP
from plenum.whip_client import WhipPublisher
from plenum.wire import Flag, Kind, Resume
from tests.ingest.running_ingest import EVENT, PATIENCE_S, Feed, Running, ingest_process, running_ingest, ticket
from tests.ingest.test_peers import OFFER

STANDIN = (sys.executable, "-m", "tests.ingest.standin_transcoder")

Publish = Callable[..., Awaitable[WhipPublisher]]


@pytest.fixture
async def ingest(tmp_path: Path) -> AsyncIterator[Running]:
    """With the real transcoder."""
    async with running_ingest(tmp_path) as running:
        yield running


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[Running]:
    """With the stand-in, whose faults the event's title names."""
    async with running_ingest(tmp_path, transcoder=STANDIN) as running:
        yield running


@pytest.fixture
async def publish() -> AsyncIterator[Publish]:
    """Makes real presenters; they leave at the end."""
    publishers: list[WhipPublisher] = []

    async def start(
        running: Running, subject: str = "anna", *, stand_in: bool = False, reconnect: bool = False
    ) -> WhipPublisher:
        publisher = WhipPublisher(running.whip(), ticket(subject, stand_in=stand_in), reconnect=reconnect)
        publishers.append(publisher)
        await publisher.start()
        return publisher

    yield start
    for publisher in publishers:
        await publisher.stop()


async def transcoder_pid(running: Running) -> int:
    """Of the one that runs now."""
    async with asyncio.timeout(PATIENCE_S):
        while (pid := (await running.status())["transcoder_pid"]) is None:  # noqa: ASYNC110 - asked by HTTP
            await asyncio.sleep(0.05)
    return pid


async def until_status(running: Running, enough: Callable[[dict], bool], patience_s: float = PATIENCE_S) -> dict:
    async with asyncio.timeout(patience_s):
        while not enough(status := await running.status()):  # noqa: ASYNC110 - asked by HTTP
            await asyncio.sleep(0.05)
    return status


def runs(feed: Feed) -> list[int]:
    """The init ids of all parts, in order, each once."""
    return list(dict.fromkeys(part.init_id for part in feed.parts()))


async def new_run(feed: Feed, before: int, patience_s: float = PATIENCE_S) -> list[int]:
    return await feed.until(lambda feed: len(runs(feed)) > before and runs(feed), patience_s)


def numbers_only_grow(feed: Feed) -> bool:
    """Over all transcoders: each run starts beyond everything the one before gave out."""
    highest = 0
    for init_id in runs(feed):
        numbers = [part.msn for part in feed.parts() if part.init_id == init_id]
        if min(numbers) <= highest:
            return False
        highest = max(numbers)
    return True


# --- who is on air ---


async def test_somebody_else_is_refused_with_who_is_on_air(ingest: Running, publish: Publish) -> None:
    await publish(ingest, "anna")
    with pytest.raises(Conflict) as refused:
        await publish(ingest, "ben")
    assert (refused.value.code, refused.value.extra.get("on_air")) == ("on_air", "Anna")


async def test_the_same_person_replaces_their_own_source_at_once(ingest: Running, publish: Publish) -> None:
    feed = await ingest.feed()
    await publish(ingest, "anna")
    await feed.shows("live", "Anna")
    await publish(ingest, "anna")
    status = await until_status(ingest, lambda status: status["sources"] == 1)
    assert status["sources"] == 1
    await feed.parts_after(10)
    await feed.shows("live", "Anna")
    assert len(runs(feed)) == 1


async def test_two_windows_of_one_person_do_not_put_each_other_off_air(ingest: Running, publish: Publish) -> None:
    feed = await ingest.feed()
    first = await publish(ingest, "anna", reconnect=True)
    await feed.shows("live", "Anna")
    second = await publish(ingest, "anna", reconnect=True)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Conflict) as refused:
            await first.wait()
    assert refused.value.code == "replaced"
    assert (await ingest.status())["sources"] == 1
    assert second.stats.reconnects == 0
    await first.start()  # the person asks for it
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Conflict, match="Another window"):
            await second.wait()


async def test_who_lost_a_session_otherwise_comes_back_by_itself(faulty: Running, publish: Publish) -> None:
    await faulty.describe("refuses")
    publisher = await publish(faulty, "anna", reconnect=True)
    waiting = asyncio.create_task(publisher.wait())
    async with asyncio.timeout(PATIENCE_S):
        while publisher.stats.reconnects < 2 and not waiting.done():  # noqa: ASYNC110 - a count of its own
            await asyncio.sleep(0.05)
    assert not waiting.done()
    waiting.cancel()


async def test_a_person_replaces_the_stand_in_which_returns_by_itself(ingest: Running, publish: Publish) -> None:
    feed = await ingest.feed()
    await publish(ingest, "demo", stand_in=True)
    await feed.shows("live", "Demo")
    anna = await publish(ingest, "anna")
    await feed.shows("live", "Anna")
    assert (await ingest.status())["sources"] == 2
    with pytest.raises(Conflict):
        await publish(ingest, "another", stand_in=True)
    await anna.stop()
    await feed.shows("live", "Demo")
    assert len(runs(feed)) == 1


async def test_a_peer_process_that_is_killed_leaves_the_slate(ingest: Running, publish: Publish) -> None:
    feed = await ingest.feed()
    publisher = await publish(ingest)
    await feed.shows("live", "Anna")
    await publisher.stop()
    await feed.shows("slate")
    await publish(ingest, "ben")
    await feed.shows("live", "Ben")


async def test_the_address_of_a_session_that_was_replaced_or_is_over_is_nobody_s(faulty: Running) -> None:
    await faulty.describe("works")
    own = {"Authorization": f"Bearer {ticket('anna')}"}

    async def post() -> tuple[str, str]:
        async with faulty.http.post(faulty.whip(), data=OFFER, headers=own | {"Content-Type": SDP}) as answer:
            assert answer.status == 201
            return answer.headers["Location"], answer.headers["ETag"]

    async def patch(session: tuple[str, str]) -> int:
        trickle = own | {"Content-Type": FRAGMENT, "If-Match": session[1]}
        async with faulty.http.patch(faulty.base + session[0], data="a=ice-pwd:x\r\n", headers=trickle) as answer:
            return answer.status

    first = await post()
    assert await patch(first) == 204
    second = await post()
    assert (await patch(first), await patch(second)) == (404, 204)
    await faulty.end()
    assert await patch(second) == 404
    async with faulty.http.delete(faulty.base + second[0], headers=own) as answer:
        assert answer.status == 404


# --- a transcoder dies ---


async def test_after_kill_9_of_the_transcoder_the_picture_is_back_in_the_same_feed(
    ingest: Running, publish: Publish
) -> None:
    feed = await ingest.feed()
    await publish(ingest)
    await feed.shows("live", "Anna")
    await feed.parts_after(30)
    os.kill(await transcoder_pid(ingest), signal.SIGKILL)
    await new_run(feed, 1)
    await feed.parts_after(20)
    await feed.shows("live", "Anna")
    assert not feed.socket.closed
    assert numbers_only_grow(feed)
    first, second = runs(feed)
    for rendition in {part.rendition for part in feed.parts()}:
        before = [part for part in feed.parts(rendition) if part.init_id == first]
        after = [part for part in feed.parts(rendition) if part.init_id == second]
        assert after[0].msn == before[-1].msn + 1
        assert Flag.DISCONTINUITY in after[0].flags
        assert after[0].epoch == before[-1].epoch
        assert after[0].start >= before[-1].start + before[-1].duration
    assert (await ingest.status())["sources"] == 1


async def test_a_stopped_transcoder_is_found_by_its_missing_progress(ingest: Running, publish: Publish) -> None:
    feed = await ingest.feed()
    await publish(ingest)
    await feed.parts_after(10)
    pid = await transcoder_pid(ingest)
    os.kill(pid, signal.SIGSTOP)
    await new_run(feed, 1)
    assert await transcoder_pid(ingest) != pid
    assert numbers_only_grow(feed)


async def test_a_crash_loop_backs_off_and_says_that_the_event_is_degraded(faulty: Running, publish: Publish) -> None:
    await faulty.describe("exits")
    await publish(faulty)
    began = time.monotonic()
    status = await until_status(faulty, lambda status: status["degraded"])
    assert status["crashes"] == 5
    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4 + 0.8
    assert status["sources"] == 1


async def test_sources_that_kill_transcoders_are_held_back_and_the_slate_shows(
    faulty: Running, publish: Publish
) -> None:
    await faulty.describe("dies-with-source")
    feed = await faulty.feed()
    await publish(faulty)
    await feed.until(lambda feed: feed.programme and feed.programme.degraded)
    await feed.shows("slate")
    await feed.parts_after(20)
    assert (await faulty.status())["crashes"] == 5


async def test_a_new_session_of_the_presenter_is_tried_although_the_old_one_is_held_back(
    faulty: Running, publish: Publish
) -> None:
    await faulty.describe("dies-with-source")
    await publish(faulty)
    await until_status(faulty, lambda status: status["crashes"] == 5 and status["transcoder_pid"])
    await publish(faulty)
    await until_status(faulty, lambda status: status["crashes"] == 6)


async def test_another_event_goes_on_while_one_is_in_a_crash_loop(faulty: Running, publish: Publish) -> None:
    await faulty.describe("exits")
    await faulty.describe("works", event="other")
    other = WhipPublisher(faulty.whip("other"), ticket("ben", event="other"))
    feed = await faulty.feed(event="other")
    await other.start()
    await feed.parts_after(5)
    await publish(faulty)
    await until_status(faulty, lambda status: status["degraded"])
    parts = await feed.parts_after(10)
    assert len(runs(feed)) == 1
    places = [(part.msn, part.part) for part in parts if part.rendition == 0]
    assert places == sorted(set(places))
    await other.stop()


async def test_a_transcoder_that_lies_about_its_numbers_reaches_nobody(faulty: Running, publish: Publish) -> None:
    await faulty.describe("liar")
    feed = await faulty.feed()
    await publish(faulty)
    await until_status(faulty, lambda status: status["crashes"] >= 2)
    assert {part.epoch for part in feed.parts()} == {1}
    assert numbers_only_grow(feed)


@pytest.mark.skipif(sys.platform != "linux", reason="seccomp is Linux's")
async def test_a_transcoder_that_was_taken_over_is_ended_counted_and_named(faulty: Running, publish: Publish) -> None:
    await faulty.describe("taken-over")
    with structlog.testing.capture_logs() as logs:
        await publish(faulty)
        await until_status(faulty, lambda status: status["crashes"] >= 1)
    died = next(line for line in logs if line["event"] == "transcoder_died")
    assert (died["reason"], died["signal"], died["code"]) == ("forbidden_call", "SIGSYS", -signal.SIGSYS)
    assert REGISTRY.get_sample_value("plenum_encoder_forbidden_calls_total", {"event": EVENT}) >= 1


async def test_a_refused_source_loses_its_session(faulty: Running, publish: Publish) -> None:
    before = REGISTRY.get_sample_value("plenum_rejected_total", {"reason": "picture_too_large"}) or 0
    await faulty.describe("refuses")
    await publish(faulty)
    status = await until_status(faulty, lambda status: status["sources"] == 0)
    assert status["crashes"] == 0
    assert REGISTRY.get_sample_value("plenum_rejected_total", {"reason": "picture_too_large"}) == before + 1


# --- the ingest dies ---


async def test_after_kill_9_of_ingest_the_programme_goes_on_beyond_every_number_it_gave_out(
    tmp_path: Path, publish: Publish
) -> None:
    async with ingest_process(tmp_path, *STANDIN) as (first, process):
        await first.describe("works")
        feed = await first.feed()
        presenter = await publish(first)
        before = await feed.parts_after(40)
        pid = await transcoder_pid(first)
        process.kill()
        await process.wait()
        await feed.closed()
        before = feed.parts()
        await until_gone(pid)
    async with ingest_process(tmp_path, *STANDIN) as (second, _):
        last = before[-1]
        feed = await second.feed(Resume(last.epoch, last.msn, last.part, ("*",)))
        await feed.shows("slate")
        after = await feed.parts_after(10)
        assert min(part.msn for part in after) > max(part.msn for part in before)
        assert min(part.init_id for part in after) > max(part.init_id for part in before)
        assert {part.epoch for part in after} == {last.epoch}
        assert Flag.DISCONTINUITY in after[0].flags
        assert feed.programme and [r.name for r in feed.programme.renditions] == ["240p", "audio"]
        await presenter.stop()
        await publish(second)
        await feed.shows("live", "Anna")


async def test_a_graceful_restart_leaves_no_hole_in_the_numbers(tmp_path: Path, publish: Publish) -> None:
    async with running_ingest(tmp_path, transcoder=STANDIN) as first:
        feed = await first.feed()
        presenter = await publish(first)
        await feed.parts_after(40)
        await first.service.close()
        assert await feed.closed() == 1012
        assert feed.bye and feed.bye.code == "restarting"
        await presenter.stop()
    async with running_ingest(tmp_path, transcoder=STANDIN) as second:
        again = await second.feed(Resume(0, 0, 0, ("*",)))
        after = await again.parts_after(4)
        assert min(part.msn for part in after) == max(part.msn for part in feed.parts()) + 1


async def test_an_event_that_has_ended_stays_ended_over_a_restart(tmp_path: Path, publish: Publish) -> None:
    async with running_ingest(tmp_path, transcoder=STANDIN) as first:
        feed = await first.feed()
        await publish(first)
        await feed.parts_after(4)
        await first.end()
        await feed.closed()
        assert feed.kinds[-1] is Kind.END
    async with running_ingest(tmp_path, transcoder=STANDIN) as second:
        late = await second.feed()
        assert await late.closed() == 1000
        with pytest.raises(Conflict) as refused:
            await publish(second)
        assert refused.value.code == "event_ended"
        assert (await second.status())["transcoder_pid"] is None


async def test_ending_twice_is_no_change_and_an_event_can_end_before_it_began(faulty: Running) -> None:
    feed = await faulty.feed()
    await feed.shows("waiting")
    await faulty.end()
    await faulty.end()
    assert await feed.closed() == 1000
    assert await faulty.describe("too late") == 409


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while _lives(pid):  # noqa: ASYNC110 - not our child
            await asyncio.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return b") Z " not in Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
