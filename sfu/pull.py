"""What all answers to players that pull have in common: the key in the address, pages of any origin, a deadline for taking them.

An edge that is about to stop answers playlists with 503 `draining`, so that players go to another one, and everything else as
ever: what a player knows of already it still gets here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import hdrs, web

from plenum import metrics
from plenum.clock import Clock
from plenum.errors import PlenumError, Unauthorized, Unavailable
from plenum.web import problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
KeyCheck = Callable[[str, str], bool]
"""(delivery key, event) -> whether it is that event's and of this or the last period."""

CORS: Mapping[str, str] = {
    hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
    hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: "Accept-Ranges, Content-Length, Content-Range, Date, ETag, Retry-After",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
TAKEN_WITHIN_S = 20.0
"""Who does not take a piece of an answer in this time is cut off: it holds memory, and one of few places."""
QUIET_S = 2.0
"""Nobody has asked for anything for so long: all players are elsewhere."""
UNCOPIED_BYTES = 16 * 1024
"""From this size on headers go by themselves: aiohttp would copy the body behind them, for each who asks."""


class Pull:
    """The rim of every endpoint that is asked by pull."""

    def __init__(self, key_valid: KeyCheck, clock: Clock) -> None:
        self._key_valid = key_valid
        self._clock = clock
        self.is_draining = False
        """Players are sent elsewhere."""
        self._answering = 0
        self._asked_at = float("-inf")

    @property
    def is_quiet(self) -> bool:
        """Nothing is being answered, and nothing but playlists was asked for lately."""
        return not self._answering and self._clock.monotonic() - self._asked_at >= QUIET_S

    def open_to_all(self, handler: Handler, *, playlist: bool) -> Handler:
        """Check the key, and let pages of any origin read the answer, refusals too."""

        async def checked(request: web.Request) -> web.StreamResponse:
            try:
                answer = await self._answered(handler, request, playlist)
            except PlenumError as error:
                answer = problem(error)
            if not answer.prepared:  # what streams has set them itself
                answer.headers.update(CORS)
            return answer

        return checked

    async def _answered(self, handler: Handler, request: web.Request, playlist: bool) -> web.StreamResponse:
        event, key = request.match_info["event"], request.match_info["key"]
        if not self._key_valid(key, event):
            metrics.rejected.labels(reason="delivery_key").inc()
            raise Unauthorized("This address is not valid (any more). Join again.", code="bad_delivery_key")
        if playlist and self.is_draining:
            metrics.rejected.labels(reason="draining").inc()
            raise Unavailable("This edge is about to stop. Join again.", code="draining", retry_s=1)
        self._answering += 1
        try:
            return await handler(request)
        finally:
            self._answering -= 1
            self._asked_at = self._clock.monotonic()


class Answer(web.StreamResponse):
    """A whole answer of pieces that may be shared; who does not take it in time is cut off."""

    def __init__(self, pieces: Sequence[bytes | memoryview], headers: Mapping[str, str], status: int = 200) -> None:
        super().__init__(status=status, headers=headers)
        self._pieces = pieces
        self.content_length = sum(map(len, pieces))

    async def send(self, request: web.Request) -> web.StreamResponse:
        """At once, where a place is held until it has been taken."""
        self.headers.update(CORS)
        await self.prepare(request)
        await self.write_eof()
        return self

    async def write_eof(self, data: bytes = b"") -> None:
        """Called by aiohttp; once for all."""
        request, pieces = self._req, self._pieces
        self._pieces = ()
        if request is None or request.method == hdrs.METH_HEAD or not pieces:
            await super().write_eof(data)
            return
        if len(pieces[0]) >= UNCOPIED_BYTES:
            await self.write(b"")
        for piece in pieces[:-1]:
            if not await in_time(request, self.write(piece)):
                return
        await in_time(request, super().write_eof(pieces[-1]))  # type: ignore[arg-type]  # it takes views too


async def in_time(request: web.BaseRequest, writing: Awaitable[None]) -> bool:
    """Whether a piece has been taken; False when the client is gone, or was cut off because it took nothing."""
    try:
        async with asyncio.timeout(TAKEN_WITHIN_S):
            await writing
    except TimeoutError:
        metrics.rejected.labels(reason="slow_reader").inc()
    except ConnectionError:
        return False
    else:
        return True
    if request.transport is not None:
        request.transport.abort()
    return False


async def preflight(_: web.Request) -> web.Response:
    """Foreign players that send CMCD or Range headers ask first."""
    allowed: dict[str, str] = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, HEAD, OPTIONS",
        hdrs.ACCESS_CONTROL_ALLOW_HEADERS: "Range, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status",
        hdrs.ACCESS_CONTROL_MAX_AGE: "86400",
    }
    return web.Response(status=204, headers={**CORS, **allowed})
