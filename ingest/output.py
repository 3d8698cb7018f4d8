"""Feed messages on their way to ingest: a thread that writes, a bounded queue before it.

The programme never waits for its reader. A reader that takes nothing for three seconds is stuck; nobody is helped by
parts that are late by then, so the transcoder gives up and says why.
"""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable

from ingest.control import pack_output

STUCK_S = 3.0
LIMIT = 512
"""Messages; a ladder of three and its sound make 20 a second."""


class OutputStuck(Exception):
    """The reader does not read."""


class OutputClosed(Exception):
    """The reader is gone."""


class Output:
    """Owns the socket's writing side."""

    def __init__(self, sock: socket.socket, failed: Callable[[Exception], None]) -> None:
        sock.settimeout(STUCK_S)
        self._socket = sock
        self._failed = failed
        self._queue: queue.Queue[bytes | None] = queue.Queue(LIMIT)
        self._thread = threading.Thread(target=self._write, name="output", daemon=True)
        self._thread.start()

    def put(self, message: bytes) -> None:
        """Queue a feed message. A full queue is a stuck reader."""
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self._failed(OutputStuck("The output queue is full."))

    def close(self) -> None:
        """Write what waits, then stop."""
        self._queue.put(None, timeout=STUCK_S)
        self._thread.join(STUCK_S)

    def _write(self) -> None:
        try:
            while (message := self._queue.get()) is not None:
                self._socket.sendall(pack_output(message))
        except TimeoutError:
            self._failed(OutputStuck(f"Nothing was read from the output for {STUCK_S} s."))
        except OSError as error:
            self._failed(OutputClosed(str(error)))
