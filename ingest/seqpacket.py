"""A control connection between two processes on this machine: whole packets, each with at most one file descriptor."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

PACKET_MAX = 128 * 1024

OnPacket = Callable[[bytes, int | None], None]
"""Called with a packet and the descriptor that came with it, which now belongs to the callee."""


def seqpacket_pair() -> tuple[socket.socket, socket.socket]:
    """Both ends, non-blocking."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setblocking(False)
    return ends


class ControlConnection:
    """One end. Packets are handed over as they come; `closed` is done when the other process is gone."""

    def __init__(self, sock: socket.socket, on_packet: OnPacket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_packet = on_packet
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(sock, self._read)

    def send(self, packet: bytes, descriptor: int | None = None) -> bool:
        """False where the other side is gone or has not read for so long that its socket is full."""
        try:
            socket.send_fds(self._sock, [packet], [] if descriptor is None else [descriptor])
        except OSError:
            return False
        return True

    def close(self) -> None:
        if not self.closed.done():
            self._loop.remove_reader(self._sock)
            self._sock.close()
            self.closed.set_result(None)

    def _read(self) -> None:
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._sock, PACKET_MAX, 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            packet, descriptors = b"", []
        if packet:
            self._on_packet(packet, descriptors[0] if descriptors else None)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        self.close()
