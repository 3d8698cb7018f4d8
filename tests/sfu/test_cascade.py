"""Edges behind edges: what crosses the line between them, and what a viewer notices when one of them goes."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from plenum.media import ProgrammeState
from plenum.wire import Kind, Move, Resume, Subscribe, Unsubscribe, as_move, encode_client, pack_move
from sfu import demand, pull, relay
from sfu.frames import frame, websocket_prefix
from sfu.room import Room
from sfu.window import Heard
from tests.sfu.feed_front import EVENT, Front, StartFront, Watcher, held_requests, until
from tests.sfu.feed_media import AUDIO, LARGE, SMALL, Film
from tests.sfu.feed_origin import Origin


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "STEER_EVERY_S", 0.01)


@pytest.fixture
async def edge(front: Front, start_front: StartFront) -> Front:
    """An edge on another machine: it reaches the front over TCP."""
    return await start_front(front.base)


def room(of: Front) -> Room:
    found = of.delivery.find(EVENT)
    assert found is not None
    return found


def crosses(upstream: Front) -> set[str]:
    """What the edge below takes, as its upstream sees it."""
    found = upstream.delivery.find(EVENT)
    return found.demand() if found else set()


async def show(origin: Origin, film: Film, *segments: int) -> None:
    for msn in segments:
        for message in film.parts(msn):
            await origin.tell(message)


async def places(watcher: Watcher, count: int, rendition: int = LARGE.id) -> list[tuple[int, int]]:
    headers = [await watcher.until(Kind.PART, rendition) for _ in range(count)]
    return [(header.msn, header.part) for header in headers]


def whole(*segments: int) -> list[tuple[int, int]]:
    return [(msn, part) for msn in segments for part in range(10)]


async def test_only_what_somebody_watches_crosses_the_line(
    origin: Origin, film: Film, front: Front, edge: Front
) -> None:
    await origin.begin(film, 1)
    watchers = [await edge.watch("180p", "audio"), await edge.watch("180p")]
    for watcher in watchers:
        await watcher.until(Kind.PART, SMALL.id)
    assert crosses(front) == {"180p", "audio"}
    assert len(room(front)) == 1
    assert room(front).viewers == 0  # an edge is no person
    assert room(edge).viewers == 2


async def test_where_nobody_watches_only_the_programmes_state_crosses_the_line(
    origin: Origin, film: Film, front: Front, edge: Front
) -> None:
    await origin.begin(film, 1)
    watcher = await edge.watch()
    await watcher.until(Kind.RENDITIONS)
    assert crosses(front) == set()
    await origin.turn(ProgrammeState.SLATE)
    await watcher.until(Kind.RENDITIONS)
    assert room(edge).relay.window.size == 0


async def test_a_rendition_wanted_later_begins_with_the_current_segment(
    origin: Origin, film: Film, front: Front, edge: Front
) -> None:
    await origin.begin(film, 2)
    await (await edge.watch("180p")).until(Kind.PART, SMALL.id)
    late = await edge.watch("360p")
    assert await places(late, 10) == whole(1)
    assert crosses(front) == {"180p", "360p"}


async def test_a_rendition_nobody_takes_any_more_is_dropped_after_a_while_and_may_come_back(
    origin: Origin, film: Film, front: Front, edge: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "PUSH_LINGER_S", 0.2)
    await origin.begin(film, 1)
    watcher = await edge.watch("360p", "audio")
    assert await places(watcher, 10) == whole(0)
    await watcher.socket.send_str(encode_client(Subscribe(("audio",))))
    await until(lambda: room(edge).demand() == {"audio"})
    assert crosses(front) == {"360p", "audio"}  # it lingers
    await until(lambda: crosses(front) == {"audio"})
    await show(origin, film, 1, 2)
    await watcher.until(Kind.PART, AUDIO.id)
    await until(lambda: room(edge).relay.window.flowing == {"audio"})
    await watcher.socket.send_str(encode_client(Subscribe(("360p", "audio"))))
    assert await places(watcher, 10) == whole(2)
    await watcher.socket.send_str(encode_client(Unsubscribe()))
    await until(lambda: crosses(front) == set())


async def test_names_that_somebody_made_up_are_never_asked_for(
    origin: Origin, film: Film, front: Front, edge: Front
) -> None:
    await origin.begin(film, 1)
    await (await edge.watch("360p", "x" * 5000, "1080p")).until(Kind.PART)
    assert crosses(front) == {"360p"}


async def test_an_edge_takes_what_ll_hls_players_ask_for(origin: Origin, film: Film, front: Front, edge: Front) -> None:
    await origin.begin(film, 1)
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(_text(edge, "180p/media.m3u8"))
        await until(lambda: crosses(front) == {"180p"})
        await until(lambda: room(edge).relay.window.flowing == {"180p"})
        await show(origin, film, 1)
    assert "0.m4s" in reading.result()
    assert "1.m4s" in reading.result()
    assert "RENDITION-REPORT" not in reading.result()  # of what is not held here nothing is known


async def test_what_ll_hls_players_stopped_asking_for_is_dropped(
    origin: Origin, film: Film, front: Front, edge: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demand, "PULL_LINGER_S", 0.3)
    await origin.begin(film, 2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await _text(edge, "180p/media.m3u8")
    await until(lambda: crosses(front) == {"180p"})
    await until(lambda: crosses(front) == set())
    assert room(edge).relay.window.size == 0


async def _text(edge: Front, name: str) -> str:
    async with edge.http.get(f"{edge.hls}/{name}") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_an_edge_may_stand_behind_an_edge(
    origin: Origin, film: Film, front: Front, edge: Front, start_front: StartFront
) -> None:
    far = await start_front(edge.base)
    await origin.begin(film, 1)
    assert await places(await far.watch("360p"), 10) == whole(0)
    await far.watch("180p")
    await until(lambda: crosses(front) == {"360p", "180p"})
    assert crosses(edge) == {"360p", "180p"}


async def test_an_upstream_that_restarts_cold_is_resumed_without_a_gap(
    origin: Origin, film: Film, front: Front, start_front: StartFront
) -> None:
    """The edge between has lost all it held: it fetches what the one below missed from further up."""
    between = await start_front(front.base)
    port, base = between.port, between.base
    far = await start_front(base)
    await origin.begin(film, 2)
    watcher = await far.watch("360p")
    assert await places(watcher, 10) == whole(1)
    await between.vanish()
    await show(origin, film, 2, 3)
    again = await start_front(front.base, port=port)
    assert again.port == port
    await show(origin, film, 4)
    assert await places(watcher, 30) == whole(2, 3, 4)
    assert not watcher.socket.closed


async def test_a_viewer_who_comes_from_another_edge_misses_nothing_on_one_that_was_idle(
    origin: Origin, film: Film, front: Front, edge: Front
) -> None:
    await origin.begin(film, 1)
    await (await front.watch("360p")).until(Kind.PART)
    await show(origin, film, 1, 2, 3)
    viewer = await edge.watch(first=Resume(epoch=1, msn=2, part=6, renditions=("360p",)))
    assert await places(viewer, 13) == [(2, part) for part in (7, 8, 9)] + whole(3)


async def test_with_two_upstreams_the_next_one_takes_over(origin: Origin, film: Film, start_front: StartFront) -> None:
    first, second = await start_front(), await start_front()
    edge = await start_front(first.base, second.base)
    await origin.begin(film, 1)
    watcher = await edge.watch("360p")
    assert await places(watcher, 10) == whole(0)
    await first.vanish()
    await until(lambda: crosses(second) == {"360p"})
    await show(origin, film, 1)
    assert await places(watcher, 10) == whole(1)


async def test_an_upstream_that_says_move_is_left_for_the_next(
    origin: Origin, film: Film, start_front: StartFront
) -> None:
    first, second = await start_front(), await start_front()
    edge = await start_front(first.base, second.base)
    await origin.begin(film, 1)
    watcher = await edge.watch("360p")
    assert await places(watcher, 10) == whole(0)
    next(iter(room(first)._clients)).write(_framed(pack_move(Move("draining", 8000))))
    await until(lambda: crosses(second) == {"360p"} and len(room(first)) == 0)
    await show(origin, film, 1)
    assert await places(watcher, 10) == whole(1)


async def test_an_upstream_that_falls_silent_is_left(
    origin: Origin, film: Film, start_front: StartFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    front = await start_front()
    edge = await start_front(front.base, front.base)
    await origin.begin(film, 1)
    await (await edge.watch("360p")).until(Kind.PART)
    before = room(edge).relay._number
    monkeypatch.setattr(relay, "SILENT_S", 0.1)
    await show(origin, film, 1)
    await until(lambda: room(edge).relay._number > before)


async def test_an_upstream_that_stands_behind_takes_nothing_back(
    origin: Origin, film: Film, front: Front, edge: Front
) -> None:
    await origin.begin(film, 3)
    watcher = await edge.watch("360p")
    assert await places(watcher, 10) == whole(2)
    window = room(edge).relay.window
    window.stop({"360p"})
    heard = [window.accept(frame(message)) for message in film.parts(1)]
    assert Heard.PART not in heard


def _framed(message: bytes) -> bytes:
    return websocket_prefix(len(message)) + message


async def test_viewers_are_moved_one_after_the_other_and_served_until_they_have_left(
    origin: Origin, film: Film, start_front: StartFront, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.delivery.MOVES_PER_S", 20)
    front = await start_front()
    await origin.begin(film, 1)
    watchers = [await front.watch("360p") for _ in range(4)]
    for watcher in watchers:
        await places(watcher, 10)
    front.delivery.refuse_new()
    moving = asyncio.create_task(front.delivery.move_all(5.0))
    left_ms = []
    for watcher in watchers:
        while True:
            header, payload = await watcher.next()
            if header.kind is Kind.MOVE:
                left_ms.append(as_move(payload).within_ms)
                break
    assert left_ms[0] - left_ms[-1] >= 100
    await show(origin, film, 1)
    for watcher in watchers:
        assert await places(watcher, 10) == whole(1)
    assert not moving.done()
    for watcher in watchers:
        await watcher.socket.close()
    await asyncio.wait_for(moving, 2.0)


async def test_an_edge_that_is_about_to_stop_takes_nobody_new(origin: Origin, film: Film, front: Front) -> None:
    await origin.begin(film, 2)
    await (await front.watch("360p")).until(Kind.PART)
    front.delivery.refuse_new()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await front.watch("360p")
    assert refused.value.status == 503
    async with front.http.get(f"{front.hls}/index.m3u8") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_an_edge_that_is_about_to_stop_goes_on_with_media_until_no_player_asks_for_any(
    origin: Origin, film: Film, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "QUIET_S", 0.4)
    await origin.begin(film, 2)
    watcher = await front.watch("360p")
    await places(watcher, 10)
    await watcher.socket.close()
    await until(lambda: room(front).viewers == 0)
    assert await _status(front, "360p/1.m4s") == 200  # a player is here
    front.delivery.refuse_new()
    moving = asyncio.create_task(front.delivery.move_all(10.0))
    for _ in range(4):
        assert await _status(front, "360p/1.0.m4s") == 200
        await asyncio.sleep(0.2)
        assert not moving.done()
    asked = [await _status(front, name) for name in ("index.m3u8", "360p/media.m3u8", "dvr.m3u8", "360p/dvr.m3u8")]
    assert asked[:2] == [503, 503]
    async with front.http.get(f"{front.hls}/360p/media.m3u8") as answer:
        assert (await answer.json(content_type="application/problem+json"))["code"] == "draining"
    async with asyncio.timeout(2):  # playlists that are refused keep nobody here
        while not moving.done():
            assert await _status(front, "360p/media.m3u8") == 503
            await asyncio.sleep(0.1)


async def test_requests_that_are_held_are_answered_when_an_edge_stops(origin: Origin, film: Film, front: Front) -> None:
    await origin.begin(film, 2)
    await (await front.watch("360p")).until(Kind.PART)
    async with asyncio.TaskGroup() as group:
        held = group.create_task(_status(front, "360p/media.m3u8?_HLS_msn=2&_HLS_part=0"))
        await until(lambda: held_requests() == 1)
        front.delivery.release_held()
    assert held.result() == 503


async def _status(front: Front, name: str) -> int:
    async with front.http.get(f"{front.hls}/{name}") as answer:
        return answer.status
