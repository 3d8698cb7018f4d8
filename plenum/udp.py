"""A UDP socket on the event loop that knows when the kernel received each datagram, and reads all that wait at once.

asyncio's own transport reads one datagram per turn of the loop and tells no time. A burst then looks like a slow network,
and a browser's congestion control believes it: its estimate fell from 5.6 to 0.7 Mbit/s within two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
import time
from typing import Any

DATAGRAM_MAX = 2048
READ_MAX = 64
"""Datagrams read before others on the loop have their turn."""
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")


class Datagram(bytes):
    """A datagram's bytes, and CLOCK_MONOTONIC in µs when the kernel received it."""

    arrival_us: int = 0


class UdpTransport(asyncio.DatagramTransport):
    """What aioice uses of a datagram transport; `attach` makes one."""

    def __init__(self, sock: socket.socket, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()})
        self._sock = sock
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._is_closing = False
        if sys.platform == "linux":
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        protocol.connection_made(self)
        self._loop.add_reader(sock, self._read)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """A full buffer drops the datagram, as the network would."""
        if self._is_closing:
            return
        try:
            self._sock.sendto(data, addr)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._protocol.error_received(error)

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._is_closing

    def _read(self) -> None:
        real_to_monotonic = time.monotonic_ns() - time.time_ns()
        for _ in range(READ_MAX):
            try:
                data, ancillary, _, address = self._sock.recvmsg(DATAGRAM_MAX + 1, 64)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:  # an ICMP error that some earlier datagram earned
                self._protocol.error_received(error)
                return
            datagram = Datagram(data)
            datagram.arrival_us = (_kernel_time(ancillary) + real_to_monotonic) // 1000
            self._protocol.datagram_received(datagram, address)
            if self._is_closing:
                return


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds of CLOCK_REALTIME; the time now where the kernel does not tell."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()
