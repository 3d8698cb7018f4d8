"""The push feed's endpoint: who gets in, what a client may say, slow readers, farewells."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from functools import partial

import aiohttp
import pytest
from prometheus_client import REGISTRY

from plenum.clock import SystemClock
from plenum.identity import Principal, Role, Session
from plenum.media import Part
from plenum.places import Places
from plenum.web import SESSION_COOKIE
from plenum.wire import (
    SUBPROTOCOL,
    Bye,
    Kind,
    Progress,
    Resume,
    Subscribe,
    Unsubscribe,
    as_bye,
    encode_client,
    pack_part,
    pack_programme,
)
from sfu import push
from sfu.room import Room
from tests.sfu.feed_front import EVENT, FEED, TENANT, Front, Sloth, StartFront, Watcher, sample, until
from tests.sfu.feed_media import AUDIO, LARGE, SMALL, Film
from tests.sfu.feed_origin import Origin


async def open_raw(front: Front, **headers: str) -> aiohttp.ClientWebSocketResponse:
    return await front.http.ws_connect(FEED, protocols=(SUBPROTOCOL,), headers=headers, max_msg_size=0)


def bearer(front: Front, role: Role = Role.VIEWER, event: str = EVENT) -> str:
    return "Bearer " + front.ticket(role, event=event)


async def farewell(watcher: Watcher) -> tuple[Bye, int | None]:
    """The bye that comes, and the close code after it."""
    while True:
        header, payload = await watcher.next()
        if header.kind is Kind.BYE:
            return as_bye(payload), await watcher.closed()


async def refused(front: Front, **headers: str) -> tuple[int, str]:
    """Status and code of an upgrade that is refused."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": SUBPROTOCOL,
    }
    async with front.http.get(FEED, headers=upgrade | headers) as answer:
        return answer.status, (await answer.json(content_type="application/problem+json"))["code"]


# Getting in


@pytest.mark.parametrize("origin_header", ["https://evil.example", "null", "", "http://127.0.0.1:1", None])
async def test_a_page_of_another_site_gets_no_socket(front: Front, origin_header: str | None) -> None:
    headers = {} if origin_header is None else {"Origin": origin_header}
    assert await refused(front, **headers) == (403, "foreign_origin")


async def test_a_bad_bearer_ticket_is_refused_before_the_upgrade(front: Front) -> None:
    assert (await refused(front, Authorization="Bearer nonsense"))[0] == 401
    assert (await refused(front, Authorization=bearer(front, event="another")))[0] == 401


async def test_a_socket_without_our_subprotocol_is_refused(front: Front) -> None:
    answer = await refused(front, Authorization=bearer(front), **{"Sec-WebSocket-Protocol": "chat"})
    assert answer == (400, "bad_subprotocol")


async def test_a_page_of_ours_gets_in_by_the_ticket_in_its_first_message(front: Front) -> None:
    feed = await open_raw(front, Origin=front.base)
    await feed.send_str(encode_client(Subscribe(ticket=front.ticket())))
    assert (await Watcher(feed).next())[0].kind is Kind.RENDITIONS
    await feed.close()


async def test_a_page_of_ours_gets_in_by_a_ticket_for_the_feed_alone(front: Front) -> None:
    ticket = front.signer.feed_ticket(Principal(TENANT, EVENT, Role.PRODUCER, "ada"), SystemClock().wall())
    feed = await open_raw(front, Origin=front.base)
    await feed.send_str(encode_client(Subscribe(ticket=ticket)))
    assert (await Watcher(feed).next())[0].kind is Kind.RENDITIONS
    await feed.close()


async def test_a_page_of_ours_gets_in_by_its_session_cookie(front: Front) -> None:
    now = SystemClock().wall()
    session = Session(TENANT, "somebody", "Some Body", {EVENT: Role.VIEWER}, now + 600)
    cookie = f"{SESSION_COOKIE}={front.signer.session(session, now)}"
    feed = await open_raw(front, Origin=front.base, Cookie=cookie)
    await feed.send_str(encode_client(Subscribe()))
    assert (await Watcher(feed).next())[0].kind is Kind.RENDITIONS
    await feed.close()


