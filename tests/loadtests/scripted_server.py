"""A small server that speaks Plenum's public protocols from a script, and can be told to fail in ways a real one should not.

It exists to test the load test: whoever measures must be measured. The real platform is loaded in tests/system.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import SUBPROTOCOL, pack_init, pack_part, pack_programme

PART_S = 0.2
PARTS = 10
VIDEO = Rendition(0, "360p", RenditionKind.VIDEO, 500_000, "avc1.42c01e", 90_000, 640, 360, 30.0)
AUDIO = Rendition(9, "audio", RenditionKind.AUDIO, 96_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
FAULTS = frozenset(
    {"joins_refused", "feed_hole", "feed_silent", "asks_refused", "votes_unanswered", "log_hole", "parts_missing"}
)


class ScriptedServer:
    """Serves one live event; `faults` names what goes wrong."""

    def __init__(self, faults: Iterable[str] = ()) -> None:
        self.faults = frozenset(faults)
        assert self.faults <= FAULTS
        self._began = time.time()
        self._joins = 0
        self.questions: dict[str, dict[str, Any]] = {}
        self._boards: set[web.WebSocketResponse] = set()
        self._comers = 0
        self._log = 1
        self._seed()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        app = web.Application()
        app.add_routes(
            [
                web.get("/j/{code}", self._link),
                web.get("/api/v1/events/{event}/join", self._join),
                web.get("/live/e/feed", self._feed),
                web.get("/live/e/k/index.m3u8", self._multivariant),
                web.get("/live/e/k/{rendition}/media.m3u8", self._media),
                web.get(r"/live/e/k/{rendition}/{msn}.{part}.m4s", self._part),
                web.get("/qna/e/socket", self._board),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    def _seed(self) -> None:
        for number in range(3):
            self._add(f"q{number}", "A question that was there before", "published")

    def _add(self, question: str, text: str, state: str) -> dict[str, Any]:
        now = int(time.time() * 1000)
        self.questions[question] = {
            "id": question,
            "n": len(self.questions) + 1,
            "text": text,
            "author": "Somebody",
            "conf": False,
            "lang": "en",
            "state": state,
            "at": now,
            "state_at": now,
        }
        return self.questions[question]

    # Joining

    async def _link(self, request: web.Request) -> web.Response:
        return web.Response(status=303, headers={"Location": "/watch/e"})

    async def _join(self, request: web.Request) -> web.Response:
        self._joins += 1
        if "joins_refused" in self.faults and self._joins == 2:
            return web.json_response({"code": "internal"}, status=500)
        return web.json_response(
            {
                "event": {"id": "e", "state": "live", "moderation": "post", "language": "en"},
                "ticket": "t",
                "feed": ["/live/e/feed"],
                "hls": "/live/e/k/index.m3u8",
                "qna": "/qna/e/socket",
                "server_time_ms": int(time.time() * 1000),
            }
        )

    # The picture: parts of made-up bytes, in time

    def _edge(self) -> int:
        """Number of the newest part, counted from the start."""
        return int((time.time() - self._began) / PART_S) + PARTS

    async def _feed(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=[SUBPROTOCOL])
        await socket.prepare(request)
        await socket.send_bytes(pack_programme(Programme((VIDEO, AUDIO), ProgrammeState.LIVE, 1)))
        await socket.receive()
        for rendition in (VIDEO, AUDIO):
            await socket.send_bytes(pack_init(Init(rendition.id, 1, 1, b"init")))
        number = self._edge() // PARTS * PARTS
        first = number
        while not socket.closed:
            while number <= self._edge():
                if not ("feed_hole" in self.faults and number == first + 7):
                    for rendition in (VIDEO, AUDIO):
                        await socket.send_bytes(self._feed_part(rendition, number))
                number += 1
            if "feed_silent" in self.faults and number > first + 15:
                await asyncio.sleep(3600)
            await asyncio.sleep(PART_S / 2)
        return socket

    def _feed_part(self, rendition: Rendition, number: int) -> bytes:
        ticks = int(PART_S * rendition.timescale)
        return pack_part(
            Part(
                rendition.id,
                1,
                1,
                number // PARTS,
                number % PARTS,
                number * ticks,
                ticks,
                self._wall_us(number),
                number % PARTS == 0,
                number % PARTS == PARTS - 1,
                False,
                b"x" * 200,
            )
        )

    def _wall_us(self, number: int) -> int:
        return int((self._began + (number - PARTS - 1) * PART_S) * 1e6)

    async def _multivariant(self, request: web.Request) -> web.Response:
        return web.Response(
            text='#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",URI="audio/media.m3u8"\n'
            '#EXT-X-STREAM-INF:BANDWIDTH=700000,AUDIO="audio"\n360p/media.m3u8\n'
        )

    async def _media(self, request: web.Request) -> web.Response:
        wanted = int(request.query.get("_HLS_msn", "0")) * PARTS + int(request.query.get("_HLS_part", "0"))
        await asyncio.sleep(max(0.0, self._began + (wanted - PARTS) * PART_S - time.time()))
        edge = self._edge()
        first = max(0, edge // PARTS - 2)
        lines = ["#EXTM3U", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        for number in range(first * PARTS, edge + 1):
            if number % PARTS == 0:
                at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._wall_us(number) / 1e6))
                lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{at}.000Z")
            lines.append(f'#EXT-X-PART:DURATION={PART_S},URI="{number // PARTS}.{number % PARTS}.m4s"')
            if number % PARTS == PARTS - 1:
                lines += ["#EXTINF:2.0,", f"{number // PARTS}.m4s"]
        return web.Response(text="\n".join(lines) + "\n")

    async def _part(self, request: web.Request) -> web.Response:
        missing = "parts_missing" in self.faults and request.match_info["part"] == "5"
        return web.Response(status=404) if missing else web.Response(body=b"x" * 200)

    # The board

    async def _board(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["plenum.qna.1"])
        await socket.prepare(request)
        self._boards.add(socket)
        self._comers += 1
        # Whoever waits for an answer does nothing else: the others are there to ask, which a viewer does seldom.
        unanswered = "votes_unanswered" in self.faults and self._comers % 3 == 0
        try:
            async for message in socket:
                await self._command(socket, json.loads(message.data), unanswered)
        finally:
            self._boards.discard(socket)
        return socket

    async def _command(self, socket: web.WebSocketResponse, command: dict[str, Any], unanswered: bool) -> None:
        match command["t"]:
            case "hello":
                await socket.send_json(
                    {
                        "t": "snap",
                        "id": str(self._log),
                        "questions": list(self.questions.values()),
                        "me": {"voted": [], "mine": []},
                    }
                )
            case "vote" if unanswered:
                pass
            case "vote":
                await socket.send_json({"t": "ok", "n": command["n"], "r": {"votes": 1}})
            case "ask" if "asks_refused" in self.faults:
                await socket.send_json({"t": "err", "cid": command["cid"], "code": "internal", "message": "no"})
                await self._tell(self._add(f"q{len(self.questions)}", command["text"], "published"))
            case "ask":
                question = self._add(f"q{len(self.questions)}", command["text"], "published")
                await socket.send_json({"t": "ok", "cid": command["cid"], "r": {"q": question["id"]}})
                await self._tell(question)

    async def _tell(self, question: dict[str, Any]) -> None:
        before = self._log
        self._log += 2 if "log_hole" in self.faults else 1
        previous = self._log - 1 if "log_hole" in self.faults else before
        event = {"t": "ev", "id": str(self._log), "prev": str(previous), "k": "q.new", "d": {"question": question}}
        for board in list(self._boards):
            await board.send_json(event)
