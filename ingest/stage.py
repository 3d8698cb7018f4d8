"""What the programme shows and sounds like at a tick: the source on air, its decoders and queues, or a still picture.

Two threads meet here, under one lock: the main thread feeds samples of the source on air, the production thread takes a
picture and sound for each tick. Decoding happens outside the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from av.video.frame import VideoFrame

from ingest.control import Shown
from ingest.decode import AudioDecoder, Undecodable, VideoDecoder
from ingest.pace import DEFAULT_FPS, FrameQueue, PlayoutDelay
from ingest.pcm import RATE, Pcm
from ingest.samples import Sample, SampleKind, SampleStream
from ingest.slate import name_plate, slate
from ingest.sound import SoundLine
from ingest.source import Source

PLATE_AFTER_US = 1_000_000
"""A source that is there, but gave no picture for so long, is shown by its name."""


class Shot(NamedTuple):
    """One tick's picture and what it is."""

    picture: VideoFrame
    state: Shown
    source: str


class OnAir:
    """The source on air: decoders of its own, pictures that wait for their tick."""

    def __init__(self, source: Source, fps: int, now_us: int) -> None:
        self.source = source
        self.video = VideoDecoder()
        self.audio = AudioDecoder()
        self.queue: FrameQueue[VideoFrame] = FrameQueue(fps)
        self.delay = PlayoutDelay(fps)
        self.blank_since_us = now_us
        """Since when it owes a picture."""
        self.picture: VideoFrame | None = None
        self.size = (0, 0)


class Counts(NamedTuple):
    """For the statistics."""

    repeated: int
    skipped: int
    decode_errors: int
    silence_ms: int
    concealed_ms: int
    audio_correction_ms: int
    width: int
    height: int
    source_fps: float