@pytest.mark.parametrize("ticket", ["", "nonsense"])
async def test_a_page_without_a_valid_ticket_is_told_so(front: Front, ticket: str) -> None:
    feed = await open_raw(front, Origin=front.base)
    await feed.send_str(encode_client(Subscribe(ticket=ticket)))
    bye, code = await farewell(Watcher(feed))
    assert (bye.code, bye.retry_ms, code) == ("bad_ticket", -1, 4401)
    assert front.delivery.find(EVENT) is None


async def test_who_says_nothing_is_closed(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "FIRST_MESSAGE_S", 0.05)
    bye, code = await farewell(Watcher(await open_raw(front, Authorization=bearer(front))))
    assert (bye.code, code) == ("no_subscription", 1008)


async def test_an_impossible_event_name_is_refused(front: Front) -> None:
    async with front.http.get("/live/No_Such/feed", headers={"Authorization": bearer(front)}) as answer:
        assert answer.status == 400


async def test_a_full_event_sheds_and_says_when_to_come_back(start_front: StartFront) -> None:
    front = await start_front(viewers_per_event=1)
    await (await front.watch()).next()
    assert await refused(front, Authorization=bearer(front)) == (503, "too_many_viewers")


async def test_a_full_event_takes_the_second_line_of_who_is_counted_and_nobody_else(
    front: Front, start_front: StartFront
) -> None:
    front = await start_front(viewers_per_event=2)
    for number in range(2):  # two people, two lines each
        await (await front.watch("360p", subject=f"person-{number}")).next()
        beside = await front.watch(first=Subscribe(("audio",), beside=True), subject=f"person-{number}")
        assert (await beside.next())[0].kind is Kind.RENDITIONS
    room = front.delivery.find(EVENT)
    assert room is not None
    assert (room.viewers, len(room)) == (2, 4)
    assert await refused(front, Authorization=bearer(front)) == (503, "too_many_viewers")
    # Who is known only by the first message is told there; `beside` alone opens no door.
    for first in (Subscribe(("audio",), ticket=front.ticket()), Subscribe((), front.ticket(), beside=True)):
        feed = await open_raw(front, Origin=front.base)
        await feed.send_str(encode_client(first))
        bye, _ = await farewell(Watcher(feed))
        assert bye.code == "too_many_viewers"
    bye, _ = await farewell(await front.watch("360p", subject="person-0"))
    assert (bye.code, bye.retry_ms > 0) == ("too_many_viewers", True)


async def test_sockets_of_other_tiers_take_places_too_and_give_them_back(start_front: StartFront) -> None:
    places = Places(2)
    front = await start_front(places=places)
    with places.one():  # a question socket
        watcher = await front.watch()
        await watcher.next()
        assert await refused(front, Authorization=bearer(front)) == (503, "too_many_viewers")
    await watcher.socket.close()
    await until(lambda: places.taken == 0)
    await (await front.watch()).next()


async def test_one_person_has_a_bounded_number_of_sockets(start_front: StartFront) -> None:
    front = await start_front(sockets_per_person=2)
    for _ in range(2):
        await (await front.watch(subject="somebody")).next()
    bye, code = await farewell(await front.watch(subject="somebody"))
    assert (bye.code, code) == ("too_many_sockets", 4429)
    assert bye.retry_ms > 0
    assert (await (await front.watch(subject="somebody else")).next())[0].kind is Kind.RENDITIONS


async def test_a_socket_that_closed_gives_its_place_back(start_front: StartFront) -> None:
    front = await start_front(sockets_per_person=1)
    first = await front.watch(subject="somebody")
    await first.next()
    await first.socket.close()
    await until(lambda: front.delivery.viewers(EVENT) == 0)
    assert (await (await front.watch(subject="somebody")).next())[0].kind is Kind.RENDITIONS


