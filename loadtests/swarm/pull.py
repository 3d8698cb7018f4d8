"""LL-HLS viewers in one process: blocking reloads and parts over HTTP/1.1 connections that stay open, as players do.

A viewer has a track for the picture and one for the sound, each with a connection of its own: playlist, the parts that are
new in it, the next playlist. Playlists are parsed once for all who got the same bytes, parts compared with the first
viewer's.
"""

from __future__ import annotations

import time
from collections import deque

import msgspec

from loadtests.swarm import http
from loadtests.swarm.checks import DIFFERS, Address
from loadtests.swarm.connection import AGAIN, READ_BYTES, Link, broken
from loadtests.swarm.group import PullGroup, Status
from loadtests.swarm.phases import Told
from loadtests.swarm.playout import Playout
from loadtests.swarm.tally import bin_of
from loadtests.swarm.worker import EVENTS_MAX, Entrance, Worker
from loadtests.users.continuity import SILENCE_S, ReloadContinuity
from loadtests.users.playlist import ListedPart, MediaPlaylist, read_media, read_multivariant
from plenum.wire import Header, Kind

SLOT_S = 0.05
AGAIN_S = 1.0
POLL_S = 0.1
"""Where a server cannot hold a request, twice a part."""
ANSWER_S = 12.0
"""RFC 8216bis 6.2.5.2: a reload may be held for three target durations; twice that is no answer."""
PLAYLISTS_MAX = 512
TARGET_S = 1.0
"""What hls.js has in hand (FACTS: it plays 1.1 s behind)."""


class Track:
    """One rendition of one viewer, and the connection that it is fetched over."""

    __slots__ = (
        "asked_at", "body", "continuity", "fetching", "is_over", "kind", "link", "name", "news_at", "playlist", "retry_at",
        "todo", "url", "viewer",
    )  # fmt: skip

    def __init__(self, viewer: PullViewer, url: str, kind: int) -> None:
        self.viewer = viewer
        self.url = url
        self.kind = kind
        self.name = "audio" if kind else "video"
        self.link: Link | None = None
        self.body = bytearray()
        self.asked_at = 0.0
        self.retry_at = 0.0
        self.news_at = 0.0
        """When a playlist last had a new part; 0 before the first."""
        self.is_over = False
        self.fetching: ListedPart | None = None
        self.todo: deque[ListedPart] = deque()
        self.playlist: MediaPlaylist | None = None
        self.continuity = ReloadContinuity()


class PullViewer:
    """One player."""

    __slots__ = ("group", "index", "number", "playout", "told", "tracks")

    def __init__(self, group: PullGroup, number: int, now: float) -> None:
        self.group = group
        self.number = number
        self.index = group.addresses[number % len(group.addresses)]
        self.playout = Playout(sound=group.sound, target_s=TARGET_S)
        self.tracks = [Track(self, self.index, 0)]
        self.told = Told(now)


