"""A listening socket that does not wait for ever: aiohttp itself has no deadline for a request's first bytes (D10).

A connection that has sent no complete request header after `HEADER_DEADLINE_S` is closed, with TLS one that has not shaken
hands after as long; `plenum.web.read_body` has the deadline for bodies. Later requests on a kept-alive connection fall under
the runner's keep-alive time.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from plenum import metrics

HEADER_DEADLINE_S = 10.0
BACKLOG = 4096


async def listen(
    runner: web.AppRunner,
    host: str,
    port: int,
    tls: ssl.SSLContext | None = None,
    header_deadline_s: float = HEADER_DEADLINE_S,
) -> asyncio.Server:
    """Serve the runner's application on a TCP port that other processes may share (SO_REUSEPORT).

    Raises OSError when the port cannot be bound. The caller closes the server before it cleans up the runner.
    """
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        made = cast(RequestHandler, runner.server())  # type: ignore[misc]  # set up: the caller did that
        loop.call_later(header_deadline_s, _close_if_silent, made)
        if tls is not None:  # who shook hands at the last moment gets as long again
            loop.call_later(2 * header_deadline_s, _close_if_silent, made)
        return made

    return await loop.create_server(
        protocol,
        host,
        port,
        ssl=tls,
        ssl_handshake_timeout=header_deadline_s if tls is not None else None,
        backlog=BACKLOG,
        reuse_port=True,
    )


def _close_if_silent(connection: RequestHandler) -> None:
    # `_request_count` is private; tests/plenum/test_listen.py fails should it go away.
    if connection._request_count == 0 and connection.transport is not None:
        metrics.rejected.labels(reason="header_deadline").inc()
        connection.transport.abort()
