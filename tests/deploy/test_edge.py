"""`plenum edge` as an operator runs it: a process of its own between a front and its viewers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from plenum.identity import Principal, Role, Signer
from plenum.nodes import Card, Nodes, NodeState
from plenum.store import Embedded, connect
from plenum.wire import SUBPROTOCOL, Kind, Resume, Subscribe, as_bye, as_move, encode_client, unpack
from tests.edge_stage import PAGES, Edge
from tests.sfu.feed_front import EVENT, TENANT, Front, StartFront
from tests.sfu.feed_media import LARGE, Film
from tests.sfu.feed_origin import Origin


class Viewer:
    """A page's socket at an edge."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    async def open(self, first: Subscribe | Resume, page: str = PAGES) -> Viewer:
        self.socket = await self._http.ws_connect(
            f"{self._url}/live/{EVENT}/feed", protocols=(SUBPROTOCOL,), headers={"Origin": page}, max_msg_size=0
        )
        await self.socket.send_str(encode_client(first))
        return self

    async def until(self, kind: Kind) -> tuple[object, memoryview]:
        async with asyncio.timeout(10):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.BINARY, message
                header, payload = unpack(message.data)
                if header.kind is kind:
                    return header, payload


def ticket(signer: Signer) -> str:
    return signer.ticket(Principal(TENANT, EVENT, Role.VIEWER, "ada"), time.time())


@pytest.fixture
async def front(start_front: StartFront, origin: Origin, film: Film) -> Front:
    front = await start_front()
    await origin.begin(film, 1)
    await (await front.watch("360p")).until(Kind.PART)
    return front


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with Embedded(tmp_path / "store") as store:
        yield store


async def test_an_edge_serves_push_and_playlists_says_where_it_is_and_leaves_in_peace(
    tmp_path: Path,
    front: Front,
    store: Embedded,
    signer: Signer,
    origin: Origin,
    film: Film,
) -> None:
    redis = connect(store.url)
    nodes = Nodes(redis, TENANT)
    async with (
        Edge(tmp_path, "munich", front.base, PLENUM_REDIS__URL=store.url) as edge,
        aiohttp.ClientSession() as http,
    ):
        viewer = await Viewer(http, edge.url).open(Subscribe(("360p",), ticket=ticket(signer)))
        await viewer.until(Kind.PART)
        room = front.delivery.find(EVENT)
        assert room is not None
        assert room.viewers == 1  # the edge is no person

        async def card() -> Card:
            (card,) = await nodes.fresh()
            return card

        said = await card()
        assert (said.name, said.url, said.state) == ("munich", edge.url, NodeState.OK)
        assert said.full == 0.0  # one viewer does not show in it
        rows = f"pl:{TENANT}:watching:{EVENT}"
        async with asyncio.timeout(5):
            while [row.split()[0] for row in await redis.hvals(rows)] != [b"1"]:  # type: ignore[misc]  # noqa: ASYNC110 - every 2 s
                await asyncio.sleep(0.1)
        async with http.get(f"{edge.url}{front.hls}/index.m3u8", headers={"Origin": PAGES}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
        held = asyncio.create_task(_status(http, f"{edge.url}{front.hls}/360p/media.m3u8?_HLS_msn=1&_HLS_part=0"))
        assert await edge.ready() == 200

        edge.process.terminate()
        _, payload = await viewer.until(Kind.MOVE)
        assert as_move(payload).code == "draining"
        assert await edge.ready() == 503
        assert (await card()).state is NodeState.DRAINING
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await Viewer(http, edge.url).open(Subscribe(("360p",), ticket=ticket(signer)))
        assert refused.value.status == 503
        for message in film.parts(1):
            await origin.tell(message)
        await viewer.until(Kind.PART)  # served until it leaves
        assert await held == 200
        await viewer.socket.close()
        began = time.monotonic()
        assert await asyncio.wait_for(edge.process.wait(), 10) == 0
        assert time.monotonic() - began < 6
        assert await nodes.fresh() == []
    await redis.aclose()


async def _status(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as answer:
        await answer.read()
        return answer.status


async def test_a_second_sigterm_ends_the_patience_with_viewers_who_stay(
    tmp_path: Path,
    front: Front,
    signer: Signer,
) -> None:
    async with Edge(tmp_path, "munich", front.base) as edge, aiohttp.ClientSession() as http:
        viewer = await Viewer(http, edge.url).open(Subscribe(("360p",), ticket=ticket(signer)))
        await viewer.until(Kind.PART)
        edge.process.terminate()
        await viewer.until(Kind.MOVE)
        edge.process.terminate()
        began = time.monotonic()
        _, payload = await viewer.until(Kind.BYE)
        assert as_bye(payload).code == "restarting"
        assert (await viewer.socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert viewer.socket.close_code == 1012
        await viewer.socket.close()
        assert await asyncio.wait_for(edge.process.wait(), 10) == 0
        assert time.monotonic() - began < 5


async def test_without_a_store_an_edge_serves_and_says_that_nobody_is_sent_to_it(
    tmp_path: Path,
    front: Front,
    signer: Signer,
) -> None:
    async with Edge(tmp_path, "munich", front.base.replace("http", "ws", 1)) as edge, aiohttp.ClientSession() as http:
        await (await Viewer(http, edge.url).open(Subscribe(("360p",), ticket=ticket(signer)))).until(Kind.PART)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await Viewer(http, edge.url).open(Subscribe(ticket=ticket(signer)), page="https://elsewhere.example")
        assert refused.value.status == 403
    logged = [json.loads(line) for line in edge.said if line.startswith("{")]
    assert any(line["event"] == "edge_not_placed" and "redis.url" in line["detail"] for line in logged)


async def test_a_killed_edge_process_is_started_again_and_goes_on(
    tmp_path: Path,
    front: Front,
    signer: Signer,
) -> None:
    async with Edge(tmp_path, "munich", front.base) as edge, aiohttp.ClientSession() as http:
        viewer = await Viewer(http, edge.url).open(Subscribe(("360p",), ticket=ticket(signer)))
        await viewer.until(Kind.PART)
        os.kill(_child_of(edge.process.pid), signal.SIGKILL)
        while not viewer.socket.closed:
            await viewer.socket.receive()
        again = Viewer(http, edge.url)
        place = Resume(epoch=1, msn=0, part=3, renditions=("360p",), ticket=ticket(signer))
        async with asyncio.timeout(10):
            while True:
                try:
                    await again.open(place)
                    break
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.1)
        header, _ = await again.until(Kind.PART)
        assert (header.msn, header.part, header.rendition) == (0, 4, LARGE.id)  # type: ignore[attr-defined]


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
