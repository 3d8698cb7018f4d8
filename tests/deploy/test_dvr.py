"""The programme from its start: real media recorded by the ingest's archive, read from disk by a front, passed on by an edge."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import REGISTRY

from ingest.archive import Archive
from ingest.channel import Channel
from plenum.clock import SystemClock
from plenum.identity import Principal, Role, Signer
from plenum.media import ProgrammeState
from plenum.settings import DvrSettings
from plenum.web import Gate, application
from plenum.wire import unpack
from sfu import pull
from sfu.delivery import Delivery
from sfu.dvr import Dvr
from sfu.pull import Pull
from tests.sfu import feed_media
from tests.sfu.conformance import media_playlist as rules
from tests.sfu.conformance.playlist import apply_delta, read, same_segments
from tests.sfu.feed_front import until
from tests.sfu.feed_media import Film

TENANT, EVENT = "main", "town-hall"
RULES = (
    rules.text_has_no_control_characters,
    rules.version_covers_the_tags_used,
    rules.version_is_no_higher_than_needed,
    rules.tags_of_the_playlist_stand_once,
    rules.media_sequence_is_stated,
    rules.discontinuity_sequence_is_stated,
    rules.target_duration_covers_every_segment,
    rules.hold_back_is_three_target_durations,
    rules.skip_boundary_is_six_target_durations,
    rules.delta_updates_are_offered,
    rules.segment_has_a_duration,
    rules.segment_has_a_map,
    rules.new_map_comes_with_a_discontinuity,
    rules.discontinuity_has_a_date,
    rules.dates_continue,
    rules.nothing_follows_the_end,
    rules.skip_keeps_what_is_within_its_boundary,
    rules.skip_counts_what_it_replaces,
    rules.ended_playlist_is_whole,
)
"""Of a live playlist's rules those that are not about parts or low latency."""
SIGNER = Signer(b"a secret of thirty-two bytes or so")


class Show:
    """A programme that an archive follows."""

    def __init__(self, archive: Archive, film: Film) -> None:
        self.archive = archive
        self.channel = Channel(EVENT)
        self._film = film
        archive.follow(self.channel)

    def begin(self) -> None:
        self.channel.announce(feed_media.programme(), 0.0)
        for message in self._film.inits():
            self.channel.add_init(unpack(message)[0], message)

    def play(self, *msns: int) -> None:
        for msn in msns:
            for message in self._film.parts(msn):
                self.channel.add_part(unpack(message)[0], message, 0.0)

    async def written(self) -> None:
        await self.archive._do(lambda: None)

    async def end(self) -> None:
        self.channel.end(feed_media.programme(ProgrammeState.ENDED), 0.0)
        await self.written()


@pytest.fixture(scope="module")
def film() -> Film:
    return feed_media.make_film()


@pytest.fixture
async def archive(tmp_path: Path) -> AsyncIterator[Archive]:
    archive = Archive(tmp_path / "dvr", DvrSettings(min_free_percent=0), SystemClock())
    await archive.start()
    yield archive
    await archive.close()


@pytest.fixture
async def show(archive: Archive, film: Film) -> Show:
    show = Show(archive, film)
    show.begin()
    return show


