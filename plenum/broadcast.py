"""A source's pictures and sound, encoded in a thread of their own and handed out when they are due.

The thread decodes and encodes just ahead of time, so that a key frame that somebody asks for is in the next picture. A
machine that cannot keep up leaves pictures out, never sound.
"""

from __future__ import annotations

import asyncio
import threading
import time
from fractions import Fraction

import msgspec
from av import AudioFrame, VideoFrame

from plenum.encoding import Encoded, PictureEncoder, SoundEncoder
from plenum.errors import BadInput, PlenumError
from plenum.log import get_logger
from plenum.media_source import MediaSource, Timed

log = get_logger("publisher")

LEAD_S = 0.08
"""How long before it is due a picture is encoded."""
LATE_S = 0.25
"""Later than this pictures are left out."""
HOPELESS_S = 2.0
"""Later than this the whole timeline is moved: the machine slept, or stands still."""
QUEUE_MAX = 256
KEYFRAME_SPACING_S = 0.25


class Timeline(msgspec.Struct):
    """Media time against this machine's clocks. One for sound and picture."""

    zero: float
    """time.monotonic() at media time 0."""
    wall_zero: float

    def media_s(self, now: float) -> float:
        return now - self.zero

    def wall_of(self, media: Fraction) -> float:
        return self.wall_zero + float(media)

    def move(self, by_s: float) -> None:
        self.zero += by_s
        self.wall_zero += by_s


class Broadcast:
    """Runs a source. `pictures` and `sounds` yield what is encoded, in order; None is the end."""

    def __init__(self, source: MediaSource, bitrate_bps: int, preset: str = "superfast") -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._picture_encoder = PictureEncoder(source.width, source.height, source.fps, bitrate_bps, preset)
        self._sound_encoder = SoundEncoder() if source.has_audio else None
        self._stop = threading.Event()
        self._keyframe = threading.Event()
        self._last_keyframe_at = 0.0
        self._has_begun = False
        self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)
        self.pictures: asyncio.Queue[Encoded | None] = asyncio.Queue()
        self.sounds: asyncio.Queue[Encoded | None] = asyncio.Queue()
        self.timeline = Timeline(time.monotonic() + LEAD_S, time.time() + LEAD_S)
        self.left_out = 0
        self.failure: PlenumError | None = None

    def start(self) -> None:
        self._thread.start()

    def want_keyframe(self) -> None:
        """The next picture shall need no other; asked for often it is done four times a second."""
        self._keyframe.set()

    async def stop(self) -> None:
        self._stop.set()
        self._source.close()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    # --- in the thread ---

    def _run(self) -> None:
        try:
            for timed in self._source.frames(self.timeline.wall_of):
                self._begin()
                late = self._wait_until_due(timed)
                if self._stop.is_set():
                    break
                self._encode(timed, late)
        except PlenumError as error:
            self.failure = error
        except Exception as error:
            log.exception("broadcast_failed")
            self.failure = BadInput(f"The source could not be sent on: {error!r}", code="unreadable_file")
        finally:  # whatever happened: who waits for pictures must not wait for ever
            self._hand_over(self.pictures, None)
            self._hand_over(self.sounds, None)

    def _begin(self) -> None:
        """Media time 0 is when the first picture is there, however long the file took to open."""
        if not self._has_begun:
            self._has_begun = True
            self.timeline.move(max(0.0, self.timeline.media_s(time.monotonic()) + LEAD_S))

    def _wait_until_due(self, timed: Timed) -> float:
        """How many seconds too late it is (0: in time)."""
        early = float(timed.time) - LEAD_S - self.timeline.media_s(time.monotonic())
        if early > 0:
            self._stop.wait(early)
        late = max(0.0, -early - LEAD_S)
        if late > HOPELESS_S:
            self.timeline.move(late)
            return 0.0
        return late

    def _encode(self, timed: Timed, late: float) -> None:
        if isinstance(timed.frame, AudioFrame):
            if self._sound_encoder is not None:
                for block in self._sound_encoder.encode(timed.frame, timed.time):
                    self._hand_over(self.sounds, block)
        elif late > LATE_S or self.pictures.qsize() > QUEUE_MAX:
            self.left_out += 1
        else:
            self._encode_picture(timed.frame, timed.time)

    def _encode_picture(self, frame: VideoFrame, at: Fraction) -> None:
        now = time.monotonic()
        keyframe = self._keyframe.is_set() and now - self._last_keyframe_at >= KEYFRAME_SPACING_S
        if keyframe:
            self._keyframe.clear()
        for picture in self._picture_encoder.encode(frame, at, keyframe=keyframe):
            self._last_keyframe_at = now if picture.keyframe else self._last_keyframe_at
            self._hand_over(self.pictures, picture)

    def _hand_over(self, queue: asyncio.Queue[Encoded | None], item: Encoded | None) -> None:
        """Bounded by time: nothing is encoded more than LEAD_S ahead, and pictures are left out beyond QUEUE_MAX."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(queue.put_nowait, item)
