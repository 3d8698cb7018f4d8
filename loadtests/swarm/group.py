"""What a swarm is told to be, and what it says of itself while it runs. Values only."""

from __future__ import annotations

import msgspec


class PushGroup(msgspec.Struct, frozen=True):
    """Push viewers that are alike: one for each ticket."""

    addresses: tuple[tuple[str, ...], ...]
    """`ws(s)://…/live/{event}/feed`, the best first; viewer n takes the list at n modulo their number."""
    tickets: tuple[str, ...]
    """One each: a person may not have an event open as often as it likes."""
    renditions: tuple[str, ...] = ("auto",)
    beside: tuple[str, ...] = ("audio",)
    """A second line, as the page has for its sound; () for none."""
    most: str = ""
    read_bytes_s: float = 0.0
    """A slow reader takes so much a second from each line; 0: all there is."""
    connect_per_s: float = 200.0
    is_steady: bool = True
    """Connections that break are faults; else they are only counted."""
    may_skip: bool = False
    """Skipped parts are no faults: it is a slow line."""
    leaves_silence: bool = False
    """Leave a server that falls silent, as a page does."""
    asks_api: bool = False
    """Ask for other addresses as a page does (`Swarm.asking`): when the server moves them away, and when no address answers."""
    seen_as: str = ""
    """Told with each such question: where the API is to see them."""
    origin: str = ""
    """Of the pages: sent with a ticket for the feed alone, which stands in the first message."""
    ca_file: str = ""
    """For `wss`: the certificate to trust; empty: none is looked at."""


class PullGroup(msgspec.Struct, frozen=True):
    """LL-HLS viewers that are alike."""

    addresses: tuple[str, ...]
    """`http(s)://…/index.m3u8`; viewer n takes the one at n modulo their number."""
    viewers: int
    rendition: str = ""
    """The picture's name; empty: viewer n takes variant n modulo their number."""
    sound: bool = True
    delta: bool = True
    """Ask for delta updates, as hls.js does."""
    blocking: bool = True
    """False where a plain file server answers: the playlist is asked for twice a part instead."""
    connect_per_s: float = 200.0
    ca_file: str = ""


Group = PushGroup | PullGroup


class Asking(msgspec.Struct, frozen=True):
    """A viewer who wants a new join answer."""

    process: int
    viewer: int
    seen_as: str
    ticket: str


class Answer(msgspec.Struct, frozen=True):
    """What the API said."""

    asking: Asking
    addresses: tuple[str, ...]
    ticket: str
    feed_ticket: str = ""
    """For the feed alone, to be sent in the first message; without it the other one opens that too."""


class Status(msgspec.Struct, frozen=True):
    """How a swarm stands right now, over its processes."""

    viewers: int = 0
    open: int = 0
    """Connections that have been upgraded (pull: that are connected)."""
    playing: int = 0
    """Viewers that have had a first picture (or sound, where there is none)."""
    messages: int = 0
    """Parts in this phase until now."""
    faults: int = 0
    stalls: int = 0
    quiet: int = 0
    """Lines to which nothing new came for a second and a half."""
    by_rendition: dict[str, int] = {}
    """Parts of each rendition in the last second or so."""

    def plus(self, other: Status) -> Status:
        names = {*self.by_rendition, *other.by_rendition}
        return Status(
            viewers=self.viewers + other.viewers,
            open=self.open + other.open,
            playing=self.playing + other.playing,
            messages=self.messages + other.messages,
            faults=self.faults + other.faults,
            stalls=self.stalls + other.stalls,
            quiet=self.quiet + other.quiet,
            by_rendition={name: self.by_rendition.get(name, 0) + other.by_rendition.get(name, 0) for name in names},
        )
