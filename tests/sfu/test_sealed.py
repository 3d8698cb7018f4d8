"""What lies between TLS and the kernel, where no transport tells."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from plenum.wire import AUTO, pack_padding
from sfu.frames import frame
from tests.sfu.feed_front import EVENT, Sloth, StartFront, until
from tests.sfu.feed_media import Film
from tests.sfu.feed_origin import Origin, live

MARGIN = 2 * 1024
"""What others write (session tickets), until the line is idle once."""


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    held = tmp_path / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    held.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(held)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


async def test_what_waits_below_tls_is_known_and_gone_when_it_was_taken(
    start_front: StartFront, origin: Origin, film: Film, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    front = await start_front(tls=contexts[0])
    await origin.begin(film, 1)
    sloth = await Sloth.watch(front, AUTO, tls=contexts[1])
    await until(lambda: front.delivery.viewers(EVENT) == 1)
    room = front.delivery.find(EVENT)
    assert room is not None
    (client,) = room.clients
    plain = client._transport._ssl_protocol._transport  # type: ignore[attr-defined]
    wire = frame(pack_padding(5_000)).wire
    while plain.get_write_buffer_size() < 40_000:
        client.write(wire)
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.05)
    really = client._transport.get_write_buffer_size() + plain.get_write_buffer_size()
    assert plain.get_write_buffer_size() > 16_000, "nothing hidden: the test shows nothing"
    assert abs(client.unsent - really) < MARGIN
    reading = asyncio.create_task(drain(sloth))
    await until(lambda: client.unsent + client.in_flight == 0)
    assert plain.get_write_buffer_size() == 0
    reading.cancel()
    sloth.writer.transport.abort()


async def test_a_slow_reader_over_tls_is_given_a_smaller_picture(
    start_front: StartFront, origin: Origin, film: Film, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    front = await start_front(tls=contexts[0])
    await origin.begin(film, 0)
    sloth = await Sloth.watch(front, AUTO, tls=contexts[1])
    await until(lambda: front.delivery.viewers(EVENT) == 1)
    room = front.delivery.find(EVENT)
    assert room is not None
    (client,) = room.clients
    async with live(origin, film, 0):
        await until(lambda: client.viewer.shown == "180p")
    assert client.unsent < 64 * 1024
    sloth.writer.transport.abort()


async def drain(sloth: Sloth) -> None:
    sloth.writer.transport._ssl_protocol._transport.resume_reading()  # type: ignore[attr-defined]
    while await sloth.reader.read(65_536):
        pass
