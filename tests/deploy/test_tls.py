"""TLS of the main port, and who may be reached without it."""

import ssl
import stat
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from deploy import tls
from plenum.errors import BadInput
from plenum.settings import ServerSettings


def test_another_host_than_loopback_needs_tls(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as caught:
        tls.context(ServerSettings(host="0.0.0.0"), tmp_path, [])
    assert caught.value.code == "tls_needed"
    assert tls.context(ServerSettings(host="0.0.0.0", tls="proxy"), tmp_path, []) is None
    assert tls.context(ServerSettings(host="127.0.0.2"), tmp_path, []) is None


def test_a_made_key_is_for_our_eyes_and_is_kept(tmp_path: Path) -> None:
    cert, key = tls.make(tmp_path, ["localhost", "127.0.0.1"])
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = cert.read_bytes()
    tls.make(tmp_path, ["localhost"])
    assert cert.read_bytes() == before
    tls.make(tmp_path, ["localhost", "plenum.example"])
    assert cert.read_bytes() != before


async def test_a_client_that_trusts_the_certificate_gets_through(tmp_path: Path) -> None:
    context = tls.context(ServerSettings(tls="auto"), tmp_path, ["localhost", "127.0.0.1"])
    app = web.Application()

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app.add_routes([web.get("/", hello)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    trust = ssl.create_default_context(cafile=str(tmp_path / "tls" / "cert.pem"))
    async with ClientSession() as session, session.get(f"https://127.0.0.1:{port}/", ssl=trust) as answer:
        assert await answer.text() == "hello"
    await runner.cleanup()


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = ServerSettings(tls="files", tls_cert=tmp_path / "no.pem", tls_key=tmp_path / "no.key")
    with pytest.raises(BadInput) as caught:
        tls.context(missing, tmp_path, [])
    assert caught.value.code == "bad_certificate"