async def serve(stack: AsyncExitStack, upstream: str, recordings: Path | None, **bounds: int) -> str:
    """A front or an edge; its address."""
    clock = SystemClock()
    node = Principal(TENANT, "*", Role.ADMIN, "node")
    delivery = Delivery(
        upstream=upstream,
        gate=Gate(SIGNER, TENANT, clock),
        signer=SIGNER,
        tenant=TENANT,
        clock=clock,
        node_ticket=lambda _: SIGNER.ticket(node, clock.wall()),
        recordings=recordings,
        **bounds,
    )
    await delivery.start()
    stack.push_async_callback(delivery.close)
    app = application()
    app.add_routes(delivery.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


class Site:
    """One server's DVR, as a player asks for it."""

    def __init__(self, base: str, http: aiohttp.ClientSession) -> None:
        key = SIGNER.delivery_key(TENANT, EVENT, SystemClock().wall())
        self.root = f"{base}/live/{EVENT}/{key}"
        self.http = http

    async def get(self, path: str, **headers: str) -> tuple[int, Any, bytes]:
        plain = {"Accept-Encoding": "identity"} | {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.get(f"{self.root}/{path}", headers=plain) as answer:
            return answer.status, answer.headers, await answer.read()

    async def playlist(self, rendition: str = "360p", query: str = "") -> str:
        status, _, body = await self.get(f"{rendition}/dvr.m3u8{query}")
        assert status == 200, body
        return body.decode()


@pytest.fixture(params=["front", "edge"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        base = await serve(stack, f"unix:{tmp_path}/ingest.sock", tmp_path / "dvr")
        if request.param == "edge":
            base = await serve(stack, base.replace("http", "ws"), None)
        http = await stack.enter_async_context(aiohttp.ClientSession(auto_decompress=False))
        yield Site(base, http)


async def test_a_front_knows_whether_a_whole_segment_of_an_event_is_recorded(tmp_path: Path, film: Film) -> None:
    clock = SystemClock()
    dvr = Dvr(tmp_path / "dvr", Pull(lambda *_: True, clock), clock, 4)
    assert not await dvr.has(EVENT)
    archive = Archive(tmp_path / "dvr", DvrSettings(min_free_percent=0), clock)
    await archive.start()
    show = Show(archive, film)
    show.begin()
    await show.written()
    assert not await dvr.has(EVENT)
    show.play(0, 1)
    await show.end()
    assert await dvr.has(EVENT)
    await archive.close()
    await dvr.close()


async def probe(url: str) -> dict[str, Any]:
    """Read every packet and decode every picture, as FFmpeg does; any word of complaint fails."""
    process = await asyncio.create_subprocess_exec(
        *("ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await asyncio.wait_for(process.communicate(), 60)
    complaints = [line for line in errors.decode().splitlines() if "duplicated MOOV" not in line]
    assert complaints == []
    return json.loads(out)


async def test_ffmpeg_reads_an_ended_event_from_its_first_to_its_last_picture(site: Site, show: Show) -> None:
    show.play(*range(10))
    await show.end()
    for rendition, frames in (("360p", 600), ("180p", 600), ("audio", 937)):
        found = await probe(f"{site.root}/{rendition}/dvr.m3u8")
        assert float(found["format"]["duration"]) == pytest.approx(20.0, abs=0.05)
        assert int(found["streams"][0]["nb_read_frames"]) == pytest.approx(frames, abs=1)
    found = await probe(f"{site.root}/dvr.m3u8")
    assert {stream["codec_name"] for stream in found["streams"]} == {"h264", "aac"}


async def test_the_playlist_begins_with_the_event_and_grows(site: Site, show: Show) -> None:
    show.play(0, 1, 2)
    await show.written()
    first = await site.playlist()
    show.play(3)
    await show.written()
    second = await site.playlist()
    assert second.startswith(first)
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in first
    assert "#EXT-X-ENDLIST" not in second
    assert (first.count("#EXTINF"), second.count("#EXTINF")) == (3, 4)
    await show.end()
    assert (await site.playlist()).endswith("#EXT-X-ENDLIST\n")


async def test_a_delta_update_tells_only_what_is_new(site: Site, show: Show) -> None:
    show.play(*range(10))
    await show.written()
    whole, delta = await site.playlist(), await site.playlist(query="?_HLS_skip=YES")
    skipped = int(re.search(r"#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)", delta)[1])
    told = delta.split("SKIPPED-SEGMENTS=")[1].split("\n", 1)[1]
    assert skipped == 3  # 6.2.5.1: six target durations before the end stay
    assert whole.endswith(told.split("\n", 1)[1])
    assert told.startswith("#EXT-X-MAP:")


async def test_playlists_come_compressed(site: Site, show: Show) -> None:
    show.play(0, 1)
    await show.written()
    status, headers, body = await site.get("360p/dvr.m3u8", Accept_Encoding="gzip")
    assert (status, headers["Content-Encoding"]) == (200, "gzip")
    assert gzip.decompress(body).decode() == await site.playlist()


async def test_each_listed_range_is_the_init_segment_and_the_parts_of_the_feed(
    site: Site, show: Show, film: Film
) -> None:
    show.play(0, 1, 2)
    await show.written()
    text = await site.playlist()
    (length, at) = re.search(r'BYTERANGE="(\d+)@(\d+)"', text).groups()
    assert await bytes_of(site, int(length), int(at)) == film.media[0].init
    for msn, (length, at) in enumerate(re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)", text)):
        expected = b"".join(part.data for part in film.media[0].segments[msn])
        assert await bytes_of(site, int(length), int(at)) == expected


async def bytes_of(site: Site, length: int, at: int) -> bytes:
    status, headers, body = await site.get("360p/dvr-1.mp4", Range=f"bytes={at}-{at + length - 1}")
    assert (status, headers["Access-Control-Allow-Origin"]) == (206, "*")
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Range"].startswith(f"bytes {at}-{at + length - 1}/")
    return body


async def test_ranges_that_make_no_sense_are_refused_with_the_size(site: Site, show: Show) -> None:
    show.play(0)
    await show.written()
    _, _, whole = await site.get("360p/dvr-1.mp4")
    for wrong in (f"bytes={len(whole)}-", "bytes=5-3", "bytes=-0", "bytes=0-1,3-4", "bytes=x", "bytes=-"):
        status, headers, body = await site.get("360p/dvr-1.mp4", Range=wrong)
        assert (status, headers["Content-Range"]) == (416, f"bytes */{len(whole)}"), wrong
        assert json.loads(body)["code"] == "bad_range"
    assert (await site.get("360p/dvr-1.mp4", Range="bytes=-7"))[2] == whole[-7:]
    assert (await site.get("360p/dvr-1.mp4", Range="lines=1-2"))[0] == 200


async def test_a_range_of_another_file_than_the_one_at_hand_gets_the_whole(site: Site, show: Show) -> None:
    show.play(0)
    await show.written()
    _, headers, _ = await site.get("360p/dvr-1.mp4")
    assert (await site.get("360p/dvr-1.mp4", Range="bytes=0-9", If_Range=headers["ETag"]))[0] == 206
    assert (await site.get("360p/dvr-1.mp4", Range="bytes=0-9", If_Range='"other"'))[0] == 200


async def test_without_the_key_or_the_file_there_is_a_problem_document(site: Site, show: Show) -> None:
    show.play(0)
    await show.written()
    for path, expected in (
        ("360p/dvr-9.mp4", "not_held"),
        ("9999p/dvr.m3u8", "no_rendition"),
        ("9999p/dvr-1.mp4", "not_held"),
    ):
        status, _, body = await site.get(path)
        assert (status, json.loads(body)["code"]) == (404, expected)
    site.root = site.root[:-1] + ("0" if site.root[-1] != "0" else "1")
    for path in ("dvr.m3u8", "360p/dvr.m3u8", "360p/dvr-1.mp4"):
        status, headers, body = await site.get(path)
        assert (status, json.loads(body)["code"]) == (401, "bad_delivery_key")
        assert headers["Access-Control-Allow-Origin"] == "*"


async def test_an_event_that_nobody_recorded_is_not_found(site: Site) -> None:
    status, _, body = await site.get("dvr.m3u8")
    assert (status, json.loads(body)["code"]) == (404, "not_recorded")


async def test_a_segment_that_was_not_recorded_is_a_gap_in_its_place(site: Site, show: Show) -> None:
    show.play(0, 1, 4, 5)
    await show.written()
    text = await site.playlist()
    assert text.count("#EXT-X-GAP") == 2
    assert sum(map(float, re.findall(r"#EXTINF:([\d.]+)", text))) == pytest.approx(12.0)
    assert "#EXT-X-DISCONTINUITY\n" not in text


async def test_playlists_break_no_rule(site: Site, show: Show) -> None:
    show.play(0, 1)
    await show.written()
    before = read(await site.playlist())
    show.play(*range(4, 10))
    await show.written()
    whole, delta = read(await site.playlist()), read(await site.playlist(query="?_HLS_skip=YES"))
    assert same_segments(apply_delta(whole, delta), whole)
    assert [segment.duration for segment in whole.segments[:2]] == [segment.duration for segment in before.segments]
    await show.end()
    ended = read(await site.playlist())
    for playlist in (before, whole, delta, ended):
        assert [fault for rule in RULES for fault in rule(playlist)] == []


async def test_more_readers_than_a_front_has_places_for_are_asked_to_come_back(tmp_path: Path, show: Show) -> None:
    show.play(*range(10))
    await show.written()
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        base = await serve(stack, f"unix:{tmp_path}/ingest.sock", tmp_path / "dvr", reads=1)
        site = Site(base, http)
        with (tmp_path / "dvr" / EVENT / "360p" / "1.mp4").open("ab") as file:
            file.truncate(1 << 26)
        index = tmp_path / "dvr" / EVENT / "360p" / "1.idx"
        whole = index.read_bytes()
        import msgspec

        from plenum.recording import pack
        from plenum.recording import unpack as entries

        last = entries(whole)[-1]
        index.write_bytes(whole + pack(msgspec.structs.replace(last, msn=99, offset=last.end, length=60_000_000)))
        async with http.get(f"{site.root}/360p/dvr-1.mp4") as slow:  # reads nothing but the headers
            assert slow.status == 200
            status, headers, body = await site.get("360p/dvr.m3u8")
            assert (status, json.loads(body)["code"]) == (503, "too_many_reads")
            assert headers["Retry-After"] == "1"


@pytest.mark.parametrize("name", ["dvr.m3u8", "360p/dvr.m3u8", "360p/dvr-1.mp4"])
async def test_a_small_answer_holds_its_place_too_until_it_has_been_taken(
    tmp_path: Path, show: Show, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    show.play(*range(3))
    await show.written()
    wait, real = asyncio.Event(), pull.in_time

    async def slowly(request: web.BaseRequest, writing: Awaitable[None]) -> bool:
        await wait.wait()
        return await real(request, writing)

    monkeypatch.setattr(pull, "in_time", slowly)
    async with AsyncExitStack() as stack, aiohttp.ClientSession() as http:
        base = await serve(stack, f"unix:{tmp_path}/ingest.sock", tmp_path / "dvr", reads=1)
        site = Site(base, http)
        slow = asyncio.create_task(http.get(f"{site.root}/{name}", headers={"Range": "bytes=0-99"}))
        await until(lambda: (REGISTRY.get_sample_value("plenum_edge_recording_reads") or 0) > 0)
        await asyncio.sleep(0.2)  # read long since
        status, _, body = await site.get("dvr.m3u8")
        assert (status, json.loads(body)["code"]) == (503, "too_many_reads")
        wait.set()
        async with await slow as answer:
            assert answer.status in (200, 206)
            assert await answer.read()
