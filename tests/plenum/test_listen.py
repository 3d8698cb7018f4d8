"""Connections that say nothing, or too little, are closed; those at work are not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from plenum.listen import listen
from plenum.web import application, json_response, read_body

DEADLINE_S = 0.3


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(3 * DEADLINE_S)
        return json_response("done")

    async def body(request: web.Request) -> web.Response:
        return json_response(len(await read_body(request, deadline_s=DEADLINE_S)))

    app = application()
    app.add_routes([web.get("/slow", slow), web.post("/body", body)])
    runner = web.AppRunner(app)
    await runner.setup()
    server = await listen(runner, "127.0.0.1", 0, header_deadline_s=DEADLINE_S)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await runner.cleanup()


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "])
async def test_a_connection_without_a_whole_header_is_closed(port: int, said: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    async with asyncio.timeout(10 * DEADLINE_S):
        with pytest.raises(ConnectionError):
            if await reader.read() == b"":
                raise ConnectionError
    writer.close()


async def test_a_slow_answer_is_waited_for(port: int) -> None:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/slow") as answer:
        assert await answer.json() == "done"


async def test_a_body_that_never_ends_is_refused(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    async with asyncio.timeout(10 * DEADLINE_S):
        assert b" 408 " in await reader.readline()
    writer.close()
