"""A front with the questions tier on a real store, and pages that talk to it over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from plenum.clock import SystemClock
from plenum.identity import Principal, Role, Signer
from plenum.store import connect
from plenum.web import Gate, application
from qna.policy import Limits
from qna.protocol import SUBPROTOCOL
from qna.service import LimitSettings, Qna

TENANT = "main"
EVENT = "town-hall"
PATIENCE_S = 15.0
Message = dict[str, Any]
GENEROUS = Limits(asks_per_minute=6000, votes_per_minute=60_000, sockets_per_person=1000)
_numbers = itertools.count(1)


def new_cid() -> str:
    return f"cid-{next(_numbers):08d}"


class Page:
    """One open socket and everything it was told."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, ticket: str) -> None:
        self.socket = socket
        self.ticket = ticket
        self.heard: list[Message] = []
        self._unread: list[Message] = []
        self._came = asyncio.Event()
        self._reader = asyncio.create_task(self._read())
        self.last: Message = {}

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                said = json.loads(message.data)
                self.heard.append(said)
                self._unread.append(said)
                if said["t"] == "snap":
                    self.last = {"id": said["id"], "ep": said["ep"]}
                elif said["t"] == "ev":
                    assert said["prev"] == self.last["id"], "the chain of events is broken"
                    self.last = {"id": said["id"], "ep": self.last["ep"]}
                self._came.set()
        self._came.set()

    async def hear(self, wanted: str | Callable[[Message], bool]) -> Message:
        """The first message of a type (or that fits) that was not heard of yet; others stay unheard."""
        fits = (lambda m: m["t"] == wanted) if isinstance(wanted, str) else wanted
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self._unread:
                    if fits(message):
                        self._unread.remove(message)
                        return message
                assert not self._reader.done(), f"closed with {self.socket.close_code} after {self.heard[-3:]}"
                self._came.clear()
                await self._came.wait()

    async def say(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def hello(self, last: Message | None = None, **more: Any) -> Message:
        """Say hello; returns the snapshot (or the welcome when resuming)."""
        await self.say(t="hello", ticket=self.ticket, v=1, **({"last": last} if last else {}), **more)
        if last:
            self.last = dict(last)
            return await self.hear("welcome")
        return await self.hear("snap")

    async def answer(self, **ids: Any) -> Message:
        """The `ok` or `err` that names this n or cid."""
        return await self.hear(lambda m: m["t"] in ("ok", "err") and all(m.get(k) == v for k, v in ids.items()))

    async def ask(self, text: str = "When does the new canteen open?", conf: bool = False, **more: Any) -> Message:
        cid = more.pop("cid", None) or new_cid()
        await self.say(t="ask", cid=cid, text=text, conf=conf, lang="en", **more)
        return await self.answer(cid=cid)

    async def vote(self, q: str, on: bool = True) -> Message:
        n = next(_numbers)
        await self.say(t="vote", n=n, q=q, on=on)
        return await self.answer(n=n)

    async def mod(self, q: str, from_: str, to: str, reason: str = "", cid: str = "") -> Message:
        cid = cid or new_cid()
        await self.say(t="mod", cid=cid, q=q, **{"from": from_}, to=to, reason=reason)
        return await self.answer(cid=cid)

    async def box(self, **change: Any) -> Message:
        cid = new_cid()
        await self.say(t="box", cid=cid, **change)
        return await self.answer(cid=cid)

    async def event(self, kind: str, **fields: Any) -> Message:
        """The next event of the log of a kind whose data have these fields."""
        return await self.hear(
            lambda m: m["t"] == "ev" and m["k"] == kind and all(m["d"].get(k) == v for k, v in fields.items())
        )

    def events(self) -> list[Message]:
        return [m for m in self.heard if m["t"] == "ev"]

    async def closed(self) -> int | None:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({self._reader})
        return self.socket.close_code

    async def close(self) -> None:
        await self.socket.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def cut(self) -> None:
        """The line goes dead without a goodbye."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        connection = self.socket._response.connection
        assert connection is not None and connection.transport is not None
        connection.transport.abort()


@dataclass
class Front:
    """One front process' questions tier on a free port."""

    url: str
    signer: Signer
    limits: LimitSettings = GENEROUS
    pages: list[Page] = field(default_factory=list)

    async def __aenter__(self) -> Front:
        clock = SystemClock()
        self.redis = connect(self.url)
        self.qna = Qna(self.redis, Gate(self.signer, TENANT, clock), self.signer, clock, TENANT, self.limits)
        await self.qna.start()
        app = application()
        app.add_routes(self.qna.routes())
        self.server = TestServer(app)
        await self.server.start_server()
        self.client = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(page.close() for page in self.pages))
        await self.client.close()
        await self.qna.close()
        await self.server.close()
        await self.redis.aclose()

    def ticket(self, subject: str, role: Role = Role.VIEWER, event: str = EVENT) -> str:
        who = Principal(TENANT, event, role, subject, f"{subject.title()} Example")
        return self.signer.ticket(who, SystemClock().wall())

    async def connect(self, ticket: str = "", event: str = EVENT, **more: Any) -> Page:
        origin = str(self.server.make_url("/")).rstrip("/")
        socket = await self.client.ws_connect(
            self.server.make_url(f"/qna/{event}/socket"),
            protocols=(SUBPROTOCOL,),
            headers={"Origin": origin},
            max_msg_size=0,
            **more,
        )
        page = Page(socket, ticket)
        self.pages.append(page)
        return page

    async def page(self, subject: str, role: Role = Role.VIEWER, event: str = EVENT) -> Page:
        """A connected page with its snapshot."""
        page = await self.connect(self.ticket(subject, role, event), event)
        await page.hello()
        return page

    async def console(self, subject: str = "petra", event: str = EVENT) -> Page:
        return await self.page(subject, Role.PRODUCER, event)


async def published(console: Page, asker: Page, text: str = "When does the new canteen open?") -> str:
    """A question that everybody sees."""
    q = str((await asker.ask(text))["r"]["q"])
    await console.event("q.new")
    await console.mod(q, "pending", "published")
    return q
