"""The non-blocking sockets of the swarm: connecting, TLS, writing. Who reads one decides what the bytes mean."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress
from typing import Generic, TypeVar
from urllib.parse import urlsplit

Owner = TypeVar("Owner")

READ_BYTES = 256 * 1024
SLOW_READER_BUFFER = 32 * 1024
"""Else the kernel takes in seconds of media for a reader that reads nothing."""
READING, WRITING = select.EPOLLIN, select.EPOLLOUT
AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
SECURE = ("wss:", "https:")


def broken(error: OSError) -> str:
    """What a report says of a connection on which this was raised."""
    return f"the connection broke: {error.strerror or type(error).__name__}"


def trusting(ca_file: str) -> ssl.SSLContext:
    """A client's context: this certificate alone, or any where none is named."""
    context = ssl.create_default_context(cafile=ca_file or None)
    context.check_hostname = False
    if not ca_file:
        context.verify_mode = ssl.CERT_NONE
    return context


class Link:
    """One TCP or TLS connection."""

    __slots__ = ("_epoll", "_events", "_host", "_out", "_tls", "fd", "is_connected", "is_tls", "reads", "socket")

    def __init__(self, url: str, epoll: select.epoll, tls: ssl.SSLContext | None, *, reads: bool = True) -> None:
        """Begin to connect. Raises OSError where that fails at once."""
        parts = urlsplit(url)
        self.is_tls = parts.scheme in ("wss", "https")
        self._host = parts.hostname or "localhost"
        port = parts.port or (443 if self.is_tls else 80)
        self._epoll, self._out, self._tls = epoll, b"", tls if self.is_tls else None
        self.reads = True  # a slow reader too reads the answer to its upgrade; then it is `only_when_asked`
        self.is_connected = False
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self.socket: socket.socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.socket.setblocking(False)
            if not reads:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_READER_BUFFER)
            with suppress(BlockingIOError):
                self.socket.connect((self._host, port))
        except OSError:
            self.socket.close()
            raise
        self.fd = self.socket.fileno()
        self._events = READING | WRITING
        epoll.register(self.fd, self._events)

    def progress(self) -> bool:
        """Go on connecting; True once it is. Raises OSError (ssl.SSLError is one)."""
        if self.is_connected:
            return True
        error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "connecting failed")
        if self._tls is not None and not isinstance(self.socket, ssl.SSLSocket):
            self.socket = self._tls.wrap_socket(self.socket, server_hostname=self._host, do_handshake_on_connect=False)
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except ssl.SSLWantReadError:
                self._watch(READING)
                return False
            except ssl.SSLWantWriteError:
                self._watch(READING | WRITING)
                return False
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_connected = True
        self._watch(READING)
        return True

    def send(self, data: bytes) -> None:
        """Now, or as soon as there is room. Raises OSError."""
        if self._out:
            self._out += data
            return
        try:
            sent = self.socket.send(data)
        except AGAIN:
            sent = 0
        if sent < len(data):
            self._out = data[sent:]
            self._watch(READING | WRITING)

    def flush(self) -> None:
        """What could not be sent before. Raises OSError."""
        if not self._out:
            return
        data, self._out = self._out, b""
        self.send(data)
        if not self._out:
            self._watch(READING)

    def pending(self) -> bool:
        """Decrypted bytes wait here, of which epoll knows nothing."""
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def only_when_asked(self) -> None:
        """Epoll does not say any more that there is something to read: a slow reader looks by itself."""
        self.reads = False
        self._watch(READING)

    def whenever_there_is(self) -> None:
        self.reads = True
        self._watch(READING)

    def close(self) -> None:
        with suppress(OSError, ValueError):
            self._epoll.unregister(self.fd)
        self.socket.close()

    def _watch(self, events: int) -> None:
        if not self.reads and self.is_connected:
            events &= ~READING
        if events != self._events:
            self._events = events
            self._epoll.modify(self.fd, events)


class Links(Generic[Owner]):
    """All open connections of one process: one epoll, and whose each socket is."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.by_fd: dict[int, Owner] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    def context(self, url: str, ca_file: str) -> ssl.SSLContext | None:
        """With whom to speak TLS at this address; None where it has none."""
        if not url.startswith(SECURE):
            return None
        if ca_file not in self._contexts:
            self._contexts[ca_file] = trusting(ca_file)
        return self._contexts[ca_file]

    def keep(self, link: Link, owner: Owner) -> None:
        self.by_fd[link.fd] = owner

    def drop(self, link: Link) -> None:
        self.by_fd.pop(link.fd, None)
        link.close()

    def close(self) -> None:
        """The epoll; each link has been dropped."""
        self.epoll.close()
