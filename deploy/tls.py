"""`--tls auto`: a key and a certificate made here, so that browsers on other machines may use their cameras.

The certificate is self-signed for the machine's names and addresses and kept in the data folder; a browser asks once.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import re
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from plenum.errors import BadInput
from plenum.settings import ServerSettings

VALID_DAYS = 397
"""The longest life browsers accept."""
RENEW_DAYS = 30
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
"""What may stand in a certificate; a machine may be called otherwise."""


def context(server: ServerSettings, data_dir: Path, names: list[str]) -> ssl.SSLContext | None:
    """The main port's TLS, or None for plain HTTP. Raises BadInput `tls_needed`, `bad_certificate`."""
    if server.tls in ("off", "proxy"):
        if server.tls == "off" and not is_loopback(server.host):
            raise BadInput(
                f"On {server.host} browsers give no camera without HTTPS, and anybody could read along. "
                "Add --tls auto, or --tls proxy when something in front terminates TLS.",
                code="tls_needed",
            )
        return None
    cert, key = (server.tls_cert, server.tls_key) if server.tls == "files" else make(data_dir / "tls", names)
    if cert is None or key is None:
        raise BadInput("--tls files needs server.tls_cert and server.tls_key.", code="bad_certificate")
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        made.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"The certificate {cert} cannot be used: {error}", code="bad_certificate") from None
    return made


def trusting(authority: Path) -> ssl.SSLContext:
    """For connections to a server whose certificate this file vouches for. Raises BadInput `bad_certificate`."""
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise BadInput(f"The certificate {authority} cannot be used: {error}", code="bad_certificate") from None


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def machine_addresses() -> list[str]:
    """This machine's addresses as others see them, without loopback."""
    found: set[str] = set()
    for family, probe in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(
                family, socket.SOCK_DGRAM
            ) as udp:  # connect() on UDP sends nothing: it asks for the route
                udp.connect((probe, 9))
                found.add(udp.getsockname()[0])
        except OSError:
            continue
    with contextlib.suppress(OSError):
        found |= {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None)}
    return sorted(address for address in found if not is_loopback(address.partition("%")[0]))


def certificate_names(server: ServerSettings) -> list[str]:
    """Everything a browser may call this machine: loopback, its host name, the public address, its own addresses."""
    called = [socket.gethostname(), urlsplit(server.public_url).hostname or ""]
    named = [name for name in map(_ascii, called) if is_address(name) or _HOST.fullmatch(name)]
    return list(dict.fromkeys(["localhost", "127.0.0.1", *named, *machine_addresses()]))


def _ascii(name: str) -> str:
    """The name as certificates have it (IDNA), or nothing where that is not possible."""
    try:
        return name.lower().rstrip(".").encode("idna").decode()
    except UnicodeError:
        return ""


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def make(folder: Path, names: list[str]) -> tuple[Path, Path]:
    """Certificate and key in `folder`, made anew when absent, near its end, or not for these names."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    if cert.exists() and key.exists() and _still_good(cert, names):
        return cert, key
    folder.mkdir(parents=True, exist_ok=True)
    private = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64] if names else "plenum")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    _write_private(
        key,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return cert, key


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _still_good(path: Path, names: list[str]) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left.days >= RENEW_DAYS and {_general_name(n) for n in names} <= set(alternatives)


def _write_private(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
