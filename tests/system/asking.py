"""The question socket as a program uses it: ask and vote until acknowledged, read the board."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp

SUBPROTOCOL = "plenum.qna.1"


class Asker:
    """One open question socket. Answers are awaited, so what returns was acknowledged."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._count = 0
        self.snapshot: dict[str, Any] = {}

    async def hello(self, ticket: str) -> None:
        await self._socket.send_json({"t": "hello", "ticket": ticket, "v": 1})
        self.snapshot = await self._until("snap")

    async def ask(self, text: str) -> str:
        """Returns the question's id."""
        cid = uuid4().hex
        await self._socket.send_json({"t": "ask", "cid": cid, "text": text, "conf": False, "lang": "en"})
        return str((await self._until("ok", cid=cid))["r"]["q"])

    async def vote(self, question: str) -> int:
        """Returns the count after it."""
        self._count += 1
        await self._socket.send_json({"t": "vote", "n": self._count, "q": question, "on": True})
        return int((await self._until("ok", n=self._count))["r"]["votes"])

    async def move(self, question: str, before: str, after: str) -> None:
        cid = uuid4().hex
        await self._socket.send_json({"t": "mod", "cid": cid, "q": question, "from": before, "to": after})
        await self._until("ok", cid=cid)

    async def _until(self, kind: str, **same: Any) -> dict[str, Any]:
        async for message in self._socket:
            said: dict[str, Any] = message.json()
            if said["t"] == kind and all(said.get(key) == value for key, value in same.items()):
                return said
            assert said["t"] not in ("err", "bye"), said
            if said["t"] == "ping":
                await self._socket.send_json({"t": "pong"})
        raise AssertionError(f"the socket closed ({self._socket.close_code}) before '{kind}' came")


@asynccontextmanager
async def asking(url: str, event: str, ticket: str) -> AsyncIterator[Asker]:
    async with aiohttp.ClientSession() as http:
        address = f"{url.replace('http', 'ws', 1)}/qna/{event}/socket"
        headers = {"Authorization": f"Bearer {ticket}"}
        async with http.ws_connect(address, protocols=[SUBPROTOCOL], headers=headers) as socket:
            asker = Asker(socket)
            await asker.hello(ticket)
            yield asker
