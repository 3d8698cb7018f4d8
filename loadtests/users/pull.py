"""A viewer by LL-HLS: blocking playlist reloads, then each new part, picture and sound side by side, as players do."""

from __future__ import annotations

import time
from collections.abc import Sequence

import gevent
from gevent.pool import Group
from locust.contrib.fasthttp import FastHttpSession, FastResponse

from loadtests.users.continuity import ReloadContinuity, Silence
from loadtests.users.entrance import Joined
from loadtests.users.playlist import ListedPart, MediaPlaylist, read_media, read_multivariant
from loadtests.users.report import Fault, Reporter, Step
from loadtests.users.viewer import Viewer

WAITING_S = 1.0
"""Pause before asking again for a programme that has not begun."""


class PullViewer(Viewer):
    """Watches by LL-HLS."""

    weight = 3
    transport = "hls"

    def watch(self, joined: Joined) -> None:
        """Until the event ends; raises Fault when it cannot go on."""
        text = _multivariant(self.client, joined.hls)
        if text is None:
            gevent.sleep(WAITING_S)
            return
        playlist = read_multivariant(text)
        chosen = {"picture": self.choose(list(playlist.variants)).uri, "sound": playlist.audio_uri}
        base = joined.hls.rsplit("/", 1)[0]
        followers = [
            RenditionFollower(self.client, self.report, f"{base}/{uri}", stream)
            for stream, uri in chosen.items()
            if uri
        ]
        group = Group()
        try:
            gevent.joinall([group.spawn(follower.run) for follower in followers], raise_error=True)
        finally:
            group.kill()


class RenditionFollower:
    """Reads one rendition's playlist and parts as they appear."""

    def __init__(self, client: FastHttpSession, report: Reporter, path: str, stream: str) -> None:
        self._client, self._report, self._path, self._stream = client, report, path, stream
        self._folder = path.rsplit("/", 1)[0]
        self._silence, self._continuity = Silence(), ReloadContinuity()

    def run(self) -> None:
        began = time.perf_counter()
        playlist = self._reload("")
        self._silence.heard(self._stream, began)
        self._continuity.begin(playlist)
        self._take(playlist.parts[-1:], [])
        self._report.step(Step.FIRST_PART, time.perf_counter() - began)
        while not playlist.ended:
            playlist = self._reload(f"?_HLS_msn={playlist.next_msn}&_HLS_part={playlist.next_part}&_HLS_skip=YES")
            self._take(*self._continuity.take(playlist))

    def _take(self, parts: Sequence[ListedPart], faults: Sequence[str]) -> None:
        for part in parts:
            self._fetch(part)
            self._silence.heard(self._stream, time.perf_counter())
        for fault in [*faults, *self._silence.faults(time.perf_counter())]:
            self._report.fault(Step.PART, fault)

    def _reload(self, query: str) -> MediaPlaylist:
        with self._client.get(self._path + query, name=str(Step.RELOAD), catch_response=True) as answer:
            return read_media(_text(answer))

    def _fetch(self, part: ListedPart) -> None:
        """Read the part and throw it away; its lag is the step."""
        url = f"{self._folder}/{part.uri}"
        with self._client.get(url, name="GET part", stream=True, catch_response=True) as answer:
            size = _drained(answer)
            if answer.status_code != 200 or not size:
                raise Fault(f"a listed part answered {answer.status_code} with {'a' if size else 'no'} body")
        self._report.step(Step.PART, time.time() - part.end_wall_s, size)


def _multivariant(client: FastHttpSession, path: str) -> str | None:
    """None while the event waits for its first picture."""
    with client.get(path, name="GET index.m3u8", catch_response=True) as answer:
        if answer.status_code == 404:
            answer.success()
            return None
        return _text(answer)


def _text(answer: FastResponse) -> str:
    if answer.status_code != 200:
        raise Fault(f"a playlist answered {answer.status_code}")
    return str(answer.text or "")


def _drained(answer: FastResponse) -> int:
    """Read a streamed body in pieces and return its size: four times cheaper than keeping it (see README)."""
    size = 0
    stream = answer.stream
    while stream is not None:
        piece = stream.read(65_536)
        if not piece:
            break
        size += len(piece)
    return size
