"""The bare send loop: `python -m loadtests.bench.send_loop --port 0 --tape FILE --viewers N`; says `ready PORT`.

Python opens the sockets and hands them, upgraded and greeted, to `send_loop.c`, compiled at that moment, by becoming that
program: so the process keeps its number, and its accounts hold the loop alone from then on.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from loadtests.bench.tape import Tape, decoded
from loadtests.swarm.websocket import GUID
from plenum.wire import HEADER_SIZE, SUBPROTOCOL, pack_init, pack_part, pack_programme

SOURCE = Path(__file__).with_suffix(".c")
WALL_AT = HEADER_SIZE - 8
LEAD_S = 0.3


def compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def build(folder: Path) -> Path:
    """Raises RuntimeError where there is no C compiler, or it does not like the source."""
    program = compiler()
    if program is None:
        raise RuntimeError("no C compiler")
    made = folder / "send_loop"
    done = subprocess.run([program, "-O2", "-o", str(made), str(SOURCE)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return made


def framed(message: bytes) -> tuple[bytes, int]:
    """As a server's WebSocket frame, and the length of that frame's head."""
    length = len(message)
    if length < 126:
        head = struct.pack("!BB", 0x82, length)
    elif length < 65_536:
        head = struct.pack("!BBH", 0x82, 126, length)
    else:
        head = struct.pack("!BBQ", 0x82, 127, length)
    return head + message, len(head)


def schedule(tape: Tape, start_us: int, seconds: float) -> bytes:
    """What the C program reads: every message of so many seconds, its wall clock written in."""
    pieces = [struct.pack("=Q", start_us)]
    for due_s, part in tape.played():
        if due_s > seconds:
            break
        wire, head = framed(pack_part(part))
        wall = struct.pack("!q", part.wall_us + start_us)
        wire = wire[: head + WALL_AT] + wall + wire[head + HEADER_SIZE :]
        pieces.append(struct.pack("=QII", round(due_s * 1e6), len(wire), 0) + wire)
    return b"".join(pieces)


def greet(link: socket.socket, tape: Tape) -> None:
    """Answer the upgrade, hear the subscription, say what comes before the first part."""
    head = b""
    while b"\r\n\r\n" not in head:
        head += link.recv(8192)
    key = head.lower().split(b"sec-websocket-key:")[1].split(b"\r\n")[0]
    key = head[head.lower().index(key) :][: len(key)].strip()
    accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest()).decode()
    answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    answer += [f"Sec-WebSocket-Accept: {accept}", f"Sec-WebSocket-Protocol: {SUBPROTOCOL}", "", ""]
    link.sendall("\r\n".join(answer).encode())
    link.recv(8192)
    for message in (pack_programme(tape.programme), *map(pack_init, tape.inits)):
        link.sendall(framed(message)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tape", type=Path, required=True)
    parser.add_argument("--viewers", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    tape = decoded(options.tape.read_bytes())
    folder = Path(tempfile.mkdtemp(prefix="plenum-send-loop-"))
    program = build(folder)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=4096)
    print("ready", listener.getsockname()[1], flush=True)
    links = []
    for _ in range(options.viewers):
        link, _ = listener.accept()
        greet(link, tape)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        os.set_inheritable(link.fileno(), True)
        links.append(link)
    file = folder / "schedule"
    file.write_bytes(schedule(tape, round((time.time() + LEAD_S) * 1e6), options.seconds))
    numbers = [str(link.fileno()) for link in links]
    sys.stdout.flush()
    os.execv(program, [str(program), str(file), str(len(links)), *numbers])  # noqa: S606 - becomes the loop


if __name__ == "__main__":
    main()
