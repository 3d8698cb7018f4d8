"""The transcoder process of one event: samples of its sources in, feed messages out. `python -m ingest.transcoder`.

Three threads. This one, the main thread, reads the control socket and the sources' sockets and decodes the one on air;
`production` makes a picture for each tick; `output` writes. It ends with the control socket, by `stop`, or with an error
where somebody is stuck: ingest starts the next one, which goes on at the same programme time.

    --control FD --output FD     the sockets inherited from ingest
    --sandbox auto|off|required  whether its system calls are limited (`ingest/confinement.py`)
    --bench FILE --frames N      encode a file as fast as it goes and print the cost as JSON (`ingest/bench.py`)
"""

from __future__ import annotations

import argparse
import gc
import os
import selectors
import socket
import sys
import time
from collections.abc import Sequence

import av.logging

from ingest.capture_wall import CaptureWall
from ingest.confinement import SANDBOXES, Sandbox, confine
from ingest.control import Air, Attach, Configure, Detach, Ready, Refused, Showing, Stats, Stop
from ingest.control_socket import ControlClosed, ControlSocket
from ingest.encode import AudioEncoder, Ladder
from ingest.ladder import AUDIO_BITRATE_BPS, climb
from ingest.output import Output, OutputClosed
from ingest.pace import RateChoice, Ticker
from ingest.packager import Timeline
from ingest.production import Production
from ingest.renditions import Renditions
from ingest.samples import SampleKind
from ingest.source import Source, SourceClosed
from ingest.stage import Stage
from ingest.warm_up import warm_up
from plenum.errors import BadInput, PlenumError
from plenum.log import configure as configure_log
from plenum.log import get_logger

SOURCES_MAX = 8
STATS_EVERY_US = 1_000_000
log = get_logger("transcoder")


def now_us() -> int:
    """CLOCK_MONOTONIC, which all processes of a machine share."""
    return time.monotonic_ns() // 1000


class Transcoder:
    """The main thread's side: owns the sources, the stage and, once the rate is known, the production."""

    def __init__(self, settings: Configure, control: ControlSocket, output: socket.socket) -> None:
        rungs = climb(settings.ladder)
        self._settings = settings
        self._rungs = rungs
        self._control = control
        self._selector = selectors.DefaultSelector()
        self._selector.register(control.fileno(), selectors.EVENT_READ, None)
        self._alarm, self._alarm_in = os.pipe()  # a confined process makes no sockets
        self._selector.register(self._alarm, selectors.EVENT_READ, None)
        self._failure: Exception | None = None
        self._sources: dict[str, Source] = {}
        self._rate = RateChoice(settings.fps, now_us())
        size = (rungs[0].width, rungs[0].height)
        self._stage = Stage(settings.title, settings.language, size, settings.zero_us, now_us)
        self._output = Output(output, self._fail)
        self._production: Production | None = None
        self._stats_due_us = 0
        self._busy_us = 0
        self._stopping = False

    def run(self) -> None:
        """Until `stop`. Raises what ended it otherwise."""
        while not self._stopping:
            for key, _ in self._selector.select(self._patience_s()):
                if key.data is None:
                    self._listen()
                else:
                    self._read(key.data)
            if self._failure is not None:
                raise self._failure
            self._do_due(now_us())
        self._finish()

    def _fail(self, error: Exception) -> None:
        """Called from the other threads."""
        self._failure = self._failure or error
        os.write(self._alarm_in, b"!")

    def _patience_s(self) -> float:
        until_us = self._rate.decides_at_us if self._production is None else self._stats_due_us
        return max(0, until_us - now_us()) / 1_000_000

    # What ingest says

    def _listen(self) -> None:
        while not self._stopping and (received := self._control.receive()) is not None:
            message, plug = received
            if plug is not None and not isinstance(message, Attach):
                plug.close()
            match message:
                case Attach():
                    self._attach(message, plug)
                case Air():
                    self._put_on_air(message.source)
                case Detach():
                    self._detach(message.source)
                case Stop():
                    self._stopping = True
                case Configure():
                    raise BadInput("A transcoder is configured once.", code="bad_control")

    def _attach(self, message: Attach, plug: socket.socket | None) -> None:
        if plug is None:
            raise BadInput("A source comes with its socket.", code="bad_control")
        was_on_air = self._stage.source is not None and self._stage.source.key == message.source
        self._detach(message.source)
        if len(self._sources) >= SOURCES_MAX:
            plug.close()
            self._control.send(Refused(message.source, "too_many_sources", f"At most {SOURCES_MAX} sources."))
            return
        source = Source(message.source, message.name, plug, now_us())
        self._sources[source.key] = source
        self._selector.register(plug, selectors.EVENT_READ, source)
        source.ask_keyframe(now_us())
        if was_on_air:
            self._put_on_air(source.key)

    def _put_on_air(self, key: str | None) -> None:
        source = self._sources.get(key) if key is not None else None
        self._rate.went_on_air(now_us(), anybody=source is not None)
        if source is None or source is not self._stage.source:
            self._stage.put_on_air(source)

    def _detach(self, key: str) -> None:
        source = self._sources.pop(key, None)
        if source is None:
            return
        self._unplug(source)
        if self._stage.source is source:
            self._stage.put_on_air(None)

    def _unplug(self, source: Source) -> None:
        if source.plug.fileno() >= 0:
            self._selector.unregister(source.plug)
            source.close()

    # What sources say

    def _read(self, source: Source) -> None:
        try:
            on_air = source is self._stage.source
            for sample, timestamp in source.read():
                if on_air:
                    if self._production is None and sample.kind is SampleKind.VIDEO:
                        self._rate.saw_picture(timestamp, now_us())
                    self._stage.feed(sample, timestamp)
        except SourceClosed:
            # Ingest takes it off the air when it likes; until then it is a source that is silent.
            self._unplug(source)
        except BadInput as error:
            self._detach(source.key)
            log.warning("source_refused", source=source.key, code=error.code, detail=error.message)
            self._control.send(Refused(source.key, error.code, error.message))

    # What time brings

    def _do_due(self, at_us: int) -> None:
        if self._production is None:
            fps = self._rate.decided(at_us)
            if fps is not None:
                self._produce(fps)
        elif at_us >= self._stats_due_us:
            self._stats_due_us = max(self._stats_due_us, at_us - STATS_EVERY_US) + STATS_EVERY_US
            self._control.send(self._stats(self._production))

    def _produce(self, fps: int) -> None:
        settings = self._settings
        ladder, sound = Ladder(self._rungs, fps, settings.preset), AudioEncoder(AUDIO_BITRATE_BPS)
        # Only now: on a busy machine opening the encoders has taken a few ticks.
        ticker = Ticker(fps, settings.zero_us, now_us())
        timeline = Timeline(fps, ticker.first, settings.first_msn, settings.discontinuity)
        wall = CaptureWall(settings.zero_wall_us)
        renditions = Renditions(ladder, sound, timeline, wall, init_id=settings.init_id, epoch=settings.epoch)
        self._stage.begin(fps, timeline.first_sample)
        self._production = Production(
            renditions,
            ticker,
            self._stage,
            wall,
            self._output,
            clock=now_us,
            local_to_unix_us=settings.zero_wall_us - settings.zero_us,
            showing=self._show,
            failed=self._fail,
        )
        self._control.send(Ready(renditions.announced(), fps))
        self._stats_due_us = now_us() + STATS_EVERY_US
        gc.freeze()
        self._production.start()

    def _show(self, showing: Showing) -> None:
        self._control.send(showing)

    def _stats(self, production: Production) -> Stats:
        counts = self._stage.counts()
        busy_us, self._busy_us = production.busy_us - self._busy_us, production.busy_us
        return Stats(
            frames=production.frames,
            parts=production.parts,
            dropped=production.dropped,
            repeated=counts.repeated,
            realtime_ratio=round(busy_us / STATS_EVERY_US, 3),
            source_width=counts.width,
            source_height=counts.height,
            source_fps=counts.source_fps,
            skipped=counts.skipped,
            silence_ms=counts.silence_ms,
            concealed_ms=counts.concealed_ms,
            decode_errors=counts.decode_errors,
            av_offset_ms=counts.audio_correction_ms,
        )

    def _finish(self) -> None:
        if self._production is not None:
            self._production.stop()
            self._production.join()
        self._output.close()