class PullWorker(Worker[PullViewer, Track]):
    """All pull viewers of one process."""

    def __init__(self, name: str = "start") -> None:
        super().__init__(name)
        self._entrance: Entrance[Track] = Entrance()
        self._late: dict[Track, None] = {}
        """Tracks without a request on its way: they ask again at `retry_at`."""
        self._turn_at = time.time()
        self._ticked_at = self._turn_at
        self._keys: dict[str, Header] = {}
        self._playlists: dict[bytes, MediaPlaylist] = {}

    def add(self, group: PullGroup) -> None:
        """These viewers come, one after the other."""
        now = time.time()
        viewers = [PullViewer(group, number, now) for number in range(group.viewers)]
        self._viewers += viewers
        self._entrance.add((now + viewer.number / group.connect_per_s, viewer.tracks[0]) for viewer in viewers)

    def payloads(self) -> dict[Address, bytes]:
        names = {header.rendition: name for name, header in self._keys.items()}
        return self.reference.payloads(lambda number: names[number])

    def status(self) -> Status:
        tally = self._phases.tally
        return Status(
            viewers=len(self._viewers),
            open=len(self._links.by_fd),
            playing=self._playing(),
            messages=tally.messages,
            faults=sum(tally.faults.values()),
            stalls=self._untold_stalls(),
        )

    def step(self) -> None:
        now = time.time()
        if now >= self._turn_at:
            self._turn(now)
            self._turn_at = max(self._turn_at + SLOT_S, now)
        for fd, _ in self._links.epoll.poll(max(0.0, self._turn_at - now), EVENTS_MAX):
            track = self._links.by_fd.get(fd)
            if track is not None:
                self._look(track)

    def _turn(self, now: float) -> None:
        for track in self._entrance.due(now):
            self._ask(track, now)
        for track in [track for track in self._late if track.retry_at <= now]:
            del self._late[track]
            self._ask(track, now)
        if now - self._ticked_at >= 1.0:
            passed, self._ticked_at = now - self._ticked_at, now
            self.reference.forget(now)
            for viewer in self._viewers:
                viewer.playout.tick(now, passed)
            for track in list(self._links.by_fd.values()):
                if track.asked_at and now - track.asked_at > ANSWER_S:
                    self._lost(track, "no answer in time")
            for viewer in self._viewers:
                for track in viewer.tracks:
                    self._listen_for_silence(track, now)

    def _listen_for_silence(self, track: Track, now: float) -> None:
        """A playlist that is answered and never has anything new."""
        if track.news_at and not track.is_over and now - track.news_at > SILENCE_S:
            self._phases.tally.faults[f"no new part in a playlist for {SILENCE_S:.0f} s"] += 1
            track.news_at = now

    # Asking

    def _ask(self, track: Track, now: float) -> None:
        """The next thing that this track wants."""
        if track.is_over:
            return
        if track.link is None and not self._connect(track, now):
            return
        link = track.link
        if link is not None and link.is_connected:
            track.asked_at = now
            try:
                link.send(http.get(self._wanted(track)))
            except OSError as error:
                self._lost(track, broken(error))

    def _wanted(self, track: Track) -> str:
        group = track.viewer.group
        if track.url == track.viewer.index:
            return track.url
        if track.todo:
            track.fetching = track.todo.popleft()
            return http.beside(track.url, track.fetching.uri)
        if track.playlist is None or not group.blocking:
            return track.url
        skip = "&_HLS_skip=YES" if group.delta else ""
        return f"{track.url}?_HLS_msn={track.playlist.next_msn}&_HLS_part={track.playlist.next_part}{skip}"

    def _connect(self, track: Track, now: float) -> bool:
        tls = self._links.context(track.url, track.viewer.group.ca_file)
        try:
            track.link = Link(track.url, self._links.epoll, tls)
        except OSError as error:
            self._phases.tally.faults[f"not connected: {error.strerror}"] += 1
            self._later(track, now + AGAIN_S)
            return False
        self._links.keep(track.link, track)
        track.asked_at = now
        return True

    def _later(self, track: Track, at: float) -> None:
        track.retry_at, track.asked_at = at, 0.0
        self._late[track] = None

    # Reading

    def _look(self, track: Track) -> None:
        link = track.link
        if link is None:
            return
        try:
            if not link.is_connected:
                if link.progress():
                    self._phases.tally.events["opened"] += 1
                    self._ask(track, time.time())
                return
            link.flush()
            data = link.socket.recv(READ_BYTES)
            while link.pending():
                data += link.socket.recv(READ_BYTES)
        except AGAIN:
            return
        except OSError as error:
            self._lost(track, broken(error))
            return
        if not data:
            self._lost(track, "the connection was closed")
            return
        track.body += data
        try:
            answer = http.answer_in(track.body)
        except http.BadAnswer as error:
            self._lost(track, str(error))
            return
        if answer is not None and len(track.body) >= answer.end:
            body = bytes(track.body[answer.begin : answer.end])
            track.body.clear()
            now = time.time()
            if answer.closes:
                self._drop(track)
            self._answered(track, answer.status, body, now)

    def _answered(self, track: Track, status: int, body: bytes, now: float) -> None:
        if track.fetching is not None:
            self._part(track, track.fetching, status, body, now)
        elif status != 200:
            waits = status == 404 and track.url == track.viewer.index
            if not waits:  # an event that has not begun
                self._phases.tally.faults[f"a playlist answered {status}"] += 1
            self._later(track, now + AGAIN_S)
        elif track.url == track.viewer.index:
            self._choose(track, body, now)
        else:
            self._playlist(track, body, now)

    def _choose(self, track: Track, body: bytes, now: float) -> None:
        """The multivariant playlist: which picture, and the sound beside it."""
        viewer = track.viewer
        try:
            found = read_multivariant(body.decode())
        except ValueError as error:
            self._phases.tally.faults[str(error)] += 1
            self._later(track, now + AGAIN_S)
            return
        named = (
            [v for v in found.variants if f"/{viewer.group.rendition}/" in f"/{v.uri}"]
            if viewer.group.rendition
            else []
        )
        variants = named or list(found.variants)
        track.url = http.beside(viewer.index, variants[viewer.number % len(variants)].uri)
        track.name = track.url.split("?")[0].rsplit("/", 2)[-2]
        if viewer.group.sound and found.audio_uri:
            sound = Track(viewer, http.beside(viewer.index, found.audio_uri), 1)
            viewer.tracks.append(sound)
            self._ask(sound, now)
        elif viewer.group.sound:
            viewer.playout.without_sound()
        self._ask(track, now)

    def _playlist(self, track: Track, body: bytes, now: float) -> None:
        try:
            playlist = self._read(body)
        except (ValueError, KeyError) as error:
            self._phases.tally.faults[f"an unreadable playlist: {error}"] += 1
            self._later(track, now + AGAIN_S)
            return
        waited, is_first = now - track.asked_at, track.playlist is None
        track.playlist = playlist
        self._phases.tally.waits[bin_of(waited)] += 1
        if is_first:
            track.continuity.begin(playlist)
            new = list(playlist.parts[-1:])
        else:
            new, faults = track.continuity.take(playlist)
            self._phases.tally.faults.update(faults)
        track.todo.extend(new)
        if new or is_first:
            track.news_at = now
        if playlist.ended and not track.todo:
            track.is_over = True
            self._drop(track)
        elif track.todo or track.viewer.group.blocking:
            self._ask(track, now)
        else:
            self._later(track, now + POLL_S)

    def _read(self, body: bytes) -> MediaPlaylist:
        found = self._playlists.get(body)
        if found is None:
            if len(self._playlists) >= PLAYLISTS_MAX:
                self._playlists.clear()
            found = self._playlists[body] = read_media(body.decode())
        return found

    def _part(self, track: Track, part: ListedPart, status: int, body: bytes, now: float) -> None:
        track.fetching = None
        tally = self._phases.tally
        if status != 200 or not body:
            tally.faults[f"a listed part answered {status} with {'a' if body else 'no'} body"] += 1
        else:
            node, is_same = self.reference.meet(body, self._header(track, part), part.end_wall_s, now)
            if not is_same:
                tally.faults[DIFFERS] += 1
            tally.arrived(now, part.end_wall_s, node.first_at, len(body))
            tally.by_rendition[track.name] += 1
            track.viewer.playout.arrived(track.kind, now, part.end_wall_s)
        if track.todo or track.viewer.group.blocking:
            self._ask(track, now)
        else:
            self._later(track, now + POLL_S)

    def _header(self, track: Track, part: ListedPart) -> Header:
        """Stands for the part's address in the reference: rendition by name, number, index."""
        known = self._keys.setdefault(track.name, Header(Kind.PART, rendition=len(self._keys)))
        return msgspec.structs.replace(known, msn=part.msn, part=part.index)

    def _lost(self, track: Track, why: str) -> None:
        self._drop(track)
        if track.is_over:
            return
        self._phases.tally.faults[why] += 1
        if track.fetching is not None:
            track.todo.appendleft(track.fetching)
            track.fetching = None
        self._later(track, time.time() + AGAIN_S)

    def _part_with(self, viewer: PullViewer) -> None:
        for track in viewer.tracks:
            track.is_over = True
            self._drop(track)
            self._late.pop(track, None)

    def _drop(self, owner: Track) -> None:
        if owner.link is not None:
            self._links.drop(owner.link)
        owner.link = None
        owner.body.clear()