class Stage:
    """Owns who is on air as far as the picture goes; `ingest/program.py` decides who that is."""

    def __init__(
        self, title: str, language: str, size: tuple[int, int], zero_us: int, clock: Callable[[], int]
    ) -> None:
        self._size = size
        self._zero_us = zero_us
        self._clock = clock
        self._fps = DEFAULT_FPS
        self._slate = slate(title, language, *size)
        self._plate: tuple[str, VideoFrame] | None = None
        self._lock = threading.Lock()
        self._on_air: OnAir | None = None
        self._sound = SoundLine(0)
        self._last = Shot(self._slate, Shown.SLATE, "")
        self._repeated = 0
        self._skipped = 0
        self._decode_errors = 0

    # Main thread

    @property
    def source(self) -> Source | None:
        return self._on_air.source if self._on_air else None

    def put_on_air(self, source: Source | None) -> None:
        """This source from now on; None shows the slate."""
        now_us = self._clock()
        on_air = OnAir(source, self._fps, now_us) if source else None
        with self._lock:
            self._skipped += self._on_air.queue.skipped if self._on_air else 0
            self._on_air = on_air
            self._sound.mute()
        if source:
            source.ask_keyframe(now_us)

    def feed(self, sample: Sample, timestamp: int) -> None:
        """A sample of the source on air. Raises BadInput `picture_too_large`."""
        on_air = self._on_air
        if on_air is None:
            return
        try:
            if sample.kind is SampleKind.VIDEO:
                self._feed_video(on_air, sample, timestamp)
            elif sample.kind is SampleKind.AUDIO:
                self._feed_audio(on_air, sample, timestamp)
        except Undecodable:
            self._decode_errors += 1
            on_air.source.ask_keyframe(self._clock())

    def _feed_video(self, on_air: OnAir, sample: Sample, timestamp: int) -> None:
        for frame in on_air.video.decode(sample, timestamp):
            captured_us = on_air.source.clock.capture_us(SampleStream.VIDEO, frame.pts or 0)
            now_us = self._clock()
            with self._lock:
                on_air.delay.observe(SampleStream.VIDEO, now_us - captured_us, now_us)
                on_air.queue.put((frame.pts or 0) * 100 // 9, captured_us, frame)
                on_air.size = (frame.width, frame.height)
        if on_air.video.waits_for_keyframe or on_air.video.is_damaged:
            on_air.source.ask_keyframe(self._clock())

    def _feed_audio(self, on_air: OnAir, sample: Sample, timestamp: int) -> None:
        pcm = on_air.audio.decode(sample)
        if pcm is None:
            return
        captured_us = on_air.source.clock.capture_us(SampleStream.AUDIO, timestamp)
        now_us = self._clock()
        tick_us = 1_000_000 // self._fps
        # Pictures are shown half a tick after their time on average, and so is sound; it is read a tick ahead.
        lateness_us = now_us - captured_us - pcm.shape[1] * 1_000_000 // RATE + tick_us // 2
        with self._lock:
            on_air.delay.observe(SampleStream.AUDIO, lateness_us, now_us)
            self._sound.write(timestamp, pcm, self._position(captured_us + on_air.delay.value_us + tick_us // 2))

    def _position(self, local_us: int) -> int:
        return (local_us - self._zero_us) * RATE // 1_000_000

    def begin(self, fps: int, position: int) -> None:
        """The rate is known: production starts at this sample."""
        with self._lock:
            self._fps = fps
            self._sound.jump(position)
            if self._on_air:
                self._on_air.queue.retime(fps)

    # Production thread

    def shot(self, due_us: int) -> Shot:
        """The picture for the tick that was due then."""
        now_us = self._clock()
        with self._lock:
            self._last = self._next_shot(due_us, now_us)
            return self._last

    def _next_shot(self, due_us: int, now_us: int) -> Shot:
        on_air = self._on_air
        if on_air is None or on_air.source.presence.is_gone(now_us):
            if on_air is not None:
                on_air.picture, on_air.blank_since_us = None, now_us
            return Shot(self._slate, Shown.SLATE, "")
        picture = on_air.queue.take(due_us, on_air.delay.value_us)
        self._repeated += picture is None
        on_air.picture = picture or on_air.picture
        if on_air.picture is not None:
            return Shot(on_air.picture, Shown.LIVE, on_air.source.key)
        if now_us - on_air.blank_since_us > PLATE_AFTER_US:
            return Shot(self._plate_of(on_air.source.name), Shown.LIVE, on_air.source.key)
        return self._last

    def _plate_of(self, name: str) -> VideoFrame:
        if self._plate is None or self._plate[0] != name:
            self._plate = (name, name_plate(name, *self._size))
        return self._plate[1]

    def read_sound(self, count: int) -> Pcm:
        with self._lock:
            return self._sound.read(count)

    def jump_sound(self, position: int) -> None:
        with self._lock:
            self._sound.jump(position)

    @property
    def sound_position(self) -> int:
        return self._sound.position

    @property
    def sound_known(self) -> int:
        """Up to which position sound has come."""
        return self._sound.filled

    def capture_lead_us(self, local_to_unix_us: int) -> int | None:
        """How long before its tick what is on air was captured, by the sender's clock where that is known."""
        with self._lock:
            on_air = self._on_air
            if on_air is None or on_air.picture is None:
                return None
            delay_us = on_air.delay.value_us
            network_us = on_air.source.clock.unix_to_local_us
            if network_us is None or not 0 <= network_us + local_to_unix_us <= PLATE_AFTER_US:
                return delay_us
            return delay_us + network_us + local_to_unix_us

    # Either

    def counts(self) -> Counts:
        with self._lock:
            on_air = self._on_air
            width, height = on_air.size if on_air else (0, 0)
            return Counts(
                self._repeated,
                self._skipped + (on_air.queue.skipped if on_air else 0),
                self._decode_errors,
                self._sound.silence * 1000 // RATE,
                self._sound.concealed * 1000 // RATE,
                self._sound.correction * 1000 // RATE,
                width,
                height,
                round(on_air.queue.source_fps, 2) if on_air else 0.0,
            )
