"""Peer processes: one for each presenter's connection, and one spare that has everything imported already.

`Peers.open` gives an offer to the spare, which answers within a few milliseconds, while the next spare starts. Whatever
happens to a peer process resolves its `ended`; nothing it does reaches further.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

from prometheus_client import Gauge

from ingest.child_environment import child_environment
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
    ToPeer,
    decode_from_peer,
    encode,
)
from ingest.seqpacket import ControlConnection, seqpacket_pair
from plenum import metrics
from plenum.errors import BadInput, PlenumError, Unavailable
from plenum.log import get_logger
from plenum.rtc_binding import MediaBinding

log = get_logger("peers")

PEERS_MAX = 64
START_WITHIN_S = 30.0
CONNECT_WITHIN_S = 15.0
"""A presenter who has not connected by then has UDP blocked, or has gone."""
SILENT_AFTER_S = 30.0
"""Neither RTP nor RTCP for so long: the presenter will not come back on this connection."""
ANSWER_WITHIN_S = 8.0
CLOSE_WITHIN_S = 2.0
HUNG_AFTER_S = 10.0
"""No stats for so long: the process is stopped or deadlocked. A starving machine is slower than that only when lost."""
WATCH_EVERY_S = 1.0

peer_processes = Gauge("plenum_peer_processes", "Peer processes with a session.")


class Peer:
    """One peer process, seen from ingest."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._process = process
        self._control = ControlConnection(control, self._on_packet)
        self._heard_at = time.monotonic()
        self._is_open = False
        self._guarded: dict[str, int] = {}
        self.answer = ""
        self.stats = PeerStats()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.answered: asyncio.Future[Opened | Refused] = loop.create_future()
        self.ended: asyncio.Future[str] = loop.create_future()
        self._waiting = asyncio.create_task(self._wait())

    @property
    def pid(self) -> int:
        return self._process.pid

    def plug(self) -> socket.socket:
        """A new sample socket for a transcoder; the peer writes to the newest one only.

        Raises Unavailable `peer_gone`.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            if self.ended.done() or not self._send(Plug(), theirs.fileno()):
                ours.close()
                raise Unavailable("The presenter's connection is gone.", code="peer_gone")
        return ours

    async def open(self, order: Open) -> None:
        """Have the offer answered. Raises what the peer says, or Unavailable `peer_gone`."""
        self._is_open = True
        self._heard_at = time.monotonic()
        self._send(order)
        await _first_of(self.answered, self.ended, timeout=ANSWER_WITHIN_S)
        if not self.answered.done():
            await self.close(PeerEnd.HUNG)
            raise Unavailable("The offer was not answered in time. Try again.", code="peer_gone", retry_s=1)
        outcome = self.answered.result()
        if isinstance(outcome, Refused):
            await self.close(PeerEnd.REFUSED)
            raise _as_error(outcome)
        self.answer = outcome.answer

    async def close(self, reason: str = PeerEnd.CLOSED) -> None:
        """Say goodbye to the presenter and end the process; kill it where it does not end by itself."""
        self._finish(reason)
        if self._process.returncode is None:
            self._send(Close())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._waiting), CLOSE_WITHIN_S)
        self.kill()
        await self._waiting

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def is_hung(self, now: float) -> bool:
        """Whether a session's process has said nothing for too long."""
        return self._is_open and not self.ended.done() and now - self._heard_at > HUNG_AFTER_S

    def give_up(self) -> None:
        """The watchdog's way: no goodbye."""
        self._finish(PeerEnd.HUNG)
        self.kill()

    def _send(self, message: ToPeer, descriptor: int | None = None) -> bool:
        return not self._control.closed.done() and self._control.send(encode(message), descriptor)

    def _on_packet(self, packet: bytes, descriptor: int | None) -> None:
        if descriptor is not None:
            os.close(descriptor)
        self._heard_at = time.monotonic()
        try:
            self._take(decode_from_peer(packet))
        except BadInput:
            log.error("peer_not_understood", pid=self.pid)

    def _take(self, message: FromPeer) -> None:
        match message:
            case Spare() if not self.ready.done():
                self.ready.set_result(None)
            case Opened() | Refused() if not self.answered.done():
                self.answered.set_result(message)
            case PeerStats():
                self._count_guarded(message.guarded)
                self.stats = message
            case Ended():
                self._finish(message.reason)

    def _count_guarded(self, guarded: dict[str, int]) -> None:
        for reason, count in guarded.items():
            metrics.rejected.labels(reason=reason).inc(count - self._guarded.get(reason, 0))
        self._guarded = guarded

    def _finish(self, reason: str) -> None:
        if not self.ended.done():
            self.ended.set_result(str(reason))

    async def _wait(self) -> None:
        code = await self._process.wait()
        # What it said last may still be in the socket: let the reader come to the end of it.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._control.closed), CLOSE_WITHIN_S)
        if not self.ended.done() and self._is_open:
            log.error("peer_crashed", pid=self.pid, code=code)
        self._finish(PeerEnd.CRASHED)
        self._control.close()


