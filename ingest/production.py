"""The programme's heartbeat: a thread that makes one picture and its sound for each tick of the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingest.capture_wall import CaptureWall
from ingest.control import Showing
from ingest.output import Output
from ingest.pace import Tick, Ticker
from ingest.packager import AAC_FRAME, AUDIO_RATE
from ingest.renditions import Renditions
from ingest.stage import Shot, Stage
from plenum.media import Part
from plenum.wire import pack_init, pack_part

AHEAD = AUDIO_RATE // 10
"""How far sound may be encoded before its picture."""


class Production(threading.Thread):
    """Runs until `stop`; `failed` hears of anything that ends it before."""

    def __init__(
        self,
        renditions: Renditions,
        ticker: Ticker,
        stage: Stage,
        wall: CaptureWall,
        output: Output,
        *,
        clock: Callable[[], int],
        local_to_unix_us: int,
        showing: Callable[[Showing], None],
        failed: Callable[[Exception], None],
    ) -> None:
        super().__init__(name="production", daemon=True)
        self._renditions = renditions
        self._ticker = ticker
        self._stage = stage
        self._wall = wall
        self._output = output
        self._clock = clock
        self._local_to_unix_us = local_to_unix_us
        self._showing = showing
        self._failed = failed
        self._stopping = threading.Event()
        self._shown: Showing | None = None
        self.frames = 0
        self.parts = 0
        self.busy_us = 0
        """Time spent on ticks since the start."""

    @property
    def dropped(self) -> int:
        return self._ticker.dropped

    def stop(self) -> None:
        """Ends after the tick that is being made; what is open goes out as the last parts."""
        self._stopping.set()

    def run(self) -> None:
        try:
            for init in self._renditions.inits():
                self._output.put(pack_init(init))
            while not self._wait():
                self._make_tick()
            self._send(self._renditions.finish())
        except Exception as error:  # noqa: BLE001  # the thread's outermost frame: the main thread ends the process
            self._failed(error)

    def _wait(self) -> bool:
        return self._stopping.wait(max(0, self._ticker.due_us - self._clock()) / 1_000_000)

    def _make_tick(self) -> None:
        began_us = self._clock()
        tick = self._ticker.take(began_us)
        shot = self._stage.shot(self._ticker.time_us(tick.number + tick.span - 1))
        self._tell(shot)
        self._follow_capture()
        self._send(self._renditions.add_picture(shot.picture, tick))
        self._send(self._make_sound(tick))
        self.frames += 1
        self.busy_us += self._clock() - began_us

    def _make_sound(self, tick: Tick) -> list[Part]:
        if tick.jumped:
            self._stage.jump_sound(self._renditions.timeline.first_sample)
        parts: list[Part] = []
        end = self._sound_end(tick)
        while self._stage.sound_position + AAC_FRAME <= end:
            parts += self._renditions.add_sound(self._stage.read_sound(AAC_FRAME))
        return parts

    def _sound_end(self, tick: Tick) -> int:
        """To the tick's end, and on while sound is there: the AAC encoder holds a block back, players wait for it.

        Never past the segment's end: should the clock jump there, the next segment is numbered by the pictures.
        """
        end = (tick.number + tick.span) * AUDIO_RATE // self._ticker.fps
        line = self._renditions.timeline
        into_segment = (tick.number + tick.span - 1 - line.first_tick) % line.ticks_per_segment + 1
        segment_end = end + (line.ticks_per_segment - into_segment) * AUDIO_RATE // line.fps
        return max(end, min(self._stage.sound_known, end + AHEAD, segment_end))

    def _follow_capture(self) -> None:
        lead_us = self._stage.capture_lead_us(self._local_to_unix_us)
        if lead_us is not None:
            self._wall.want(lead_us)

    def _tell(self, shot: Shot) -> None:
        showing = Showing(shot.state, shot.source)
        if showing != self._shown:
            self._shown = showing
            self._showing(showing)

    def _send(self, parts: list[Part]) -> None:
        for part in parts:
            self._output.put(pack_part(part))
            self.parts += 1
