"""LL-HLS over HTTP, from a running front with real media."""

from __future__ import annotations

import asyncio
import gzip
import io
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
import av
import pytest

from plenum.clock import SystemClock
from plenum.media import Part, ProgrammeState
from plenum.wire import pack_part
from sfu import pull
from tests.sfu.feed_front import EVENT, TENANT, Front, StartFront, held_requests, sample, until
from tests.sfu.feed_media import AUDIO, LARGE, Film
from tests.sfu.feed_origin import Origin
from tests.sfu.llhls_check import apply_delta, check, check_update, read, same_segments


@pytest.fixture
async def live(origin: Origin, front: Front, film: Film) -> Front:
    """A front that holds three whole segments of the programme."""
    watcher = await front.watch("*")  # keeps the relay, so that segments arrive here as they are told
    await watcher.socket.receive()
    await origin.begin(film, 3)
    await until(lambda: position(front) == (2, 9))
    return front


def position(front: Front, name: str = "360p") -> tuple[int, int] | None:
    room = front.delivery.find(EVENT)
    track = room.relay.window.track(name) if room is not None else None
    return track.position if track else None


async def fetch(front: Front, path: str, **headers: str) -> tuple[int, bytes, aiohttp.ClientResponse]:
    async with front.http.get(front.hls + path, headers=headers) as answer:
        return answer.status, await answer.read(), answer


async def status(front: Front, path: str) -> int:
    return (await fetch(front, path))[0]


async def code(front: Front, path: str) -> str:
    async with front.http.get(path) as answer:
        return str((await answer.json(content_type="application/problem+json"))["code"])


@asynccontextmanager
async def held(front: Front, path: str) -> AsyncIterator[asyncio.Task[tuple[int, bytes, aiohttp.ClientResponse]]]:
    """A request that is being held by the server when the block begins."""
    before = held_requests()
    task = asyncio.create_task(fetch(front, path))
    await until(lambda: held_requests() > before or task.done())
    assert not task.done(), task.result()
    try:
        yield task
    finally:
        task.cancel()


async def test_the_multivariant_playlist_leads_to_every_rendition(live: Front) -> None:
    answer, body, response = await fetch(live, "/index.m3u8")
    assert answer == 200
    assert response.content_type == "application/vnd.apple.mpegurl"
    uris = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert uris == ["360p/media.m3u8", "180p/media.m3u8"]
    for uri in [*uris, "audio/media.m3u8"]:
        assert await status(live, "/" + uri) == 200


async def test_init_and_segments_of_a_rendition_decode(live: Front) -> None:
    playlist = read((await fetch(live, "/360p/media.m3u8"))[1].decode())
    data = (await fetch(live, "/360p/" + playlist.segments[0].map_uri))[1]
    for segment in playlist.segments:
        data += (await fetch(live, "/360p/" + segment.uri))[1]
    with av.open(io.BytesIO(data)) as container:
        assert len(list(container.decode(video=0))) == 180


async def test_the_parts_of_a_segment_are_the_segment(live: Front) -> None:
    whole = (await fetch(live, "/audio/1.m4s"))[1]
    parts = [(await fetch(live, f"/audio/1.{index}.m4s"))[1] for index in range(11)]
    assert b"".join(parts) == whole


async def test_a_request_for_the_next_part_is_answered_when_it_comes(live: Front, origin: Origin, film: Film) -> None:
    async with held(live, "/360p/media.m3u8?_HLS_msn=3&_HLS_part=1") as waiting:
        parts = [message for message in film.parts(3) if message[2] == LARGE.id]
        await origin.tell(parts[0])
        await until(lambda: position(live) == (3, 0))
        assert not waiting.done()
        await origin.tell(parts[1])
        answer, body, _ = await waiting
    assert answer == 200
    assert read(body.decode()).edge == (3, 1)


async def test_a_part_of_another_rendition_does_not_answer_it(live: Front, origin: Origin, film: Film) -> None:
    async with held(live, "/360p/media.m3u8?_HLS_msn=3&_HLS_part=0") as waiting:
        await origin.tell(next(message for message in film.parts(3) if message[2] == AUDIO.id))
        await until(lambda: position(live, "audio") == (3, 0))
        assert not waiting.done()


