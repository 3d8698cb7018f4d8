"""One event's feed as its subscribers see it: what the programme is, the ring of parts, who gets what. Rules only.

`ingest/program.py` puts in what a transcoder made and what the programme has become; `ingest/origin.py` carries it to
WebSockets. A channel also exists for an event that nobody has opened yet (state `waiting`) or that is over: relays ask
early and late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ingest import metrics
from ingest.outbox import Outbox
from ingest.ring import Held, Ring
from plenum.errors import Unavailable
from plenum.media import Programme, ProgrammeState
from plenum.wire import EVERYTHING, Bye, Header, Resume, Subscribe, pack_bye, pack_end, pack_programme

SUBSCRIBERS_MAX = 64
"""For one event; an origin feeds about twenty relays, those feed twenty more each (DESIGN.md 7)."""
CHANNELS_MAX = 1_024
ENDED = Bye("ended", retry_ms=-1)
TOO_SLOW = Bye("too_slow", retry_ms=2_000)


class Subscriber:
    """One connection: what it chose and what waits for it. `wake` is called when there is something to send."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.outbox = Outbox()
        self.farewell: Bye | None = None
        """Set once: when the outbox is empty, the connection is to be closed for this reason."""
        self._wake = wake
        self._names: tuple[str, ...] = ()
        self._flowing: set[int] = set()

    def wants(self, name: str) -> bool:
        return EVERYTHING in self._names or name in self._names

    def choose(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    def tell(self, message: bytes, now: float) -> None:
        if self.farewell is None:
            self.outbox.tell(message, now)
            self._wake()

    def flow(self, rendition: int) -> bool:
        """Begin with this rendition; False where it flows already."""
        fresh = rendition not in self._flowing
        self._flowing.add(rendition)
        return fresh

    def keep(self, renditions: Iterable[int]) -> None:
        """Of what flows, only these go on."""
        self._flowing &= set(renditions)

    def offer(self, part: Held, init: bytes | None, now: float) -> None:
        rendition = part.header.rendition
        if self.farewell or (rendition not in self._flowing and not part.is_independent):
            return
        self._flowing.add(rendition)
        skips = self.outbox.skips
        self.outbox.offer(part, init, now)
        metrics.skips.inc(max(0, self.outbox.skips - skips))
        if self.outbox.is_hopeless(now):
            self.outbox.clear()
            self.dismiss(TOO_SLOW, now)
        self._wake()

    def dismiss(self, bye: Bye, now: float) -> None:
        """Say this after all that waits, then close."""
        if self.farewell is None:
            if bye is not ENDED:  # END has said it
                self.outbox.tell(pack_bye(bye), now)
            self.farewell = bye
            self._wake()


class Channel:
    """The feed of one event."""

    def __init__(self, event: str) -> None:
        self.event = event
        self.programme = Programme((), ProgrammeState.WAITING, 0)
        self.is_on = False
        """A programme runs into it; without one it goes when the last subscriber does."""
        self._ring = Ring()
        self._subscribers: set[Subscriber] = set()
        self._names: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def has_ended(self) -> bool:
        return self.programme.state is ProgrammeState.ENDED

    # --- from the programme ---

    def announce(self, programme: Programme, now: float) -> None:
        """The programme has changed; nothing is sent where it has not."""
        if programme == self.programme:
            return
        self.programme = programme
        self._names = {rendition.id: rendition.name for rendition in programme.renditions}
        message = pack_programme(programme)
        for subscriber in self._subscribers:
            subscriber.tell(message, now)

    def add_init(self, header: Header, message: bytes) -> None:
        """It goes to each subscriber just before the first part that needs it."""
        self._ring.add_init(header, message)

    def add_part(self, header: Header, message: bytes, now: float) -> None:
        part = Held(header, message, now)
        self._ring.add(part)
        init = self._ring.init(header.rendition, header.init_id)
        name = self._names.get(header.rendition, "")
        for subscriber in list(self._subscribers):
            if subscriber.wants(name):
                subscriber.offer(part, init, now)

    def end(self, programme: Programme, now: float) -> None:
        """The producer has ended the event: everybody gets END after what waits for them."""
        self.announce(programme, now)
        for subscriber in list(self._subscribers):
            self._finish(subscriber, now)

    def clear(self) -> None:
        """Let go of the media; an ended event is not replayed for ever."""
        self._ring.clear()

    # --- from the subscribers ---

    def join(self, subscriber: Subscriber, now: float) -> None:
        """The first message is what the programme is. Raises Unavailable `too_many_subscribers`."""
        if len(self._subscribers) >= SUBSCRIBERS_MAX:
            raise Unavailable(
                "This event's origin feeds as many relays as it can. Subscribe to a relay instead.",
                code="too_many_subscribers",
                retry_s=10,
            )
        self._subscribers.add(subscriber)
        subscriber.tell(pack_programme(self.programme), now)

    def leave(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)

    def choose(self, subscriber: Subscriber, message: Subscribe | Resume, now: float) -> None:
        """Send what the subscriber wants from now on, beginning with what it lacks."""
        subscriber.choose(message.renditions)
        chosen = [number for number, name in self._names.items() if subscriber.wants(name)]
        subscriber.keep(chosen)
        missed: list[Held] = []
        for rendition in chosen:
            if subscriber.flow(rendition):
                missed += self._missed(subscriber, rendition, message, now)
        for part in sorted(missed, key=lambda held: held.at):
            init = self._ring.init(part.header.rendition, part.header.init_id)
            subscriber.outbox.replay(part, init, now)
        if self.has_ended:
            self._finish(subscriber, now)

    def dismiss_all(self, bye: Bye, now: float) -> None:
        for subscriber in list(self._subscribers):
            subscriber.dismiss(bye, now)

    def _missed(self, subscriber: Subscriber, rendition: int, message: Subscribe | Resume, now: float) -> list[Held]:
        current = self._ring.from_segment_start(rendition)
        if not isinstance(message, Resume):
            parts = current
        elif (message.epoch, message.msn, message.part) == (0, 0, 0):
            parts = self._ring.from_first_segment(rendition)
        elif message.epoch == self.programme.epoch:
            followed = self._ring.after(rendition, (message.msn, message.part))
            if followed is not None:
                return followed
            parts = current
            if parts:
                subscriber.outbox.gap(parts[0], now)
        else:
            parts = current
        if not parts:
            subscriber.keep(self._names.keys() - {rendition})  # wait for the next independent part
        return parts

    def _finish(self, subscriber: Subscriber, now: float) -> None:
        subscriber.tell(pack_end(self.programme.epoch), now)
        subscriber.dismiss(ENDED, now)


class Channels:
    """The channels of this origin, by event."""

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self._ended: dict[str, Programme] = {}

    def __iter__(self) -> Iterator[Channel]:
        return iter(self._channels.values())

    def open(self, event: str) -> Channel:
        """The event's channel. Raises Unavailable `too_many_events`."""
        channel = self._channels.get(event)
        if channel is None:
            if len(self._channels) >= CHANNELS_MAX:
                raise Unavailable("This origin carries too many events.", code="too_many_events", retry_s=10)
            channel = self._channels[event] = Channel(event)
            if event in self._ended:
                channel.programme = self._ended[event]
        return channel

    def note_ended(self, event: str, programme: Programme) -> None:
        """Whoever asks for this event from now on is told that it is over."""
        self._ended[event] = programme

    def release(self, channel: Channel) -> None:
        """Drop it where nobody needs it."""
        if not channel.is_on and not len(channel):
            self._channels.pop(channel.event, None)
