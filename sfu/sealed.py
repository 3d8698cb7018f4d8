"""Bytes of a TLS connection between its TLS layer and the kernel.

What surprises: below the transport that TLS offers lies a plain one, whose buffer (64 KiB) nobody can ask for: a second of a
narrow line, of which a viewer's rules would know nothing. But what went into it is known, and what the kernel took of that too.
Linux; elsewhere nothing is known of it.
"""

from __future__ import annotations

import socket
import struct

RECORD_BYTES = 16 * 1024
RECORD_COST = 22
"""RFC 8446 5.2: header, type and tag of each record. A few more in TLS 1.2, and what others write (pings), is forgotten
whenever the kernel has nothing left."""
_TCP_INFO_BYTES = 128
_ACKED = struct.Struct("@Q")
_ACKED_AT = 120
"""`tcpi_bytes_acked` in `struct tcp_info` of linux/tcp.h, since 4.1."""


class Sealed:
    """What one connection was given, and what became of it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._sealed = 0
        """Bytes that TLS made of what was written, since `_since`."""
        self._since: int | None = None
        """What the other end had confirmed when nothing was on its way."""

    def wrote(self, size: int) -> None:
        self._sealed += size + RECORD_COST * -(-size // RECORD_BYTES)

    def waiting(self, in_tls: int, in_kernel: int) -> int:
        """Bytes in between, where so many are in the TLS layer still, and in the kernel (not sent, or not confirmed)."""
        acked = self._acked()
        if acked is None:
            return 0
        if self._since is None or (in_tls == 0 and in_kernel == 0):
            # The plain transport gives on whatever the kernel has room for, and that has nothing: so nothing is there.
            self._since, self._sealed = acked + in_kernel, in_tls
        return max(0, self._sealed - in_tls - (acked + in_kernel - self._since))

    def _acked(self) -> int | None:
        if not hasattr(socket, "TCP_INFO"):
            return None
        try:
            info = self._link.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        except OSError:  # closed in this very moment, or not TCP
            return None
        return int(_ACKED.unpack_from(info, _ACKED_AT)[0]) if len(info) >= _TCP_INFO_BYTES else None
