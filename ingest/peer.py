"""The peer process: one presenter's connection. `python -m ingest.peer --control FD`, started by `ingest/peers.py`.

Receives encoded media and writes it as samples to the transcoder's socket, without any codec code of its own: a hostile
stream harms at most the transcoder that decodes it, and when that dies this connection lives on. Starts as a spare that
has everything imported, and serves one session, then exits.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterable
from typing import Any

import msgspec

from ingest.aiortc_seam import ReceivingSession
from ingest.backlog import Backlog
from ingest.peer_messages import (
    Close,
    Ended,
    FromPeer,
    Open,
    Opened,
    PeerEnd,
    PeerStats,
    Plug,
    Refused,
    Spare,
    decode_to_peer,
    encode,
)
from ingest.reception import Reception
from ingest.samples import WANT_KEYFRAME, Sample
from ingest.seqpacket import ControlConnection
from plenum.errors import BadInput, PlenumError
from plenum.log import configure, get_logger
from plenum.offer import read_offer

log = get_logger("peer")

TICK_S = 0.02
STATS_EVERY_S = 1.0
_PR_SET_PDEATHSIG = 1


def now_us() -> int:
    return time.monotonic_ns() // 1000


class Outlet:
    """The sample socket to the transcoder: never waits, `ingest/backlog.py` decides what is dropped."""

    def __init__(self, sock: socket.socket, on_keyframe_wanted: asyncio.Event) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._wanted = on_keyframe_wanted
        self._loop = asyncio.get_running_loop()
        self._is_waiting = False
        self.is_open = True
        self.backlog = Backlog()
        self._loop.add_reader(sock, self._read)

    def write(self, samples: Iterable[Sample]) -> None:
        if not self.is_open:
            return
        for sample in samples:
            self.backlog.offer(sample)
        if not self._is_waiting:
            self._flush()

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()

    def _flush(self) -> None:
        while (head := self.backlog.head()) is not None:
            try:
                self.backlog.written(self._sock.send(head))
            except (BlockingIOError, InterruptedError):
                self._wait()
                return
            except OSError:  # the transcoder is gone; a new one gets a new socket
                self.close()
                return
        self._loop.remove_writer(self._sock)
        self._is_waiting = False
        if self.backlog.wants_keyframe:
            self._wanted.set()

    def _wait(self) -> None:
        if not self._is_waiting:
            self._is_waiting = True
            self._loop.add_writer(self._sock, self._flush)

    def _read(self) -> None:
        try:
            asked = self._sock.recv(256)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            asked = b""
        if not asked:
            self.close()
        elif WANT_KEYFRAME in asked:
            self._wanted.set()


class PeerProcess:
    """The process's one session, from spare to its end."""

    def __init__(self, control: socket.socket) -> None:
        self._orders: asyncio.Queue[tuple[bytes, int | None]] = asyncio.Queue(maxsize=16)
        self._control = ControlConnection(control, self._on_packet)
        self._session = ReceivingSession()
        self._reception: Reception | None = None
        self._outlet: Outlet | None = None
        self._keyframe_wanted = asyncio.Event()
        self._closing: asyncio.Future[PeerEnd] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Serve until the session is over or ingest is gone."""
        self._tell(Spare())
        worker = asyncio.create_task(self._work())
        await asyncio.wait({worker, self._control.closed}, return_when=asyncio.FIRST_COMPLETED)
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
        if self._outlet is not None:
            self._outlet.close()
        await self._session.close()
        self._control.close()

    # --- control ---

    def _on_packet(self, packet: bytes, descriptor: int | None) -> None:
        try:
            message = decode_to_peer(packet)
        except BadInput:
            log.error("order_not_understood")
            return
        if isinstance(message, Plug) and descriptor is not None:
            self._plug(socket.socket(fileno=descriptor))
        elif isinstance(message, Close):
            self._end(PeerEnd.CLOSED)
        elif isinstance(message, Open):
            with contextlib.suppress(asyncio.QueueFull):
                self._orders.put_nowait((packet, None))

    def _tell(self, message: FromPeer) -> None:
        self._control.send(encode(message))

    def _end(self, reason: PeerEnd) -> None:
        if not self._closing.done():
            self._closing.set_result(reason)

    # --- the session ---

    async def _work(self) -> None:
        order = await self._first_order()
        if order is None or not await self._open(order):
            return
        ended = {self._closing, self._session.ended}
        async with asyncio.TaskGroup() as tasks:
            ticking = tasks.create_task(self._tick(order))
            telling = tasks.create_task(self._tell_stats())
            done, _ = await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED)
            ticking.cancel()
            telling.cancel()
        reason = next(iter(done)).result()
        log.info("session_ended", reason=reason, **msgspec.structs.asdict(self._stats().reception))
        self._tell(self._stats())
        await self._session.close()
        self._tell(Ended(reason))

    async def _first_order(self) -> Open | None:
        """The offer, or None where we are sent away before there was one."""
        waiting = asyncio.create_task(self._orders.get())
        either: set[asyncio.Future[Any]] = {waiting, self._closing}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            return None
        order = decode_to_peer(waiting.result()[0])
        return order if isinstance(order, Open) else None

    async def _open(self, order: Open) -> bool:
        try:
            offer = read_offer(order.offer)
            self._reception = Reception(offer, ssrc=secrets.randbits(32))
            answer = await self._session.answer(offer, order.binding, self._on_rtp, self._on_rtcp)
        except PlenumError as error:
            self._tell(Refused(error.code, error.message, error.status))
            return False
        except Exception:  # aiortc's refusals have no common type; the offer is a stranger's, so this is a 400
            log.exception("offer_not_answered")
            self._tell(Refused("bad_offer", "This offer cannot be answered. Reload the page and try again.", 400))
            return False
        self._tell(Opened(answer))
        return True

    def _on_rtp(self, data: bytes, arrival_us: int) -> None:
        if self._reception is not None:
            self._write(self._reception.receive_rtp(data, arrival_us))

    def _on_rtcp(self, data: bytes, arrival_us: int) -> None:
        if self._reception is not None:
            self._write(self._reception.receive_rtcp(data, arrival_us))

    def _write(self, samples: list[Sample]) -> None:
        if self._outlet is not None and samples:
            self._outlet.write(samples)

    def _plug(self, sock: socket.socket) -> None:
        """The newest transcoder wins, and begins with a key frame."""
        if self._outlet is not None:
            self._outlet.close()
        self._outlet = Outlet(sock, self._keyframe_wanted)
        self._keyframe_wanted.set()

    async def _tick(self, order: Open) -> None:
        """Feedback and what falls due by time, every 20 ms or at once when a key frame is wanted."""
        began = now_us()
        assert self._reception is not None  # noqa: S101 - made in _open
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._keyframe_wanted.wait(), TICK_S)
            if self._keyframe_wanted.is_set():
                self._keyframe_wanted.clear()
                self._reception.want_keyframe()
            now = now_us()
            self._write(self._reception.due(now))
            await self._session.send(self._reception.feedback(now))
            self._watch(order, now, began)

    def _watch(self, order: Open, now: int, began: int) -> None:
        assert self._reception is not None  # noqa: S101 - made in _open
        if not self._session.is_connected:
            if now - began > order.connect_within_s * 1_000_000:
                self._end(PeerEnd.NEVER_CONNECTED)
        elif now - (self._reception.last_packet_us or began) > order.silent_after_s * 1_000_000:
            self._end(PeerEnd.SILENT)

    async def _tell_stats(self) -> None:
        while True:
            self._tell(self._stats())
            await asyncio.sleep(STATS_EVERY_S)

    def _stats(self) -> PeerStats:
        backlog = self._outlet.backlog if self._outlet else None
        return PeerStats(
            connected=self._session.is_connected,
            reception=self._reception.stats if self._reception else PeerStats().reception,
            guarded={str(reason): count for reason, count in self._session.dropped.items()},
            backlog=backlog.size if backlog else 0,
            dropped=backlog.dropped if backlog else 0,
        )


def _die_with_parent() -> None:
    """The kernel kills us when ingest dies, so that no peer is orphaned. (Its control socket closing tells us too.)"""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ingest.peer", description="One presenter's connection.")
    parser.add_argument("--control", type=int, required=True, help="inherited SOCK_SEQPACKET descriptor")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.add_argument("--log-format", choices=("auto", "json", "console"), default="auto")
    arguments = parser.parse_args()
    _die_with_parent()
    configure("peer", arguments.log_level, arguments.log_format)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; ingest decides who ends when
    asyncio.run(_serve(arguments.control))
    os._exit(0)  # no exit handlers: nothing is left to be saved, and libraries' threads need not be joined


async def _serve(descriptor: int) -> None:
    await PeerProcess(socket.socket(fileno=descriptor)).run()


if __name__ == "__main__":
    main()
