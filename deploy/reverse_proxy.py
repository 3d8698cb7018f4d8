"""The configuration with which nginx stands in front of Plenum: `deploy/nginx/plenum.conf` with this platform's values in it.

What surprises: the file is included in somebody else's `http { }`, so it defines nothing outside its own servers but one
upstream, one cache and one map, all called plenum.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from plenum.errors import BadInput
from plenum.settings import ServerSettings

TEMPLATE = Path(__file__).parent / "nginx" / "plenum.conf"
CACHE = Path("/dev/shm/plenum-cache")  # noqa: S108 - nginx makes it for its own user; memory, since parts live for half a minute
CACHE_MB = 512
SNDBUF = "256k"
_NAME = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,39}\]")
_ENDPOINT = re.compile(r"(unix:/[A-Za-z0-9._/-]+|([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]{2,39}\]):[0-9]{1,5})")
_PATH = re.compile(r"/[A-Za-z0-9._/@+-]+")
_MARK = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True, slots=True)
class Site:
    """What differs from one installation to the next."""

    name: str
    """As people's browsers write it, without a port."""
    cert: Path
    key: Path
    upstreams: Sequence[str]
    """`host:port` or `unix:/path` of fronts."""
    https: str = "443"
    """A port, or one address with a port."""
    http: str = "80"
    cache: Path = CACHE
    cache_mb: int = field(default=CACHE_MB)


def site(server: ServerSettings, cert: Path | None, key: Path | None, upstreams: Sequence[str]) -> Site:
    """What the settings say of it. Raises BadInput `bad_nginx_value` that says what is missing."""
    address = urlsplit(server.public_url)
    if not address.hostname:
        raise _bad("nginx has to know the name that people use: set server.public_url, or give --public-url.")
    cert, key = cert or server.tls_cert, key or server.tls_key
    if cert is None or key is None:
        raise _bad("nginx needs a certificate: set server.tls_cert and server.tls_key, or give --cert and --key.")
    host = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    return Site(
        name=host,
        cert=cert.absolute(),
        key=key.absolute(),
        upstreams=list(upstreams) or [f"{_reached(server.host)}:{server.port}"],
        https=str(address.port or 443),
    )


def configuration(of: Site) -> str:
    """The file's text. Raises BadInput `bad_nginx_value` for what nginx would read as something else."""
    for path in (of.cert, of.key, of.cache):
        _fits(_PATH, str(path))
    for upstream in of.upstreams:
        _fits(_ENDPOINT, upstream)
    _fits(_NAME, of.name)
    port = of.https.rpartition(":")[2]
    values = {
        "NAME": of.name,
        "HTTPS_SUFFIX": "" if port == "443" else f":{port}",
        "CERT": str(of.cert),
        "KEY": str(of.key),
        "CACHE": str(of.cache),
        "CACHE_SIZE": f"{of.cache_mb}m",
        "UPSTREAMS": "\n    ".join(f"server {upstream};" for upstream in of.upstreams),
        "LISTEN_HTTP": _listen(of.http, ""),
        "LISTEN_HTTPS": _listen(of.https, f" ssl http2 backlog=4096 sndbuf={SNDBUF} so_keepalive=60s:10s:3"),
    }
    return _MARK.sub(lambda mark: values[mark[1]], TEMPLATE.read_text(encoding="utf-8"))


def _listen(where: str, options: str) -> str:
    """A port alone is listened on by IPv4 and IPv6."""
    if not where.isdecimal():
        return f"listen {_fits(_ENDPOINT, where)}{options};"
    return f"listen {where}{options};\n    listen [::]:{where}{options};"


def _reached(host: str) -> str:
    """How nginx on the same machine reaches what listens on `host`."""
    if host in ("0.0.0.0", "::", "localhost"):  # noqa: S104 - compared, not bound
        return "127.0.0.1" if host != "::" else "[::1]"
    return f"[{host}]" if ":" in host else host


def _fits(expression: re.Pattern[str], value: str) -> str:
    if not expression.fullmatch(value):
        raise _bad(f"'{value}' cannot stand in nginx's configuration.")
    return value


def _bad(sentence: str) -> BadInput:
    return BadInput(sentence, code="bad_nginx_value")
