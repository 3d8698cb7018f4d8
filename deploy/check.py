"""What can be wrong with settings that have the right form. `plenum run` looks before it starts anything, `config check` too."""

from __future__ import annotations

from deploy import tls
from plenum.errors import BadInput
from plenum.rtc_binding import MediaBinding
from plenum.settings import Settings
from plenum.store import connect


def check(settings: Settings) -> None:
    """Raises BadInput `bad_rtc_settings`, `bad_settings`, `bad_certificate`, `no_shared_secret`."""
    media_binding(settings)
    if settings.edge.upstream:
        check_edge(settings)
    if settings.redis.url:
        check_store_url(settings.redis.url)


def check_edge(settings: Settings) -> None:
    """What `plenum edge` needs. Raises BadInput `no_upstream`, `no_shared_secret`, `bad_certificate`."""
    if not settings.edge.upstream:
        raise BadInput(
            "An edge takes the feed from somewhere: --upstream https://live.example.org, or edge.upstream.",
            code="no_upstream",
        )
    if not settings.auth.secret:
        raise BadInput(
            "An edge checks tickets that its front signed: give it the same auth.secret (PLENUM_AUTH__SECRET_FILE names a file "
            "that holds it). A front that was given none keeps its own in secret.key in its data folder: set one there too.",
            code="no_shared_secret",
        )
    if settings.edge.upstream_ca is not None:
        tls.trusting(settings.edge.upstream_ca)


def media_binding(settings: Settings) -> MediaBinding:
    """Where media sockets bind: as set, else loopback alone for a loopback host, else this machine's addresses.

    Raises BadInput `bad_rtc_settings`.
    """
    rtc = settings.rtc
    addresses = tuple(rtc.bind) or _addresses(settings.server.host)
    return MediaBinding(addresses, rtc.public_address, rtc.port_min, rtc.port_max).checked()


def _addresses(host: str) -> tuple[str, ...]:
    if tls.is_loopback(host):
        return ("127.0.0.1" if host == "localhost" else host,)
    return tuple(tls.machine_addresses()) if host in ("0.0.0.0", "::") else (host,)  # noqa: S104 - compared, not bound


def check_store_url(url: str) -> None:
    """Raises BadInput `bad_settings`; without the address in it, which may hold a password."""
    try:
        connect(url)
    except ValueError:
        raise BadInput(
            "redis.url is not an address such as redis://HOST:6379/0, rediss://HOST or unix:///PATH.",
            code="bad_settings",
        ) from None
