"""The programme's renditions: encoders and packagers of a ladder and its sound. Pictures and samples in, parts out.

Knows nothing of time: it takes the tick it is given. `ingest/production.py` drives it by the clock, `ingest/bench.py` as
fast as it goes.
"""

from __future__ import annotations

from av.video.frame import VideoFrame

from ingest.cmaf import audio_init, video_codec, video_init
from ingest.encode import AudioEncoder, Ladder
from ingest.ladder import AUDIO_BITRATE_BPS, AUDIO_NAME
from ingest.pace import Tick
from ingest.packager import AUDIO_RATE, AudioPackager, Cutter, Timeline, VideoPackager, WallClock
from ingest.pcm import CHANNELS, Pcm
from plenum.media import VIDEO_TIMESCALE, Init, Part, Rendition, RenditionKind

AAC_LC = "mp4a.40.2"


class Renditions:
    """Rendition ids are 0 to n-1 for the video rungs, n for the sound."""

    def __init__(
        self, ladder: Ladder, sound: AudioEncoder, timeline: Timeline, wall: WallClock, *, init_id: int, epoch: int
    ) -> None:
        self._ladder = ladder
        self._sound = sound
        self._timeline = timeline
        self._init_id = init_id
        self._epoch = epoch
        self._audio_id = len(ladder.rungs)
        self._video_packagers = [
            VideoPackager(timeline, Cutter(number, init_id, epoch, VIDEO_TIMESCALE, wall))
            for number in range(self._audio_id)
        ]
        self._audio_packager = AudioPackager(timeline, Cutter(self._audio_id, init_id, epoch, AUDIO_RATE, wall))
        self._packagers: list[VideoPackager | AudioPackager] = [*self._video_packagers, self._audio_packager]
        self._last_tick = timeline.first_tick

    @property
    def timeline(self) -> Timeline:
        return self._timeline

    def announced(self) -> tuple[Rendition, ...]:
        """What players are told."""
        return (*map(self._announced_video, range(self._audio_id)), self._announced_audio())

    def _announced_video(self, number: int) -> Rendition:
        rung, encoder = self._ladder.rungs[number], self._ladder.encoders[number]
        return Rendition(
            id=number,
            name=rung.name,
            kind=RenditionKind.VIDEO,
            bitrate_bps=rung.bitrate_bps,
            codec=video_codec(encoder.avcc),
            timescale=VIDEO_TIMESCALE,
            width=rung.width,
            height=rung.height,
            fps=float(self._timeline.fps),
        )

    def _announced_audio(self) -> Rendition:
        return Rendition(
            id=self._audio_id,
            name=AUDIO_NAME,
            kind=RenditionKind.AUDIO,
            bitrate_bps=AUDIO_BITRATE_BPS,
            codec=AAC_LC,
            timescale=AUDIO_RATE,
            sample_rate=AUDIO_RATE,
            channels=CHANNELS,
        )

    def inits(self) -> list[Init]:
        data = [
            video_init(rung.width, rung.height, VIDEO_TIMESCALE, encoder.avcc)
            for rung, encoder in zip(self._ladder.rungs, self._ladder.encoders, strict=True)
        ]
        data.append(audio_init(AUDIO_RATE, CHANNELS, AUDIO_BITRATE_BPS, self._sound.config))
        return [Init(number, self._init_id, self._epoch, each) for number, each in enumerate(data)]

    def add_picture(self, picture: VideoFrame, tick: Tick) -> list[Part]:
        """Encode one picture on all rungs; returns the parts that it completed."""
        done = self._jump(tick.number) if tick.jumped else []
        self._last_tick = tick.number + tick.span - 1
        keyframe = self._timeline.starts_segment(tick.number)
        samples = self._ladder.encode(picture, tick.number, keyframe=keyframe)
        for packager, data in zip(self._video_packagers, samples, strict=True):
            done.append(packager.add(tick.number, tick.span, data, keyframe=keyframe))
        return [part for part in done if part is not None]

    def add_sound(self, pcm: Pcm) -> list[Part]:
        """1024 samples."""
        parts = (self._audio_packager.add(frame) for frame in self._sound.encode(pcm))
        return [part for part in parts if part is not None]

    def _jump(self, tick: int) -> list[Part | None]:
        self._timeline = self._timeline.resumed(self._last_tick, tick)
        self._sound.forget_held()
        return [packager.begin(self._timeline) for packager in self._packagers]

    def finish(self) -> list[Part]:
        """What is open, as the last parts."""
        parts = [packager.flush() for packager in self._packagers]
        return [part for part in parts if part is not None]
