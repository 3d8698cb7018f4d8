"""A feed that says what a test wants: the n-th connection gets the n-th script, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from loadtests.bench.tape import Tape, made
from loadtests.swarm.group import PushGroup
from loadtests.swarm.push import PushWorker
from loadtests.swarm.tally import PhaseResult, result_of
from plenum.media import Part
from plenum.wire import pack_init, pack_part, pack_programme

TAPE = made({"240p": 200_000, "audio": 64_000}, segments=2)
PICTURE = TAPE.only("240p")
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def framed(message: bytes) -> bytes:
    length = len(message)
    if length < 126:
        return struct.pack("!BB", 0x82, length) + message
    return struct.pack("!BBH" if length < 65_536 else "!BBQ", 0x82, 126 if length < 65_536 else 127, length) + message


def opening(tape: Tape = PICTURE) -> list[bytes]:
    return [pack_programme(tape.programme), *map(pack_init, tape.inits)]


def parts(tape: Tape = PICTURE) -> list[Part]:
    return list(tape.parts)


def script(said: Iterable[Part | bytes], tape: Tape = PICTURE) -> bytes:
    """A whole connection's bytes: programme, init segments, then these."""
    messages = [*opening(tape), *(pack_part(one) if isinstance(one, Part) else one for one in said)]
    return b"".join(map(framed, messages))


class ScriptedFeed:
    """Listens, answers the upgrade, says the script, and reads on until the client goes."""

    def __init__(self, scripts: Sequence[bytes], *, hang_up: bool = False) -> None:
        self._scripts = scripts
        self._hang_up = hang_up
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.heard: list[bytes] = []
        self.address = f"ws://127.0.0.1:{self._listener.getsockname()[1]}/live/test/feed"

    def __enter__(self) -> ScriptedFeed:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(2)
        for one in self._sockets:
            one.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        for said in self._scripts:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(one)
            self._start(self._talk, one, said)

    def _talk(self, one: socket.socket, said: bytes) -> None:
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += one.recv(4096)
            key = head.split(b"Sec-WebSocket-Key: ")[1].split(b"\r\n")[0]
            accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
            one.sendall(
                f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode()
            )
            self.heard.append(one.recv(4096))
            one.sendall(said)
            if self._hang_up:
                one.shutdown(socket.SHUT_WR)
            while heard := one.recv(4096):
                self.heard.append(heard)


def run(worker: PushWorker, until: int, quiet_s: float = 0.4) -> None:
    """Until so many parts have been counted in all, or nothing more comes."""
    heard_at, heard = time.monotonic(), -1
    while (now := worker.status().messages) < until and time.monotonic() - heard_at < quiet_s + (now == 0):
        if now != heard:
            heard_at, heard = time.monotonic(), now
        worker.step()


def watched(scripts: Sequence[bytes], *, until: int) -> PhaseResult:
    """What viewers of these scripts counted, so many parts each or fewer; the first script is the first viewer's."""
    worker = PushWorker("test")
    with ScriptedFeed(scripts) as feed:
        for _ in scripts:  # one after the other: the first one is the reference
            worker.add(PushGroup(((feed.address,),), ("t",), renditions=("240p",), beside=(), connect_per_s=1000))
            run(worker, worker.status().messages + until)
        ends = time.monotonic() + 0.12  # what comes after the last part
        while time.monotonic() < ends:
            worker.step()
        return result_of([worker.finish()], [worker.reference.digests()]).phase("test")