async def test_a_request_for_a_whole_segment_waits_for_its_last_part(live: Front, origin: Origin, film: Film) -> None:
    async with held(live, "/360p/media.m3u8?_HLS_msn=3") as waiting:
        parts = [message for message in film.parts(3) if message[2] == LARGE.id]
        for message in parts[:-1]:
            await origin.tell(message)
        await until(lambda: position(live) == (3, 8))
        assert not waiting.done()
        await origin.tell(parts[-1])
        assert read((await waiting)[1].decode()).segments[-1].msn == 3


async def test_the_hinted_part_is_waited_for(live: Front, origin: Origin, film: Film) -> None:
    hint = read((await fetch(live, "/360p/media.m3u8"))[1].decode()).hint
    async with held(live, "/360p/" + hint) as waiting:
        await origin.tell(next(message for message in film.parts(3) if message[2] == LARGE.id))
        answer, body, response = await waiting
    assert (answer, body) == (200, film.media[0].segments[3][0].data)
    assert "immutable" in response.headers["Cache-Control"]


async def test_a_hinted_part_that_never_comes_is_not_found(live: Front, origin: Origin, film: Film) -> None:
    parts = {message[2]: message for message in reversed(film.parts(3))}
    await origin.tell(parts[LARGE.id])
    await until(lambda: position(live) == (3, 0))
    async with held(live, "/360p/3.1.m4s") as waiting:
        # The encoder died: segment 4 begins without the rest of 3.
        await origin.tell(next(message for message in film.parts(4) if message[2] == LARGE.id))
        assert (await waiting)[0] == 404


async def test_what_waits_is_answered_when_the_event_ends(live: Front, origin: Origin) -> None:
    async with held(live, "/360p/media.m3u8?_HLS_msn=3&_HLS_part=0") as waiting:
        await origin.end()
        answer, body, _ = await waiting
    assert answer == 200
    assert read(body.decode()).ended


async def test_after_three_target_durations_a_request_is_told_to_come_back(live: Front) -> None:
    started = asyncio.get_running_loop().time()
    answer, _, response = await fetch(live, "/360p/media.m3u8?_HLS_msn=3&_HLS_part=0")
    assert answer == 503
    assert response.headers["Retry-After"] == "1"
    assert 5.9 < asyncio.get_running_loop().time() - started < 8


async def test_no_more_requests_are_held_than_the_limit(start_front: StartFront, origin: Origin, film: Film) -> None:
    await origin.begin(film, 3)
    front = await start_front(held_reloads=2)
    ready = "/360p/media.m3u8?_HLS_msn=2&_HLS_part=0"
    assert await status(front, ready) == 200
    path = "/360p/media.m3u8?_HLS_msn=3&_HLS_part=0"
    async with held(front, path), held(front, path):
        answer, body, response = await fetch(front, path)
        assert answer == 503
        assert b"too_many_held" in body
        assert "Retry-After" in response.headers
    assert await status(front, ready) == 200


NONSENSE = [
    "_HLS_msn=1000000000",
    "_HLS_msn=-1",
    "_HLS_msn=x",
    "_HLS_part=1",
    "_HLS_msn=2&_HLS_part=-1",
    "_HLS_skip=maybe",
    "_HLS_msn=5",
    "_HLS_msn=3&_HLS_part=99",
    "_HLS_msn=%00",
    "_HLS_msn=99999999999999999999",
]


@pytest.mark.parametrize("query", NONSENSE)
async def test_a_request_that_makes_no_sense_is_refused_at_once(live: Front, query: str) -> None:
    assert await status(live, "/360p/media.m3u8?" + query) == 400


@pytest.mark.parametrize("key", ["0" * 32, "f" * 32], ids=["zeros", "guess"])
async def test_no_byte_of_media_without_the_key(live: Front, key: str) -> None:
    for path in ("index.m3u8", "360p/media.m3u8", "360p/init-1.mp4", "360p/1.m4s", "360p/1.0.m4s"):
        async with live.http.get(f"/live/{EVENT}/{key}/{path}") as answer:
            assert answer.status == 401
            assert answer.content_type == "application/problem+json"


async def test_the_key_of_another_event_or_an_old_one_opens_nothing(live: Front) -> None:
    now = SystemClock().wall()
    keys = [
        live.signer.delivery_key(TENANT, "another", now),
        live.signer.delivery_key("other-tenant", EVENT, now),
        live.signer.delivery_key(TENANT, EVENT, now - 14 * 3600),
    ]
    for key in keys:
        assert await code(live, f"/live/{EVENT}/{key}/index.m3u8") == "bad_delivery_key"


