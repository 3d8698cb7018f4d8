"""A real WHIP publisher on aiortc: `plenum present`, the demo's presenter, tests and load tests.

It posts an offer, connects, and sends a film or the test picture with the film's own timing. aiortc does ICE, DTLS and
SRTP; encoding, RTP and RTCP are ours (`broadcast.py`, `rtp_stream.py`), for exact clocks and a picture without its 1
Mbit/s ceiling. May be started again after it has ended.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl as tls
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from plenum import errors
from plenum.errors import Unavailable
from plenum.film import Film
from plenum.log import get_logger
from plenum.media_source import MediaSource
from plenum.rtc_binding import MediaBinding
from plenum.rtc_seam import interface_addresses
from plenum.testsrc import TestSource
from plenum.whip_session import PublisherStats, WhipSession

log = get_logger("publisher")

TESTSRC = "testsrc"
BITRATE_BPS = 6_000_000
RETRY_FIRST_S, RETRY_MAX_S = 0.5, 5.0


class WhipPublisher:
    """Publishes one source into one event.

    `source` is a film file, `testsrc`, or a `MediaSource`. `bind` names local addresses for media; by default loopback
    where the server is on loopback, else those of all interfaces.
    """

    def __init__(
        self,
        url: str,
        token: str,
        source: str | Path | MediaSource = TESTSRC,
        *,
        loop: bool = False,
        bitrate_bps: int = BITRATE_BPS,
        ssl: tls.SSLContext | None = None,
        bind: Sequence[str] = (),
        reconnect: bool = False,
    ) -> None:
        self._url = url
        self._token = token
        self._source = source
        self._is_looping = loop
        self._bitrate_bps = bitrate_bps
        self._ssl = ssl
        self._bind = tuple(bind)
        self._reconnects = reconnect
        self._session: WhipSession | None = None
        self.stats = PublisherStats()

    async def start(self) -> None:
        """Connect and begin to send.

        Raises BadInput (`unreadable_file`, `no_video`), what the server answered, or Unavailable (`unreachable`,
        `never_connected`).
        """
        await self._begin("")

    async def _begin(self, replaces: str) -> None:
        await self.stop()
        self.stats = PublisherStats()
        source = self._open_source()
        try:
            self._session = await self._connect(source, replaces)
        except BaseException:
            source.close()
            raise

    async def wait(self) -> None:
        """Until the source is over. Raises Unavailable `connection_lost`, unless told to reconnect."""
        while (session := self._session) is not None:
            try:
                await session.wait()
                return
            except Unavailable:
                if not self._reconnects:
                    raise
                await self._come_back(session.name)

    async def stop(self) -> None:
        """End the session at the server (DELETE) and release everything."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _come_back(self, broken: str) -> None:
        """A new session, after half a second, then ever more slowly; what the server refuses for good is raised, also
        that another source of the same person took the place of the broken one."""
        pause = RETRY_FIRST_S
        reconnects = self.stats.reconnects + 1
        while True:
            await asyncio.sleep(pause)
            try:
                await self._begin(broken)
            except (Unavailable, errors.TooMany) as error:
                log.warning("publisher_retries", code=error.code)
                pause = min(RETRY_MAX_S, max(pause * 2, error.retry_s or 0))
            else:
                self.stats.reconnects = reconnects
                return

    def _open_source(self) -> MediaSource:
        if self._source == TESTSRC:
            return TestSource()
        if isinstance(self._source, str | Path):
            return Film(Path(self._source), loop=self._is_looping)
        return self._source

    async def _connect(self, source: MediaSource, replaces: str) -> WhipSession:
        session = WhipSession(self._url, self._token, self._ssl, self.stats, replaces)
        try:
            await session.open(source, self._binding(), self._bitrate_bps)
        except BaseException:
            await session.close()
            raise
        return session

    def _binding(self) -> MediaBinding:
        if self._bind:
            return MediaBinding(self._bind).checked()
        host = urlsplit(self._url).hostname or ""
        if _is_loopback(host):
            return MediaBinding(("::1",) if ":" in host else ("127.0.0.1",))
        addresses = [address for version in (4, 6) for address in interface_addresses(version)]
        return MediaBinding(tuple(address for address in addresses if not _is_loopback(address)) or ("127.0.0.1",))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
