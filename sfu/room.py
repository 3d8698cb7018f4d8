"""Everybody who watches one event by push on this front, and the fan-out to them.

Each frame is written as the same bytes to every transport, in slices of about 2 ms so that question sockets and playlists
get their turn. aiohttp's own writes (ping, pong, close) and ours never mix inside a message: each is one whole
`transport.write`. When fan-out itself falls behind, parts are dropped here and every viewer skips to the next
independent one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress

from plenum.clock import Clock
from plenum.log import get_logger
from plenum.wire import Bye, Move, Progress, Resume, Subscribe, pack_move, pack_padding
from sfu import measures
from sfu.census import Census
from sfu.client import FAREWELL_S, Client
from sfu.direct import in_pages
from sfu.frames import Frame, frame
from sfu.relay import Relay
from sfu.stream import passing
from sfu.viewer import Viewer
from sfu.window import Heard

log = get_logger("push")

SLICE_S = 0.002
ATTEND_S = 0.025
"""Who has to wait is looked at so often …"""
ATTEND_SOON_S = 0.005
"""… and so often while something moves: a line that is only just filling takes all that it is given."""
REPEAT_S = 20.0
"""The programme is told again so often: a page sees no pings, and else could not tell a silent event from a dead line."""
WORD_S = 2.0
"""Who came before this edge knows the programme is told after so long that it is here."""
QUEUE_FRAMES = 512
"""About ten seconds of all renditions; more means that this process does not keep up with itself."""
WORD = frame(pack_padding(0)).wire
"""What there is to say to a viewer before this edge knows the programme: that it is here."""
ENDED = Bye("ended", retry_ms=-1)
FAULT = Bye("internal", retry_ms=5_000)
FAULTS_LOGGED_EVERY_S = 60.0
"""What goes wrong for one may go wrong for thousands."""
RESTARTING = Bye("restarting", retry_ms=200)


def move(within_ms: int) -> bytes:
    """MOVE, framed as it is written to everybody."""
    return frame(pack_move(Move("draining", within_ms))).wire


class Room:
    """The viewers of one event."""

    def __init__(self, relay: Relay, clock: Clock) -> None:
        self.relay = relay
        self._census = Census(relay.event)
        self._clock = clock
        self._clients: dict[Client, None] = {}
        self._queue: deque[tuple[Frame, Heard, float]] = deque()
        self._wake = asyncio.Event()
        self._attended: dict[Client, None] = {}
        self._attend_wake = asyncio.Event()
        self._faults_logged_at = float("-inf")
        relay.listeners.append(self.publish)
        measures.queue.labels(event=relay.event).set_function(self._unsent)
        relay.watched = self.demand
        self.on_demand.append(relay.look_again)

    def __len__(self) -> int:
        return len(self._clients)

    @property
    def lines(self) -> int:
        """Sockets of people, the second ones too."""
        return sum(not client.is_edge for client in self._clients)

    @property
    def viewers(self) -> int:
        """People, not edges; who holds a second line is one."""
        return self._census.people

    @property
    def on_demand(self) -> list[Callable[[], None]]:
        """Called whenever the answer of `demand` has changed."""
        return self._census.on_demand

    def _unsent(self) -> int:
        return sum(client.unsent for client in self._clients)

    def demand(self) -> set[str]:
        """Names of the programme's renditions that somebody here is sent or waits for; none before the programme is known."""
        return self._census.demand()

    def publish(self, heard: Frame, meaning: Heard) -> None:
        """A new frame from upstream, to be written to everybody by `run`."""
        if meaning is Heard.INIT:  # sent to each viewer with the first part that needs it
            return
        if len(self._queue) >= QUEUE_FRAMES:
            log.warning("fanout_behind", event_id=self.relay.event, dropped=len(self._queue))
            self._queue = deque(entry for entry in self._queue if entry[1] is not Heard.PART)
        self._queue.append((heard, meaning, self._clock.monotonic()))
        self._wake.set()

    def enter(self, client: Client, first: Subscribe | Resume) -> None:
        """Send the programme, then the current segment (or what was missed), and everything from now on."""
        window = self.relay.window
        self._clients[client] = None
        is_given_up = isinstance(first, Subscribe) and first.slow
        begin = first.begin if isinstance(first, Resume) else ""
        client.viewer.choose(first.renditions, first.most, begin=begin, is_given_up=is_given_up)
        self._census.enter(client)
        if isinstance(first, Resume):
            self.relay.reach_back(first)
        if window.programme is None or window.programme_frame is None:
            client.resumes = first if isinstance(first, Resume) else None
            asyncio.get_running_loop().call_later(WORD_S, self._give_word, client)
            return
        client.write(window.programme_frame.wire)
        client.viewer.adopt(window.programme)
        self._catch_up(client, self._missed(client.viewer, first))
        if window.end_frame is not None:
            self._end(client, window.end_frame)

    def _missed(self, viewer: Viewer, first: Subscribe | Resume) -> list[Frame]:
        window = self.relay.window
        if isinstance(first, Resume) and window.epoch in (None, first.epoch):
            return viewer.resume((first.msn, first.part), window)
        return viewer.start(window)

    def choose(self, client: Client, choice: Subscribe | Resume) -> None:
        """Another choice: what is new starts with the current segment; for an edge that resumes, after that part."""
        client.viewer.choose(choice.renditions, choice.most)
        if isinstance(choice, Resume) and client.is_edge:
            self.relay.reach_back(choice)
        else:
            choice = Subscribe(choice.renditions)
        self._catch_up(client, self._missed(client.viewer, choice))

    def hear(self, client: Client, progress: Progress) -> None:
        """A viewer's report."""
        now = self._clock.monotonic()
        try:
            if client.viewer.report(progress, now) and not client.is_gone:
                self._attend_to(client, now)
        except Exception:  # noqa: BLE001 - logged there
            self._fail(client)

    def leave(self, client: Client) -> None:
        if client in self._clients:
            del self._clients[client]
            self._attended.pop(client, None)
            self._census.forget(client)

    async def run(self) -> None:
        """Write what was published, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._attend())
            tasks.create_task(self._repeat())
            tasks.create_task(self._write_all())

    async def _write_all(self) -> None:
        while True:
            while self._queue:
                heard, meaning, at = self._queue.popleft()
                await self._fan_out(heard, meaning)
                if meaning is Heard.PART:
                    measures.fanout.observe(self._clock.monotonic() - at)
            self._wake.clear()
            await self._wake.wait()

    async def _repeat(self) -> None:
        """Edges have pings, and would pass it on."""
        while True:
            await asyncio.sleep(REPEAT_S)
            await self._each(self._clients, lambda client, _: self._give_sign(client))

    def _give_word(self, client: Client) -> None:
        if self.relay.window.programme_frame is None:
            self._give_sign(client)

    def _give_sign(self, client: Client) -> int:
        known = self.relay.window.programme_frame
        return 0 if client.is_edge else client.write(known.wire if known is not None else WORD)

    @property
    def clients(self) -> list[Client]:
        """Everybody who is here, first come first: the two lines of a person stand side by side."""
        return list(self._clients)

    async def dismiss_all(self, bye: Bye, retry_within_ms: int) -> None:
        """Everybody out, told to come back at times spread over `retry_within_ms`."""
        clients = list(self._clients)
        for number, client in enumerate(clients):
            spread = retry_within_ms * number // max(1, len(clients))
            client.dismiss(Bye(bye.code, bye.retry_ms + spread))
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * FAREWELL_S):
                await asyncio.gather(*(client.closed.wait() for client in clients))

    async def _fan_out(self, heard: Frame, meaning: Heard) -> None:
        if meaning is not Heard.PART:
            await self._each(self._clients, lambda client, _: self._tell(client, heard, meaning))
            return
        takers = self._takers(heard)
        simple = passing(heard, self.relay.window)
        if simple is None:
            await self._each(takers, lambda client, now: self._give(client, heard, now))
            return
        size = simple.size
        with in_pages(heard.wire, len(takers)) as source:
            await self._each(
                takers,
                lambda client, now: size if client.pass_on(simple, source, now) else self._give(client, heard, now),
            )

    async def _each(self, clients: Collection[Client], give: Callable[[Client, float], int]) -> None:
        """In slices, so that others get their turn; who left in one of those is skipped.

        A defect that somebody's state meets costs that one's connection, and nobody else a part.
        """
        now = self._clock.monotonic()
        slice_ends = now + SLICE_S
        sent = 0
        for number, client in enumerate(tuple(clients)):
            try:
                sent += give(client, now) if client in self._clients else 0
            except Exception:  # noqa: BLE001 - logged there
                self._fail(client)
            if number % 8 == 7:
                now = self._clock.monotonic()
                if now > slice_ends:
                    await asyncio.sleep(0)
                    now = self._clock.monotonic()
                    slice_ends = now + SLICE_S
        measures.sent.labels(transport="push").inc(sent)

    def _fail(self, client: Client) -> None:
        """Called where an exception is handled. Nothing in the log says who it was."""
        now = self._clock.monotonic()
        if now - self._faults_logged_at >= FAULTS_LOGGED_EVERY_S:
            self._faults_logged_at = now
            log.exception("viewer_failed", event_id=self.relay.event)
        client.dismiss(FAULT)

    def _takers(self, part: Frame) -> Collection[Client]:
        track = self.relay.window.tracks.get(part.header.rendition)
        return self._census.takers(track.rendition.name) if track is not None else ()

    def _tell(self, client: Client, heard: Frame, meaning: Heard) -> int:
        if meaning is Heard.END:
            return self._end(client, heard)
        sent = client.write(heard.wire)
        if self.relay.window.programme is not None:
            client.viewer.adopt(self.relay.window.programme)
            self._census.note(client)
            self._follow_up(client)
            self._go_on(client)
        return sent

    def _end(self, client: Client, end: Frame) -> int:
        """The last word, after what was held back of the last seconds."""
        picture = client.viewer.picture
        held = picture.release_all() if picture is not None else []
        sent = sum(client.write(message) for message in [*held, end.wire])
        client.dismiss(ENDED)
        return sent

    def _go_on(self, client: Client) -> None:
        """The programme is known now: a viewer that came with a place is sent what follows that, and no more."""
        first, window = client.resumes, self.relay.window
        if first is not None and window.names:
            client.resumes = None
            self._catch_up(client, self._missed(client.viewer, first))

    def _give(self, client: Client, part: Frame, now: float) -> int:
        if client.is_gone:
            return 0
        viewer = client.viewer
        if not viewer.takes(part.header.rendition):  # before what the transport and the kernel are asked
            return 0
        skips, needed = viewer.skips, viewer.demand
        messages = viewer.offer(part, self.relay.window, client.unsent, now, client.in_flight)
        sent = 0
        # Thousands of times a second: no generator, and a metric's lock only where there is something to count.
        for message in messages:
            sent += client.write(message)
        if viewer.skips != skips:
            measures.skips.inc(viewer.skips - skips)
        if viewer.demand is not needed:
            self._census.note(client)
        self._follow_up(client)
        return sent

    def _follow_up(self, client: Client) -> None:
        """After each time that the rules had their say."""
        viewer = client.viewer
        if viewer.farewell is not None:
            client.dismiss(viewer.farewell)
        if viewer.picture is None:
            return
        for direction in viewer.picture.turns:
            measures.switches.labels(direction=direction).inc()
        viewer.picture.turns.clear()
        if viewer.waits and not client.is_gone:
            self._attended[client] = None
            self._attend_wake.set()

    def _attend_to(self, client: Client, now: float) -> None:
        """What this viewer has room for, between parts."""
        viewer, needed = client.viewer, client.viewer.demand
        messages = viewer.attend(client.unsent, now, client.in_flight)
        measures.sent.labels(transport="push").inc(sum(client.write(message) for message in messages))
        if viewer.demand is not needed:
            self._census.note(client)
        self._follow_up(client)

    async def _attend(self) -> None:
        """Look after those who have to wait, more often than parts come."""
        while True:
            await self._attend_wake.wait()
            now, moved = self._clock.monotonic(), False
            clients, self._attended = self._attended, {}
            for client in clients:
                held = client.unsent
                try:
                    self._attend_to(client, now)
                except Exception:  # noqa: BLE001 - logged there
                    self._fail(client)
                moved = moved or client.unsent > held
            if not self._attended:
                self._attend_wake.clear()
            await asyncio.sleep(ATTEND_SOON_S if moved else ATTEND_S)

    def _catch_up(self, client: Client, parts: list[Frame]) -> None:
        now = self._clock.monotonic()
        measures.sent.labels(transport="push").inc(sum(self._give(client, part, now) for part in parts))
        if client.viewer.picture is not None and not client.is_gone:
            self._attend_to(client, now)
        self._census.note(client)