async def test_the_key_of_the_last_period_still_opens(live: Front) -> None:
    key = live.signer.delivery_key(TENANT, EVENT, SystemClock().wall() - 6 * 3600)
    async with live.http.get(f"/live/{EVENT}/{key}/index.m3u8") as answer:
        assert answer.status == 200


STRANGE_NAMES = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "1.m4s%00",
    "1%5c.m4s",
    "init-x.mp4",
    "１.m4s",
    "1.0.0.m4s",
    "-1.m4s",
    "init-99.mp4",
    "99.m4s",
    "1.99.m4s",
    "99999999999.m4s",
    "media.m3u8.bak",
]


@pytest.mark.parametrize("name", STRANGE_NAMES)
async def test_names_that_are_not_ours_are_not_found(live: Front, name: str) -> None:
    url = f"{live.hls}/360p/{name}"
    reader, writer = await asyncio.open_connection("127.0.0.1", live.port)
    writer.write(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    first = await reader.readline()
    writer.close()
    assert first.split()[1] in (b"404", b"400")


async def test_an_unknown_rendition_is_not_found(live: Front) -> None:
    assert await code(live, live.hls + "/1080p/media.m3u8") == "no_rendition"


async def test_playlists_are_compressed_for_who_can_read_it(live: Front) -> None:
    plain = (await fetch(live, "/360p/media.m3u8", **{"Accept-Encoding": "identity"}))[1]
    http = aiohttp.ClientSession(auto_decompress=False)
    async with http, http.get(live.base + live.hls + "/360p/media.m3u8") as answer:
        packed = await answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 3


@pytest.mark.parametrize("refused", ["identity", "gzip;q=0", "br, gzip; q=0.000, zstd", ""])
async def test_playlists_are_plain_for_who_refuses_compression(live: Front, refused: str) -> None:
    response = (await fetch(live, "/360p/media.m3u8", **{"Accept-Encoding": refused}))[2]
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("accepted", ["gzip", "br;q=1.0, gzip;q=0.8", "deflate,GZIP ;q=1"])
async def test_playlists_are_compressed_however_it_is_asked_for(live: Front, accepted: str) -> None:
    response = (await fetch(live, "/360p/media.m3u8", **{"Accept-Encoding": accepted}))[2]
    assert response.headers["Content-Encoding"] == "gzip"


async def test_caches_keep_media_long_and_playlists_short(live: Front) -> None:
    async def lifetime(path: str) -> str:
        return (await fetch(live, path))[2].headers["Cache-Control"]

    for path in ("/360p/init-1.mp4", "/360p/1.m4s", "/360p/1.0.m4s"):
        assert await lifetime(path) == "public, max-age=3600, immutable"
    assert await lifetime("/360p/media.m3u8") == "public, max-age=1"
    assert await lifetime("/360p/media.m3u8?_HLS_msn=2&_HLS_part=1") == "public, max-age=12"
    assert await lifetime("/index.m3u8") == "public, max-age=1"


async def test_a_refusal_is_kept_by_no_cache_and_read_by_any_page(live: Front) -> None:
    _, _, response = await fetch(live, "/360p/99.m4s", Origin="https://player.example")
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_players_on_other_sites_may_read_but_not_with_cookies(live: Front) -> None:
    _, _, response = await fetch(live, "/index.m3u8", Origin="https://player.example")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    async with live.http.options(live.hls + "/360p/1.0.m4s") as answer:
        assert answer.status == 204
        assert "Range" in answer.headers["Access-Control-Allow-Headers"]


async def test_an_event_that_nobody_has_been_on_air_in_says_so(start_front: StartFront, origin: Origin) -> None:
    origin.programme = origin.programme.__class__((), ProgrammeState.WAITING, 0)
    front = await start_front()
    assert await code(front, front.hls + "/index.m3u8") == "not_live"


async def test_an_event_that_ended_long_ago_says_so(start_front: StartFront, origin: Origin) -> None:
    await origin.end()
    front = await start_front()
    assert await code(front, front.hls + "/index.m3u8") == "event_ended"
    assert await code(front, front.hls + "/360p/media.m3u8") == "event_ended"


async def test_an_event_that_has_just_ended_can_be_played_to_its_end(live: Front, origin: Origin) -> None:
    await origin.end()
    await until(lambda: live.delivery.find(EVENT).relay.window.ended)  # type: ignore[union-attr]
    playlist = read((await fetch(live, "/360p/media.m3u8?_HLS_msn=9&_HLS_part=3&_HLS_skip=YES"))[1].decode())
    assert (playlist.ended, playlist.segments[-1].msn) == (True, 2)


async def test_an_upstream_that_cannot_be_reached_is_a_matter_of_time(
    start_front: StartFront, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sfu.hls.COLD_S", 0.05)
    await origin.stop()
    front = await start_front()
    assert await code(front, front.hls + "/index.m3u8") == "upstream_away"


async def test_a_first_request_waits_until_there_is_enough_to_start_with(
    front: Front, origin: Origin, film: Film
) -> None:
    await origin.begin(film, 1)
    await (await front.watch()).next()
    await until(lambda: position(front, "180p") == (0, 9))
    async with held(front, "/180p/media.m3u8") as waiting:
        for message in film.parts(1):
            await origin.tell(message)
        assert [segment.msn for segment in read((await waiting)[1].decode()).segments] == [0, 1]


async def test_a_player_that_follows_part_by_part_sees_a_conforming_playlist(
    live: Front, origin: Origin, film: Film
) -> None:
    """What hls.js does: blocking reloads with delta updates, one per part."""
    path = "/360p/media.m3u8"
    client = read((await fetch(live, path))[1].decode())
    for msn in range(3, film.length):
        for message in film.parts(msn):
            await origin.tell(message)
            if message[2] != LARGE.id:
                continue
            number, index = client.edge if client.open else (client.edge[0] + 1, -1)
            body = (await fetch(live, f"{path}?_HLS_msn={number}&_HLS_part={index + 1}&_HLS_skip=YES"))[1].decode()
            whole = (await fetch(live, path))[1].decode()
            assert check(whole) == []
            updated = apply_delta(client, read(body))
            assert check_update(client, updated) == []
            assert same_segments(updated, read(whole))
            client = updated
    assert client.edge[0] == film.length - 1


# Who takes nothing


async def test_who_takes_nothing_of_an_answer_is_cut_off_in_time(
    live: Front, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull, "TAKEN_WITHIN_S", 0.2)
    for index in range(10):
        start = (3 * 10 + index) * 18_000
        large = Part(0, 1, 1, 3, index, start, 18_000, 0, index == 0, index == 9, False, bytes(800_000))
        await origin.tell(pack_part(large))
    await until(lambda: position(live) == (3, 9))
    before = sample("plenum_rejected_total", reason="slow_reader")
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, ("127.0.0.1", live.port))
    reader, writer = await asyncio.open_connection(sock=link, limit=4096)
    writer.write(f"GET {live.hls}/360p/3.m4s HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    await until(lambda: sample("plenum_rejected_total", reason="slow_reader") == before + 1)
    got = 0
    with suppress(ConnectionError):
        while chunk := await asyncio.wait_for(reader.read(65_536), 5):
            got += len(chunk)
    assert got < 8_000_000
    writer.transport.abort()


async def test_a_part_is_not_copied_for_who_asks_for_it(live: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[object] = []
    real = pull.Answer.__init__

    def made(self: pull.Answer, pieces: Sequence[bytes | memoryview], *rest: object) -> None:
        written.extend(pieces)
        real(self, pieces, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pull.Answer, "__init__", made)
    room = live.delivery.find(EVENT)
    assert room is not None
    track = room.relay.window.track("360p")
    assert track is not None
    for name in ("2.0.m4s", "2.m4s"):
        assert await status(live, f"/360p/{name}") == 200
    segment = track.find(2)
    assert segment is not None
    shared = [part.wire for part in segment.parts]
    assert [piece.obj for piece in written if isinstance(piece, memoryview)] == [shared[0], *shared]


async def test_a_segment_of_which_parts_are_missing_is_not_kept_by_caches(
    live: Front, origin: Origin, film: Film
) -> None:
    for message in [*film.parts(3)[:3], *film.parts(4)]:
        await origin.tell(message)
    await until(lambda: position(live) == (4, 9))
    lifetimes = {}
    for name in ("2.m4s", "3.m4s", "3.0.m4s"):
        _, _, answer = await fetch(live, f"/360p/{name}")
        lifetimes[name] = "immutable" in answer.headers["Cache-Control"]
    assert lifetimes == {"2.m4s": True, "3.m4s": False, "3.0.m4s": True}
