"""A viewer by the push feed: reads each message, checks that none is missing, reports progress like the player does."""

from __future__ import annotations

import time

import websocket

from loadtests.users.board import connect
from loadtests.users.continuity import SILENCE_S, FeedContinuity, Silence
from loadtests.users.entrance import Joined
from loadtests.users.report import Fault, Step
from loadtests.users.viewer import Viewer
from plenum.media import Programme, ProgrammeState, RenditionKind
from plenum.wire import (
    SUBPROTOCOL,
    Header,
    Kind,
    Progress,
    Subscribe,
    as_bye,
    as_programme,
    encode_client,
    unpack,
)

PROGRESS_S = 1.0
RUNNING = (ProgrammeState.LIVE, ProgrammeState.SLATE)


class PushViewer(Viewer):
    """Watches by WebSocket."""

    weight = 7
    transport = "push"

    def watch(self, joined: Joined) -> None:
        socket = connect(self.socket_url(joined.feed[0]), SUBPROTOCOL, self.insecure, timeout=SILENCE_S)
        try:
            FeedReader(self, socket, joined.ticket).run()
        finally:
            socket.close(timeout=1)


class FeedReader:
    """One feed connection."""

    def __init__(self, viewer: PushViewer, socket: websocket.WebSocket, ticket: str) -> None:
        self._viewer, self._socket, self._ticket = viewer, socket, ticket
        self._continuity, self._silence = FeedContinuity(), Silence()
        self._names: dict[int, str] = {}
        self._opened = time.perf_counter()
        self._began = False
        self._running = False
        self._progress_at = 0.0

    def run(self) -> None:
        """Until the server says goodbye: the end of the event is a good one, all else raises Fault."""
        self._subscribe(())
        while True:
            message = self._next()
            for fault in self._silence.faults(time.perf_counter()):
                self._viewer.report.fault(Step.PART, fault)
            if message is not None and self._handle(message):
                return

    def _next(self) -> bytes | None:
        try:
            message = self._socket.recv()
        except websocket.WebSocketTimeoutException:
            if self._running and not self._began:
                raise Fault("the feed opened but no part came") from None
            return None
        if not isinstance(message, bytes) or not message:
            raise Fault("the feed was closed without a word")
        return message

    def _handle(self, message: bytes) -> bool:
        """True when the event has ended."""
        header, payload = unpack(message)
        fault = self._continuity.fault(header)
        if fault:
            self._viewer.report.fault(Step.PART, fault)
        match header.kind:
            case Kind.RENDITIONS:
                self._programme(as_programme(payload))
            case Kind.PART:
                self._part(header, len(message))
            case Kind.BYE:
                raise Fault(f"the feed said goodbye: {as_bye(payload).code}")
            case Kind.END:
                return True
        return False

    def _programme(self, programme: Programme) -> None:
        self._running = programme.state in RUNNING
        if not self._running:
            self._silence.pause()
        known, self._names = self._names, {r.id: r.name for r in programme.renditions}
        rungs = [r.name for r in programme.renditions if r.kind is RenditionKind.VIDEO]
        if rungs and known != self._names:
            sound = [r.name for r in programme.renditions if r.kind is RenditionKind.AUDIO]
            self._subscribe((self._viewer.choose(rungs), *sound[:1]))

    def _part(self, header: Header, size: int) -> None:
        now = time.perf_counter()
        report = self._viewer.report
        if not self._began:
            self._began = True
            report.step(Step.FIRST_PART, now - self._opened, size)
        name = self._names.get(header.rendition, str(header.rendition))
        self._silence.heard("sound" if name == "audio" else "picture", now)
        timescale = 90_000 if name != "audio" else 48_000
        lag_s = time.time() - header.wall_us / 1e6 - header.duration / timescale
        report.step(Step.PART, lag_s, size)
        if now - self._progress_at >= PROGRESS_S:
            self._progress_at = now
            self._socket.send(encode_client(Progress(header.msn, header.part, max(0, int(lag_s * 1000)))))

    def _subscribe(self, names: tuple[str, ...]) -> None:
        self._socket.send(encode_client(Subscribe(names, self._ticket)))