async def test_an_edge_further_down_is_no_viewer(front: Front) -> None:
    feed = await open_raw(front, Authorization=bearer(front, Role.ADMIN, "*"))
    await feed.send_str(encode_client(Subscribe(("*",))))
    await Watcher(feed).next()
    assert front.delivery.viewers(EVENT) == 0
    await feed.close()


async def test_an_edge_that_was_away_gets_all_that_it_missed(front: Front, origin: Origin, film: Film) -> None:
    await (await front.watch()).next()
    await origin.begin(film, 4)
    room = front.delivery.find(EVENT)
    assert room is not None
    await until(lambda: room.relay.window.resume_point() == (3, 9))
    edge = Watcher(await open_raw(front, Authorization=bearer(front, Role.ADMIN, "*")))
    await edge.socket.send_str(encode_client(Resume(1, 0, 0, renditions=("*",))))
    seen = [(await edge.next())[0] for _ in range(1 + 3 + 4 * 31 - 3)]
    large = [(h.msn, h.part) for h in seen if h.kind is Kind.PART and h.rendition == LARGE.id]
    assert large == [(msn, part) for msn in range(4) for part in range(10)][1:]
    await edge.socket.close()


# What a client may say


@pytest.mark.parametrize(
    ("message", "code", "close_code"),
    [
        ("not json", "bad_message", 1008),
        ('{"t":"subscribe","renditions":"720p"}', "bad_message", 1008),
        ('{"t":"dance"}', "bad_message", 1008),
        ("[" * 5000, "bad_message", 1008),
        (b"\x01\x02", "not_text", 1003),
    ],
)
async def test_a_client_that_talks_nonsense_is_told_and_closed(
    front: Front, message: str | bytes, code: str, close_code: int
) -> None:
    watcher = await front.watch()
    await watcher.next()
    await (watcher.socket.send_str(message) if isinstance(message, str) else watcher.socket.send_bytes(message))
    bye, closed = await farewell(watcher)
    assert (bye.code, closed) == (code, close_code)


async def test_a_message_that_is_too_large_closes(front: Front) -> None:
    watcher = await front.watch()
    await watcher.next()
    await watcher.socket.send_str("x" * 20_000)
    assert await watcher.closed() == 1009


async def test_a_client_that_does_not_mask_its_frames_is_closed(front: Front) -> None:
    watcher = await front.watch()
    await watcher.next()
    connection = watcher.socket._response.connection
    assert connection is not None and connection.transport is not None
    connection.transport.write(b"\x81\x0f" + b'{"t":"progress"')  # RFC 6455 5.1
    assert await watcher.closed() == 1002


async def test_a_client_that_talks_too_much_is_closed(front: Front) -> None:
    watcher = await front.watch()
    await watcher.next()
    for _ in range(40):
        await watcher.socket.send_str(encode_client(Progress(1, 1, 500)))
    bye, code = await farewell(watcher)
    assert (bye.code, code) == ("rate_limited", 4429)


