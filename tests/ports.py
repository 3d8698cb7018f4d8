"""Ports for servers that must know theirs before they start.

Not from the system's own range: between this look and the server's start another test's connection could be given the same one.
Each worker of pytest-xdist has ports of its own.
"""

from __future__ import annotations

import itertools
import os
import socket

FIRST, EACH = 20_000, 1_500
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ours = range(FIRST + EACH * _worker, FIRST + EACH * (_worker + 1))
_next = itertools.islice(itertools.cycle(_ours), os.getpid() % EACH, None)


def free_port() -> int:
    """A port that nobody listens on; no two calls of a process give the same."""
    for port in itertools.islice(_next, EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")
