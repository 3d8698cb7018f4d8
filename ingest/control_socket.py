"""The transcoder's end of its control socket: whole messages, a descriptor with some, never waiting to be read."""

from __future__ import annotations

import contextlib
import os
import socket

from ingest.control import MAX_MESSAGE, ToIngest, ToTranscoder, decode_to_transcoder, encode_control


class ControlClosed(Exception):
    """Ingest is gone."""


class ControlStuck(Exception):
    """Ingest has not read its messages for long: hundreds fit into the socket."""


class ControlSocket:
    """Owns the socket; messages may be sent from any thread, each is one packet."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock

    def fileno(self) -> int:
        return self._socket.fileno()

    def receive(self) -> tuple[ToTranscoder, socket.socket | None] | None:
        """The next message and the socket that came with it; None where there is none.

        Raises ControlClosed, and BadInput `bad_control`.
        """
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._socket, MAX_MESSAGE, 4)
        except BlockingIOError:
            return None
        except OSError:
            raise ControlClosed from None
        if not packet:
            raise ControlClosed
        plug = _first(descriptors)
        try:
            return decode_to_transcoder(packet), plug
        except BaseException:
            if plug is not None:
                plug.close()
            raise

    def send(self, message: ToIngest) -> None:
        """Raises ControlStuck, ControlClosed."""
        try:
            self._socket.send(encode_control(message))
        except BlockingIOError:
            raise ControlStuck("Ingest does not read the control socket.") from None
        except OSError:
            raise ControlClosed from None


def _first(descriptors: list[int]) -> socket.socket | None:
    for surplus in descriptors[1:]:
        with contextlib.suppress(OSError):
            os.close(surplus)
    return socket.socket(fileno=descriptors[0]) if descriptors else None