async def test_a_switch_starts_with_init_and_an_independent_part(front: Front, origin: Origin, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch("360p", "audio")
    for _ in range(10):
        await watcher.until(Kind.PART, LARGE.id)
    await watcher.socket.send_str(encode_client(Subscribe(("180p", "audio"))))
    room = front.delivery.find(EVENT)
    assert room is not None
    client = next(iter(room._clients))
    await until(lambda: SMALL.id in client.viewer.renditions)
    for message in film.parts(1):
        await origin.tell(message)
    first = await watcher.until(Kind.INIT)
    part = await watcher.until(Kind.PART, SMALL.id)
    assert (first.rendition, part.msn, part.part, bool(part.flags & 1)) == (SMALL.id, 1, 0, True)
    assert client.viewer.renditions == [AUDIO.id, SMALL.id]


async def test_a_viewer_that_unsubscribed_hears_of_the_programme_only(front: Front, origin: Origin, film: Film) -> None:
    await origin.begin(film, 1)
    watcher = await front.watch("360p")
    for _ in range(10):
        await watcher.until(Kind.PART)
    await watcher.socket.send_str(encode_client(Unsubscribe()))
    room = front.delivery.find(EVENT)
    assert room is not None
    client = next(iter(room._clients))
    await until(lambda: client.viewer.renditions == [])
    for message in film.parts(1):
        await origin.tell(message)
    await origin.turn(origin.programme.state)
    assert (await watcher.next())[0].kind is Kind.RENDITIONS


async def test_a_viewer_that_comes_back_gets_what_it_missed_and_nothing_twice(
    front: Front, origin: Origin, film: Film
) -> None:
    await origin.begin(film, 3)
    await (await front.watch("*")).next()
    await until(lambda: front.delivery.find(EVENT) is not None)
    room = front.delivery.find(EVENT)
    assert room is not None
    await until(lambda: room.relay.window.resume_point() == (2, 9))
    watcher = await front.watch(first=Resume(epoch=1, msn=2, part=6, renditions=("360p",)))
    kinds = [(h.kind, h.msn, h.part) for h in [(await watcher.next())[0] for _ in range(5)]]
    assert kinds[1:] == [(Kind.INIT, 0, 0), (Kind.PART, 2, 7), (Kind.PART, 2, 8), (Kind.PART, 2, 9)]


# Farewells


async def test_on_shutdown_every_viewer_is_told_to_come_back(front: Front) -> None:
    watchers = [await front.watch() for _ in range(4)]
    for watcher in watchers:
        await watcher.next()
    farewells, _ = await asyncio.gather(
        asyncio.gather(*(farewell(watcher) for watcher in watchers)), front.delivery.drain()
    )
    assert {(bye.code, code) for bye, code in farewells} == {("restarting", 1012)}
    assert len({bye.retry_ms for bye, _ in farewells}) == 4


async def test_a_server_that_stops_says_so_before_it_closes(front: Front) -> None:
    watcher = await front.watch()
    await watcher.next()
    _, told = await asyncio.gather(front.stop(), farewell(watcher))
    assert (told[0].code, told[1]) == ("restarting", 1012)


async def test_a_viewer_that_resets_its_connection_leaves_no_trace_in_the_log(
    front: Front, origin: Origin, film: Film, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    await origin.begin(film, 1)
    for _ in range(3):
        watcher = await front.watch("360p")
        await watcher.until(Kind.PART)
        transport = watcher.socket._response.connection.transport  # type: ignore[union-attr]
        link = transport.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        for message in film.parts(1)[:3]:
            await origin.tell(message)
    await until(lambda: front.delivery.viewers(EVENT) == 0)
    assert "Traceback" not in caplog.text + capsys.readouterr().out
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


# Slow readers (R21)


def fat_parts(msn: int, size: int) -> list[bytes]:
    """A segment of the large rendition whose parts have this size, and the sound beside it."""

    def part(rendition: int, index: int, length: int, ticks: int) -> bytes:
        start = (msn * 10 + index) * ticks
        return pack_part(
            Part(
                rendition,
                1,
                1,
                msn,
                index,
                start,
                ticks,
                0,
                index == 0 or rendition == 2,
                index == 9,
                False,
                bytes(length),
            )
        )

    return [message for i in range(10) for message in (part(0, i, size, 18_000), part(2, i, 3_000, 9_600))]


async def test_a_slow_reader_skips_and_is_sent_away_while_fast_ones_get_every_part(
    front: Front, origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.client.FAREWELL_S", 0.1)
    await origin.begin(film, 0)
    fast = [await front.watch("360p", "audio") for _ in range(5)]
    await until(lambda: front.delivery.viewers(EVENT) == 5)
    room = front.delivery.find(EVENT)
    assert room is not None
    quick = list(room._clients)
    slow = [await Sloth.watch(front, "360p", "audio", subject=f"sloth-{n}") for n in range(5)]
    await until(lambda: front.delivery.viewers(EVENT) == 10)
    skips, worst = sample("plenum_edge_skips_total"), 0

    async def read(watcher: Watcher) -> list[tuple[int, int]]:
        return [(h.msn, h.part) for h in [await watcher.until(Kind.PART, LARGE.id) for _ in range(150)]]

    readers = [asyncio.create_task(read(watcher)) for watcher in fast]

    def all_quick_have(parts: int) -> bool:
        return held_parts(room) == parts and not any(client.unsent for client in quick)

    for msn in range(15):
        for number, message in enumerate(fat_parts(msn, 60_000)):
            await origin.tell(message)
            await until(partial(all_quick_have, 20 * msn + number + 1))
            worst = max([worst, *(client.unsent for client in room._clients)])
    for reader in readers:
        assert await reader == [(msn, index) for msn in range(15) for index in range(10)]
    assert sample("plenum_edge_skips_total") >= skips + 5
    assert 100_000 < worst < 2 * 1024 * 1024
    await until(lambda: front.delivery.viewers(EVENT) == 5)
    for sloth in slow:
        sloth.writer.transport.abort()


async def test_who_never_reads_is_told_and_cut_off(
    front: Front, origin: Origin, film: Film, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.client.FAREWELL_S", 0.1)
    await origin.begin(film, 0)
    before = sample("plenum_edge_evicted_viewers_total", reason="too_slow")
    sloth = await Sloth.watch(front, "audio")
    await until(lambda: front.delivery.viewers(EVENT) == 1)
    room = front.delivery.find(EVENT)
    assert room is not None

    def told(msn: int) -> bool:
        track = room.relay.window.track("audio")
        return track is not None and track.last_closed == msn and not room._queue

    for msn in range(400):
        for message in fat_parts(msn, 10):
            await origin.tell(message)
        await until(partial(told, msn))
        if sample("plenum_edge_evicted_viewers_total", reason="too_slow") > before:
            break
    await until(lambda: front.delivery.viewers(EVENT) == 0)
    assert sample("plenum_edge_evicted_viewers_total", reason="too_slow") == before + 1
    sloth.writer.transport.abort()


def held_parts(room: Room) -> int:
    return sum(len(track.since(0)) for track in room.relay.window.tracks.values())


# Metrics


async def test_viewers_and_bytes_are_counted_by_event_and_never_by_viewer(
    front: Front, origin: Origin, film: Film
) -> None:
    before = sample("plenum_edge_sent_bytes_total", transport="push")
    await origin.begin(film, 1)
    for _ in range(4):
        await (await front.watch("360p")).until(Kind.PART)
    assert sample("plenum_edge_viewers", event=EVENT) == 0, "an office's four are nobody's business"
    assert sample("plenum_edge_renditions", event=EVENT, rendition="360p") == 0
    await (await front.watch("360p")).until(Kind.PART)
    assert sample("plenum_edge_viewers", event=EVENT) == 5
    assert sample("plenum_edge_renditions", event=EVENT, rendition="360p") == 5
    assert sample("plenum_edge_sent_bytes_total", transport="push") > before
    for family in REGISTRY.collect():
        if family.name.startswith("plenum_edge"):
            assert {label for one in family.samples for label in one.labels} <= {
                "event",
                "transport",
                "reason",
                "outcome",
                "direction",
                "rendition",
                "le",
            }
            assert re.fullmatch(r"[a-z_]+", family.name)


async def test_the_programme_is_told_first_and_on_every_change(front: Front, origin: Origin) -> None:
    watcher = await front.watch()
    _, payload = await watcher.next()
    assert bytes(payload) == pack_programme(origin.programme)[40:]
    await origin.end()
    assert [(await watcher.next())[0].kind for _ in range(3)] == [Kind.RENDITIONS, Kind.END, Kind.BYE]
    assert await watcher.closed() == 1000


async def test_a_second_line_is_no_second_viewer(front: Front) -> None:
    await (await front.watch("360p", subject="somebody")).next()
    line = await front.watch(first=Subscribe(("audio",), beside=True), subject="somebody")
    await line.next()
    room = front.delivery.find(EVENT)
    assert room is not None
    assert (front.delivery.viewers(EVENT), len(room)) == (1, 2)
    assert room._census._shown["360p"] == 1
    await line.socket.close()
    await until(lambda: len(room) == 1)
    assert front.delivery.viewers(EVENT) == 1
