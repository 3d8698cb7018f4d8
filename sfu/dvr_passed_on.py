"""The programme from the start of the event at an edge: the same addresses asked of upstream, and nothing kept.

The delivery key holds everywhere, so upstream checks it too. Answers pass through in slices, so many at a time.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import aiohttp
from aiohttp import hdrs, web

from plenum.errors import Unavailable
from sfu import measures
from sfu.dvr import FILE_PATH, INDEX_PATH, MEDIA_PATH, SLICE, Places
from sfu.pull import CORS, Pull, in_time, preflight
from sfu.relay import Upstream

_ASKED = (hdrs.RANGE, hdrs.IF_RANGE, hdrs.ACCEPT_ENCODING)
_TOLD = (
    hdrs.CONTENT_TYPE,
    hdrs.CONTENT_ENCODING,
    hdrs.CONTENT_LENGTH,
    hdrs.CONTENT_RANGE,
    hdrs.ACCEPT_RANGES,
    hdrs.ETAG,
    hdrs.CACHE_CONTROL,
    hdrs.RETRY_AFTER,
    hdrs.VARY,
)
CONNECT_S = 5.0
ANSWER_S = 20.0


class DvrPassedOn:
    """The recordings of upstream fronts or edges: of the first that can be reached."""

    def __init__(self, upstream: Upstream, pull: Pull, reads: int) -> None:
        self._upstream = upstream
        self._number = 0
        """Which of the upstream's addresses answered last."""
        self._pull = pull
        self._places = Places(reads)
        self._session: aiohttp.ClientSession | None = None

    def routes(self) -> list[web.RouteDef]:
        addresses = (INDEX_PATH, MEDIA_PATH, FILE_PATH)
        gets = [
            web.get(address, self._pull.open_to_all(self._pass_on, playlist=address != FILE_PATH))
            for address in addresses
        ]
        return gets + [web.options(address, preflight) for address in addresses]

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self._upstream.tls),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=ANSWER_S),
            auto_decompress=False,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        with self._places.one():
            for _ in self._upstream.bases:
                try:
                    async with self._ask(request) as upstream:
                        return await self._answer(request, upstream)
                except (aiohttp.ClientError, TimeoutError):
                    self._number += 1
        raise Unavailable("The programme cannot be reached at the moment.", code="upstream_away", retry_s=2)

    def _ask(self, request: web.Request) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        if self._session is None:
            raise Unavailable("This edge has not been started.", code="not_started")
        base = self._upstream.bases[self._number % len(self._upstream.bases)]
        headers = {str(name): request.headers[name] for name in _ASKED if name in request.headers}
        headers.setdefault(str(hdrs.ACCEPT_ENCODING), "identity")
        return self._session.request(request.method, base + request.path_qs, headers=headers, allow_redirects=False)

    async def _answer(self, request: web.Request, upstream: aiohttp.ClientResponse) -> web.StreamResponse:
        told = {str(name): upstream.headers[name] for name in _TOLD if name in upstream.headers}
        answer = web.StreamResponse(status=upstream.status, headers={**CORS, **told})
        await answer.prepare(request)
        if request.method == hdrs.METH_HEAD:
            return answer
        try:
            async for body in upstream.content.iter_chunked(SLICE):
                if not await in_time(request, answer.write(body)):
                    return answer
                measures.sent.labels(transport="dvr").inc(len(body))
        except (
            aiohttp.ClientError,
            TimeoutError,
        ):  # half of it has been sent: the client must see that it is not whole
            if request.transport is not None:
                request.transport.abort()
        return answer
