"""TLS of the main port, and who may be reached without it."""

import asyncio
import datetime
import socket
import ssl
import stat
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy import demo, tls
from plenum.errors import BadInput
from plenum.listen import listen
from plenum.settings import ServerSettings, Settings
from plenum.web import application


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


@pytest.mark.parametrize(
    ("host", "public_url", "named"),
    [
        ("hall-7", "https://live.example.org:8443", {"hall-7", "live.example.org"}),
        ("Hall-7.Example.ORG.", "https://203.0.113.7", {"hall-7.example.org", "203.0.113.7"}),
        ("my_machine", "https://bühne.example", {"xn--bhne-0ra.example"}),
        ("", "https://[2001:db8::7]", {"2001:db8::7"}),
        ("x" * 70, "", set()),
    ],
)
def test_a_certificate_is_for_the_machine_s_name_and_the_public_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, public_url: str, named: set[str]
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(tls, "machine_addresses", lambda: ["192.0.2.5"])
    names = tls.certificate_names(ServerSettings(tls="auto", public_url=public_url))
    assert set(names) == {"localhost", "127.0.0.1", "192.0.2.5"} | named
    assert tls.context(ServerSettings(tls="auto"), tmp_path, names)


async def test_who_shakes_no_hands_or_says_nothing_after_it_is_closed(tmp_path: Path) -> None:
    settings = ServerSettings(tls="auto")
    context = tls.context(settings, tmp_path, ["localhost", "127.0.0.1"])
    runner = web.AppRunner(application())
    await runner.setup()
    server = await listen(runner, "127.0.0.1", 0, context, header_deadline_s=0.3)
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=tls.make(tmp_path / "tls", ["localhost", "127.0.0.1"])[0])
    for handshake in (None, trusting):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=handshake)
        async with asyncio.timeout(3):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
    server.close()
    await runner.cleanup()


async def test_a_client_that_trusts_the_certificate_gets_through(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, server=ServerSettings(tls="auto"))
    assert await hello_by(settings, ["localhost", "127.0.0.1"]) == "hello"


async def test_a_certificate_of_an_authority_is_trusted_by_our_own_clients(tmp_path: Path) -> None:
    cert, key = signed_by_an_authority(tmp_path, "live.example.org")
    assert await hello_by(Settings(server=ServerSettings(tls="files", tls_cert=cert, tls_key=key)), []) == "hello"


def signed_by_an_authority(folder: Path, name: str) -> tuple[Path, Path]:
    """A leaf and its key, as an internal authority hands them out: without the authority's own certificate."""
    authority, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "An authority")]))
        .public_key(leaf.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        leaf.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert, key


async def hello_by(settings: Settings, names: list[str]) -> str:
    """What a server with these settings says to one of our own clients."""
    context = tls.context(settings.server, settings.data_dir, names)
    app = web.Application()

    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app.add_routes([web.get("/", hello)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    trust = demo.trust(settings)
    assert isinstance(trust, ssl.SSLContext)
    try:
        async with ClientSession() as session, session.get(f"https://127.0.0.1:{port}/", ssl=trust) as answer:
            return await answer.text()
    finally:
        await runner.cleanup()


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = ServerSettings(tls="files", tls_cert=tmp_path / "no.pem", tls_key=tmp_path / "no.key")
    with pytest.raises(BadInput) as caught:
        tls.context(missing, tmp_path, [])
    assert caught.value.code == "bad_certificate"