def serve(control: ControlSocket, output: socket.socket) -> None:
    """One programme, from `configure` on."""
    with selectors.DefaultSelector() as selector:
        selector.register(control.fileno(), selectors.EVENT_READ)
        while (received := control.receive()) is None:
            selector.select()
    settings, _ = received
    if not isinstance(settings, Configure):
        raise BadInput("The first message is `configure`.", code="bad_control")
    Transcoder(settings, control, output).run()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 after `stop` or when ingest has gone, 1 with a sentence in the log otherwise."""
    parser = argparse.ArgumentParser(prog="python -m ingest.transcoder")
    parser.add_argument("--control", type=int, help="descriptor of the control socket")
    parser.add_argument("--output", type=int, help="descriptor of the output socket")
    parser.add_argument("--sandbox", choices=SANDBOXES, default="auto", help="limit its system calls")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.add_argument("--log-format", choices=("auto", "json", "console"), default="auto")
    parser.add_argument("--bench", metavar="FILE", help="encode this film as fast as it goes and print the cost")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--ladder", default="720p,480p,360p")
    parser.add_argument("--preset", default="superfast")
    options = parser.parse_args(arguments)
    av.logging.set_level(av.logging.FATAL)  # a damaged stream logs a line for each macroblock
    if options.bench:
        from ingest.bench import bench  # noqa: PLC0415  # the process that serves an event never needs it

        return bench(options.bench, options.frames, options.ladder.split(","), options.preset)
    if options.control is None or options.output is None:
        parser.error("--control and --output, or --bench")
    configure_log("transcoder", options.log_level, options.log_format)
    return _serve_descriptors(options.control, options.output, options.sandbox)


def _serve_descriptors(control: int, output: int, sandbox: Sandbox) -> int:
    try:
        warm_up()
        confine(sandbox)  # nothing of what ingest and strangers send has been read yet
        serve(ControlSocket(socket.socket(fileno=control)), socket.socket(fileno=output))
    except (ControlClosed, OutputClosed):
        return 0
    except PlenumError as error:
        log.error("transcoder_refused", code=error.code, detail=error.message)
        return 1
    except Exception:
        log.exception("transcoder_failed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