async def _first_of(*futures: asyncio.Future[Any], timeout: float) -> None:
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


def _as_error(refused: Refused) -> PlenumError:
    known: dict[int, type[PlenumError]] = {400: BadInput, 503: Unavailable}
    return known.get(refused.status, PlenumError)(refused.message, code=refused.code)


class Peers:
    """All peer processes of an ingest."""

    def __init__(
        self,
        binding: MediaBinding,
        *,
        limit: int = PEERS_MAX,
        connect_within_s: float = CONNECT_WITHIN_S,
        silent_after_s: float = SILENT_AFTER_S,
        log_level: str = "info",
        log_format: str = "auto",
        on_open: Callable[[Peer], None] | None = None,
    ) -> None:
        self._binding = binding.checked()
        self._limit = limit
        self._connect_within_s = connect_within_s
        self._silent_after_s = silent_after_s
        self._opening = 0
        self._logs = ("--log-level", log_level, "--log-format", log_format)
        self._on_open = on_open
        self._spare: asyncio.Task[Peer] | None = None
        self._open: set[Peer] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the first spare and the watchdog; returns when the spare is ready."""
        self._watching = asyncio.create_task(self._watch())
        await asyncio.shield(self._next_spare())

    async def open(self, offer: str) -> Peer:
        """A connected-to-be session with its answer.

        Raises BadInput `bad_offer`, Unavailable `too_many_peers`, `peer_gone`, `no_port`.
        """
        if self._is_closing or len(self._open) + self._opening >= self._limit:
            metrics.rejected.labels(reason="too_many_peers").inc()
            raise Unavailable("No more presenters can be taken in right now.", code="too_many_peers", retry_s=10)
        self._opening += 1
        try:
            peer = await self._take_spare()
        finally:
            self._opening -= 1
        self._open.add(peer)
        peer_processes.set(len(self._open))
        self._own(self._forget(peer))
        await peer.open(Open(offer, self._binding, self._connect_within_s, self._silent_after_s))
        if self._on_open is not None:
            self._on_open(peer)
        return peer

    async def close(self) -> None:
        """End every peer process."""
        self._is_closing = True
        spare = self._spare
        self._spare = None
        if spare is not None:
            spare.cancel()
            with contextlib.suppress(asyncio.CancelledError, PlenumError):
                await (await spare).close()
        await asyncio.gather(*(peer.close() for peer in list(self._open)))
        # Those that ended by themselves a moment ago are still being waited for: cancelled, they would be nobody's.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    # --- the spare ---

    def _next_spare(self) -> asyncio.Task[Peer]:
        if self._spare is None:
            self._spare = asyncio.create_task(self._spawn())
        return self._spare

    async def _take_spare(self) -> Peer:
        """The spare, alive; the next one starts at once."""
        while True:
            pending = self._next_spare()
            failed_before = pending.done()
            try:
                peer = await asyncio.shield(pending)
            except PlenumError:
                self._drop_spare(pending)
                if failed_before:  # nobody was waiting for it then; this one tries anew
                    continue
                raise
            if self._drop_spare(pending) and not peer.ended.done():
                if not self._is_closing:
                    self._next_spare()
                return peer

    def _drop_spare(self, pending: asyncio.Task[Peer]) -> bool:
        """Whether it was still for us to take: of two who waited for the same spare only one gets it."""
        if self._spare is not pending:
            return False
        self._spare = None
        return True

    async def _spawn(self) -> Peer:
        """Raises Unavailable `peer_gone` where no process can be started."""
        ours, theirs = seqpacket_pair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "ingest.peer"),
                    *("--control", str(theirs.fileno()), *self._logs),
                    pass_fds=[theirs.fileno()],
                    env=child_environment(),
                    stdin=asyncio.subprocess.DEVNULL,
                )
        except OSError as error:
            ours.close()
            raise Unavailable(f"No process for the connection: {error}", code="peer_gone", retry_s=1) from None
        peer = Peer(process, ours)
        try:
            await _first_of(peer.ready, peer.ended, timeout=START_WITHIN_S)
        except asyncio.CancelledError:
            await peer.close()
            raise
        if not peer.ready.done():
            await peer.close(PeerEnd.CRASHED)
            raise Unavailable("The process for the connection did not start.", code="peer_gone", retry_s=1)
        return peer

    # --- their ends ---

    async def _forget(self, peer: Peer) -> None:
        await peer.ended
        self._open.discard(peer)
        peer_processes.set(len(self._open))
        await peer.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            for peer in [peer for peer in self._open if peer.is_hung(time.monotonic())]:
                log.error("peer_hung", pid=peer.pid)
                peer.give_up()

    def _own(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
