"""One connected viewer of the push feed: the rules about it, the transport that they speak through, and its farewell."""

from __future__ import annotations

import asyncio
import fcntl
import termios
from array import array
from collections.abc import Awaitable, Mapping
from contextlib import suppress

from aiohttp import web

from plenum.wire import Bye, Resume, pack_bye
from sfu import direct, measures
from sfu.frames import frame
from sfu.line import BUSY_BYTES
from sfu.sealed import Sealed
from sfu.stream import Passing, Stream
from sfu.viewer import Limits, Viewer
from sfu.window import LIMIT_BYTES

FAREWELL_S = 2.0
"""How long a viewer that is sent away has to answer the close frame before the connection is cut."""
CLOSE_NORMAL = 1000
CLOSE_OTHER = 1008
CLOSE_CODES = {"too_slow": 4008, "ended": 1000, "restarting": 1012, "internal": 1011}
EDGE_LIMITS = Limits(unsent_s=60.0, unsent_min=LIMIT_BYTES, unsent_max=LIMIT_BYTES, gone_max=2 * LIMIT_BYTES)
"""An edge that was away is sent most of a window at once; there are few of them."""


class Client:
    """A connected viewer: the rules about it, and the transport that they speak through."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        *,
        is_edge: bool = False,
        is_beside: bool = False,
    ) -> None:
        self.viewer = Viewer(EDGE_LIMITS if is_edge else None, is_edge=is_edge)
        self._streams: Mapping[int, Stream] = self.viewer.streams
        self.is_edge = is_edge
        self.resumes: Resume | None = None
        """Where it was when it came, as long as this edge does not know the programme yet."""
        self.is_person = not is_edge and not is_beside
        """Not another relay further down, and not the second line of somebody."""
        self.closed = asyncio.Event()
        self._socket = socket
        self._transport = transport
        link = transport.get_extra_info("socket")
        self._link: int | None = link.fileno() if link is not None else None
        is_plain = transport.get_extra_info("ssl_object") is None
        self._plain = self._link if is_plain else None
        """Where bytes may be sent past the transport, while nothing waits in it."""
        self._sealed = Sealed(link) if link is not None and not is_plain else None
        self._queued = array("i", [0])
        self._scope: asyncio.Timeout | None = None
        self._close_code: int | None = None

    @property
    def is_gone(self) -> bool:
        return self._close_code is not None or self._transport.is_closing()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the network on this side of the kernel."""
        waiting = self._transport.get_write_buffer_size()
        if self._sealed is None or self.viewer.picture is None:
            return waiting
        return waiting + self._sealed.waiting(waiting, self.in_flight)

    @property
    def in_flight(self) -> int:
        """Bytes that the kernel was given and the other end has not confirmed, for whom a picture is chosen."""
        if self.viewer.picture is None or self._link is None or self.is_gone:
            return 0
        try:
            fcntl.ioctl(self._link, termios.TIOCOUTQ, self._queued)
        except OSError:  # closed in this very moment, or a socket without such a queue
            return 0
        return int(self._queued[0])

    def pass_on(self, passing: Passing, source: int | None, now: float) -> bool:
        """Write the part where it simply follows and nothing waits before it; else False, and `offer` decides.

        `source` is a descriptor that holds it, if any. Ten times a second for each viewer: nothing here asks more than it must.
        """
        stream = self._streams.get(passing.number)
        transport = self._transport
        if stream is None or stream.passed is not passing.before or transport.get_write_buffer_size():
            return False
        if transport.is_closing():  # uvloop would raise; and the descriptor may be somebody else's by now
            return False
        if passing.picture_s and self.in_flight >= BUSY_BYTES:  # of a picture that was chosen: the rules want to know
            return False
        wire = passing.part.wire
        sent = direct.send(self._plain, wire, source) if self._plain is not None else 0
        if self._sealed is not None:
            self._sealed.wrote(passing.size)
        if sent < passing.size:
            transport.write(memoryview(wire)[sent:] if sent else wire)
        self.viewer.passed_on(stream, passing, now)
        return True

    def write(self, message: bytes) -> int:
        """A whole WebSocket message; uvloop raises on a closed transport, hence the look first."""
        if self.is_gone:
            return 0
        self._transport.write(message)
        if self._sealed is not None:
            self._sealed.wrote(len(message))
        return len(message)

    def dismiss(self, bye: Bye, close_code: int | None = None) -> None:
        """Tell the viewer, write nothing more, and let `stay` end."""
        if self.is_gone:
            return
        measures.evicted.labels(reason=bye.code).inc()
        self.write(frame(pack_bye(bye)).wire)
        self._streams = {}  # nothing is passed on any more
        self._close_code = CLOSE_CODES.get(bye.code, CLOSE_OTHER) if close_code is None else close_code
        if self._scope is not None:
            self._scope.reschedule(0.0)

    async def stay(self, listening: Awaitable[None]) -> None:
        """Listen until the viewer leaves or is dismissed.

        The closing handshake needs the reading side for itself (RFC 6455 7.1.2), so a dismissal has to end the listening
        first: a timeout that is set to now does it without one more task for each viewer.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as self._scope:
                if self._close_code is not None:
                    self._scope.reschedule(0.0)
                await listening
        self._scope = None

    async def close(self) -> None:
        """The closing handshake; who does not answer in time is cut off."""
        with suppress(ConnectionError, TimeoutError, RuntimeError):
            async with asyncio.timeout(FAREWELL_S):
                await self._socket.close(code=self._close_code or CLOSE_NORMAL)
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        self.closed.set()
