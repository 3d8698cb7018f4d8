"""One socket from upgrade to close: who gets in, what wrong input is answered with, how it ends."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from prometheus_client import REGISTRY

from plenum.clock import SystemClock
from plenum.event import EventState, Moderation
from plenum.identity import Principal, Role, Signer
from plenum.settings import LimitSettings
from plenum.store import Embedded
from qna import room, service, socket
from qna.policy import Limits
from tests.qna.pages import EVENT, TENANT, Front, Page, new_cid, published


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("plenum_rejected_total", {"reason": reason}) or 0.0


async def dismissed(page: Page) -> tuple[dict[str, Any], int | None]:
    bye = await page.hear("bye")
    return bye, await page.closed()


# getting in


async def test_a_socket_that_does_not_say_hello_is_closed(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "HELLO_S", 0.1)
    bye, close = await dismissed(await front.connect())
    assert (bye["code"], close) == ("hello_timeout", 1008)
    assert bye["retry_ms"] >= 0


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"t": "vote", "n": 1, "q": "q1", "on": True}, "hello_expected"),
        ({"t": "hello"}, "bad_message"),
        ({"t": "hello", "ticket": "not.a.ticket"}, "bad_ticket"),
    ],
)
async def test_a_wrong_first_message_is_answered_and_closed(front: Front, first: dict[str, Any], code: str) -> None:
    page = await front.connect()
    await page.say(**first)
    bye, close = await dismissed(page)
    assert (bye, close) == ({"t": "bye", "code": code, "retry_ms": -1}, 1008)


async def test_binary_before_hello_is_refused(front: Front) -> None:
    page = await front.connect()
    await page.socket.send_bytes(b"\x00\x01")
    assert (await dismissed(page))[0]["code"] == "hello_expected"


async def test_tickets_that_do_not_fit_are_refused(front: Front) -> None:
    now = SystemClock().wall()
    viewer = Principal(TENANT, EVENT, Role.VIEWER, "anna")
    wrong = {
        front.ticket("anna", event="other"): ("bad_ticket", -1),
        front.signer.ticket(Principal("another", EVENT, Role.VIEWER, "anna"), now): ("bad_ticket", -1),
        Signer(b"somebody else's secret of 32 byte").ticket(viewer, now): ("bad_ticket", -1),
        front.signer.ticket(viewer, now - 7200): ("ticket_expired", 0),  # worth coming back with a new one
    }
    for ticket, (code, retry_ms) in wrong.items():
        page = await front.connect()
        await page.say(t="hello", ticket=ticket)
        assert (await dismissed(page))[0] == {"t": "bye", "code": code, "retry_ms": retry_ms}


@pytest.mark.parametrize(
    ("path", "headers", "protocols", "status"),
    [
        (f"/qna/{EVENT}/socket", {"Origin": "https://elsewhere.example"}, ["plenum.qna.1"], 403),
        (f"/qna/{EVENT}/socket", {}, ["plenum.qna.1"], 403),
        (f"/qna/{EVENT}/socket", {"Origin": "null"}, ["plenum.qna.1"], 403),
        (f"/qna/{EVENT}/socket", {"Authorization": "Bearer nonsense"}, ["plenum.qna.1"], 401),
        (f"/qna/{EVENT}/socket", None, ["chat.1"], 400),
        (f"/qna/{EVENT}/socket", None, [], 400),
        ("/qna/NoSuchEvent/socket", None, ["plenum.qna.1"], 400),
    ],
)
async def test_an_upgrade_that_is_not_ours_is_refused(
    front: Front, path: str, headers: dict[str, str] | None, protocols: list[str], status: int
) -> None:
    ours = {"Origin": str(front.server.make_url("/")).rstrip("/")}
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await front.client.ws_connect(
            front.server.make_url(path), headers=ours if headers is None else headers, protocols=protocols
        )
    assert caught.value.status == status


async def test_a_client_that_is_not_a_browser_comes_in_with_a_bearer_ticket(front: Front) -> None:
    ticket = front.ticket("mara", Role.BOT)
    async with front.client.ws_connect(
        front.server.make_url(f"/qna/{EVENT}/socket"),
        headers={"Authorization": f"Bearer {ticket}"},
        protocols=["plenum.qna.1"],
    ) as plain:
        await plain.send_json({"t": "hello", "ticket": ticket})
        welcome = await plain.receive_json(timeout=5)
        assert (welcome["t"], welcome["role"], welcome["limits"]) == ("welcome", "bot", {"ask_min": 10, "ask_max": 500})


async def test_a_person_may_hold_six_sockets_of_an_event(valkey: Embedded, signer: Signer) -> None:
    async with Front(valkey.url, signer, Limits()) as front:
        pages = [await front.page("anna") for _ in range(6)]
        seventh = await front.connect(front.ticket("anna"))
        await seventh.say(t="hello", ticket=seventh.ticket)
        bye, close = await dismissed(seventh)
        assert (bye["code"], close) == ("too_many_sockets", 1013)
        assert bye["retry_ms"] > 0
        await front.page("anna", event="other")
        await front.page("ben")
        await pages[0].close()
        await front.page("anna")


async def test_a_full_process_sheds_before_the_upgrade(valkey: Embedded, signer: Signer) -> None:
    async with Front(valkey.url, signer, Limits(sockets_per_process=1)) as front:
        await front.page("anna")
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await front.connect()
        assert caught.value.status == 503


async def test_hello_again_gives_a_fresh_snapshot_even_when_the_ticket_is_old_by_now(front: Front) -> None:
    page = await front.page("anna")
    page.ticket = front.signer.ticket(Principal(TENANT, EVENT, Role.VIEWER, "anna"), 1.0)
    assert (await page.hello())["questions"] == []
    assert (await page.ask())["t"] == "ok"


# wrong input


async def test_junk_is_answered_with_a_stable_code_and_the_socket_lives(front: Front) -> None:
    page = await front.page("anna")
    for junk in ("", "{", "[1,2]", '{"t":5}', '{"t":"vote","n":3}', "null", '{"t":"ask","cid":"c","text":{}}'):
        await page.socket.send_str(junk)
        assert (await page.hear("err"))["code"] == "bad_message"
    await page.socket.send_bytes(b"{}")
    assert (await page.hear("err"))["code"] == "bad_message"
    await page.say(t="from-the-future", n=1)
    assert (await page.ask())["t"] == "ok"


async def test_a_message_that_is_too_large_closes_the_socket(front: Front) -> None:
    page = await front.page("anna")
    await page.say(t="ask", cid=new_cid(), text="x" * 17_000)
    assert await page.closed() == 1009


@pytest.mark.parametrize(
    ("raw", "close"),
    [
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),  # text that is not UTF-8
        (b"\x81\x02{}", 1002),  # not masked
        (b"\xc1\x82\x00\x00\x00\x00{}", 1002),  # compressed, which was not agreed
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # an opcode that is not one
        (b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1009),  # 2^63 bytes to come
    ],
)
async def test_wrong_frames_close_the_socket_with_the_right_code(front: Front, raw: bytes, close: int) -> None:
    page = await front.page("anna")
    connection = page.socket._response.connection
    assert connection is not None and connection.transport is not None
    connection.transport.write(raw)
    assert await page.closed() == close


@pytest.mark.parametrize(
    ("text", "code"), [("short", "too_short"), ("x" * 501, "too_long"), ("  \n\t \u202e ", "too_short")]
)
async def test_a_question_of_the_wrong_length_is_refused_with_its_code(front: Front, text: str, code: str) -> None:
    page = await front.page("anna")
    answer = await page.ask(text)
    assert (answer["t"], answer["code"]) == ("err", code)
    assert answer["message"]


async def test_votes_that_may_not_be_are_refused_with_their_codes(front: Front) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    q = await published(console, anna)
    pending = (await anna.ask("Another one that waits for review"))["r"]["q"]
    await console.event("q.new")
    await ben.event("q.state", q=q)
    assert (await anna.vote(q))["code"] == "own_question"
    assert (await anna.vote(pending))["code"] == "own_question"
    assert (await ben.vote(pending))["code"] == "not_votable"
    assert (await ben.vote("q404"))["code"] == "unknown_question"
    for state in ("now", "answered"):
        await console.mod(q, "published" if state == "now" else "now", state)
        await ben.event("q.state", to=state)
        assert (await ben.vote(q))["code"] == "not_votable"


async def test_a_vote_for_a_question_that_is_moved_at_that_moment_is_refused_by_the_store(front: Front) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    q = await published(console, anna)
    await ben.event("q.state", q=q)
    keys = front.qna._store.keys(EVENT)
    await front.redis.zrem(keys.rank, q)  # as the moderation script does, before its log entry is here
    assert (await ben.vote(q))["code"] == "not_votable"


async def test_only_staff_moderates(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = (await anna.ask())["r"]["q"]
    before = refused("qna_forbidden")
    for role in (Role.VIEWER, Role.BOT, Role.PRESENTER):
        page = await front.page(f"some-{role}", role)
        for to in ("published", "declined", "now", "next", "hidden", "answered"):
            assert (await page.mod(q, "pending", to))["code"] == "forbidden"
        assert (await page.box(mode="post"))["code"] == "forbidden"
        assert (await page.box(open=False))["code"] == "forbidden"
    assert refused("qna_forbidden") - before == 24
    snap = await console.hello()
    assert snap["questions"][0]["state"] == "pending"
    assert snap["box"] == {"mode": "pre", "open": True}


async def test_wrong_moderation_is_refused_with_its_codes(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = (await anna.ask())["r"]["q"]
    assert (await console.mod(q, "pending", "answered"))["code"] == "bad_move"
    assert (await console.mod(q, "pending", "merged"))["code"] == "bad_message"
    assert (await console.mod("q404", "pending", "published"))["code"] == "unknown_question"
    assert (await console.mod("../../x", "pending", "published"))["code"] == "unknown_question"
    assert (await console.mod(q, "pending", "declined", reason="x" * 201))["code"] == "too_long"
    assert (await console.mod(q, "pending", "published", cid="no {cid}"))["code"] == "bad_cid"
    stale = await console.mod(q, "published", "now")
    assert (stale["code"], stale["current"]) == ("stale_state", "pending")


async def test_a_fourth_question_in_a_minute_waits(valkey: Embedded, signer: Signer) -> None:
    async with Front(valkey.url, signer, Limits()) as front:
        page = await front.page("anna")
        cids = [new_cid() for _ in range(3)]
        first = [await page.ask(cid=cid) for cid in cids]
        fourth = await page.ask()
        assert fourth["code"] == "rate_limited"
        assert 0 < fourth["retry_ms"] <= 20_000
        again = [await page.ask(cid=cid) for cid in cids]
        assert [a["r"]["q"] for a in again] == [a["r"]["q"] for a in first]


async def test_an_event_takes_no_more_questions_than_the_operator_set(valkey: Embedded, signer: Signer) -> None:
    limits = LimitSettings(questions_per_event=2, asks_per_minute=60)
    async with Front(valkey.url, signer, limits) as front:
        page = await front.page("anna")
        answers = [await page.ask() for _ in range(3)]
        assert [answer["t"] for answer in answers] == ["ok", "ok", "err"]


async def test_thirty_one_votes_in_a_minute_are_one_too_many_over_all_tabs(valkey: Embedded, signer: Signer) -> None:
    async with Front(valkey.url, signer, Limits(asks_per_minute=60)) as front:
        console, anna = await front.console(), await front.page("anna")
        q = await published(console, anna)
        tabs = [await front.page("ben") for _ in range(2)]
        answers = [await tabs[n % 2].vote(q, on=n % 2 == 0) for n in range(31)]
        assert [a["t"] for a in answers] == ["ok"] * 30 + ["err"]
        assert answers[-1]["code"] == "rate_limited"
        assert answers[-1]["retry_ms"] > 0


async def test_what_comes_too_fast_is_read_slower_and_not_lost(valkey: Embedded, signer: Signer) -> None:
    async with Front(valkey.url, signer, Limits()) as front:
        page = await front.page("anna")
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(socket.MESSAGE_BURST + 10):
            await page.socket.send_str("{}")
        for _ in range(socket.MESSAGE_BURST + 10):
            await page.hear("err")
        assert loop.time() - began > 0.8  # ten over the burst, ten a second


async def test_many_commands_of_many_people_are_all_answered(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    people = [await front.page(f"person{n}") for n in range(40)]
    answers = await asyncio.gather(*(page.vote(q) for page in people))
    assert max(a["r"]["votes"] for a in answers) == 40
    await anna.hear(lambda m: m["t"] == "tally" and m["q"].get(q) == 40)


async def test_two_hundred_votes_of_one_person_over_four_tabs_count_once(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    q = await published(console, anna)
    tabs = [await front.page("ben") for _ in range(4)]
    answers = await asyncio.gather(*(tabs[n % 4].vote(q) for n in range(200)))
    assert {json.dumps(a["r"]) for a in answers} == {'{"votes": 1}'}


# what the log says to the pages


async def test_a_declined_question_tells_its_author_why_and_nobody_else(front: Front) -> None:
    console, anna, ben = await front.console(), await front.page("anna"), await front.page("ben")
    q = (await anna.ask())["r"]["q"]
    await console.mod(q, "pending", "declined", reason="Was answered last week")
    told = (await anna.event("q.state", q=q))["d"]
    assert (told["to"], told["reason"]) == ("declined", "Was answered last week")
    other = await published(console, anna, "A question that is published after it")
    await ben.event("q.state", q=other)
    assert q not in json.dumps(ben.heard)


async def test_now_moves_the_one_before_to_answered_in_the_same_step(front: Front) -> None:
    console, anna = await front.console(), await front.page("anna")
    first = await published(console, anna, "The first question of all")
    second = await published(console, anna, "The second question of all")
    await console.mod(first, "published", "now")
    await console.mod(second, "published", "now")
    await anna.event("q.state", q=first, to="now")
    answered = await anna.event("q.state", q=first, to="answered")
    now = await anna.event("q.state", q=second, to="now")
    assert now["prev"] == answered["id"]


async def test_box_and_event_changes_reach_every_page(front: Front) -> None:
    await front.qna.open_board(EVENT, Moderation.POST)
    console, anna = await front.console(), await front.page("anna")
    assert (await console.box(mode="pre"))["r"] == {"mode": "pre", "open": True}
    assert (await anna.event("box"))["d"] == {"mode": "pre", "open": True}
    await console.box(open=False)
    assert (await anna.event("box"))["d"] == {"mode": "pre", "open": False}
    assert (await anna.ask())["code"] == "box_closed"
    await front.qna.event_state(EVENT, EventState.LIVE, 12.5)
    assert (await anna.event("event.state"))["d"] == {"state": "live", "at": 12_500}
    await front.qna.event_state(EVENT, EventState.LIVE, 99.0)
    await front.qna.event_state(EVENT, EventState.ENDED, 20.0)
    assert (await anna.event("event.state"))["d"] == {"state": "ended", "at": 20_000}
    assert (await anna.hello())["event"] == {"state": "ended", "live_at_ms": 12_500, "ended_at_ms": 20_000}


async def test_the_audience_is_counted_in_people(front: Front) -> None:
    console = await front.console()
    tabs = [await front.page("anna"), await front.page("anna"), await front.page("ben")]
    await console.hear(lambda m: m["t"] == "tally" and m["aud"] == 2)
    await tabs[2].close()
    await console.hear(lambda m: m["t"] == "tally" and m["aud"] == 1)


# how it ends


async def test_a_socket_that_does_not_answer_pings_is_closed(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HEARTBEAT_S", 0.2)
    page = await front.connect(front.ticket("anna"), autoping=False)
    await page.hello()
    assert await page.closed() in (1000, 1006)


async def test_pages_get_a_sign_of_life(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PING_S", 0.1)
    page = await front.page("anna")
    await page.hear("ping")
    await page.say(t="pong")
    assert (await page.ask())["t"] == "ok"


async def test_a_front_that_stops_sends_everybody_away_spread_out(valkey: Embedded, signer: Signer) -> None:
    async with Front(valkey.url, signer) as front:
        pages = [await front.page(f"person{n}") for n in range(8)]
        closing = asyncio.create_task(front.qna.close())
        goodbyes = [await dismissed(page) for page in pages]
        await closing
        assert {(bye["code"], close) for bye, close in goodbyes} == {("going_away", 1012)}
        assert len({bye["retry_ms"] for bye, _ in goodbyes}) > 1
        assert all(0 <= bye["retry_ms"] <= 5000 for bye, _ in goodbyes)


async def test_viewers_who_vanish_leave_nothing_behind(front: Front) -> None:
    console = await front.console()
    pages = [await front.page("anna") for _ in range(10)]
    await console.hear(lambda m: m["t"] == "tally" and m["aud"] == 1)
    for page in pages:
        await page.cut()
    await console.hear(lambda m: m["t"] == "tally" and m["aud"] == 0)
    assert len(front.qna._conversations) == 1
    assert len(front.qna._persons) == 1
