"""What tests of the transcoder share: a real transcoder process, and presenters that send it encoded films in real time."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import numpy as np

from ingest.control import (
    MAX_MESSAGE,
    OUTPUT_LENGTH,
    Air,
    Attach,
    Configure,
    Ready,
    Refused,
    Showing,
    Stats,
    Stop,
    ToIngest,
    ToTranscoder,
    decode_to_ingest,
    encode_control,
)
from ingest.samples import (
    WANT_KEYFRAME,
    Sample,
    SampleCodec,
    SampleStream,
    audio_sample,
    clock_sample,
    pack_sample,
    video_sample,
)
from loadtests.films import Film, Painter, sound_track
from plenum.encoding import PictureEncoder, SoundEncoder
from plenum.media import Init, Part, Rendition
from plenum.wire import Kind, as_init, as_part, unpack

ROOT = Path(__file__).parents[1]
PATIENCE_S = 20.0
Message = TypeVar("Message", bound=ToIngest)


def now_us() -> int:
    return time.monotonic_ns() // 1000


@dataclass(frozen=True)
class Timed:
    """A sample and when its last packet would reach us, in seconds from the film's start."""

    at_s: float
    sample: Sample


def encoded_film(film: Film, *, codec: SampleCodec = SampleCodec.H264, sound: bool = True) -> list[Timed]:
    """Every picture says its number, every second begins with a flash and a beep; RTP timestamps begin anywhere."""
    pictures = _h264(film) if codec is SampleCodec.H264 else _vp8(film)
    timed = [
        Timed(number / film.fps, video_sample(codec, 0xFFFFF000 + number * 90_000 // film.fps, 0, data, keyframe=key))
        for number, (data, key) in enumerate(pictures)
    ]
    if sound:
        timed += [
            Timed((each.ticks + 960) / 48_000, audio_sample(777 + each.ticks, 0, each.data)) for each in _opus(film)
        ]
    return sorted(timed, key=lambda each: each.at_s)


def _h264(film: Film) -> list[tuple[bytes, bool]]:
    encoder = PictureEncoder(film.width, film.height, Fraction(film.fps), 2_000_000, preset="ultrafast")
    painter = Painter(film)
    encoded = []
    for number in range(film.frames):
        key = number % film.fps == 0
        encoded += list(encoder.encode(painter.frame(number), Fraction(number, film.fps), keyframe=key))
    return [(each.data, each.keyframe) for each in encoded]


def _vp8(film: Film) -> list[tuple[bytes, bool]]:
    codec: Any = av.CodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = film.width, film.height, "yuv420p"
    codec.time_base, codec.bit_rate, codec.gop_size = Fraction(1, film.fps), 2_000_000, film.fps
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    painter = Painter(film)
    packets = [packet for number in range(film.frames) for packet in codec.encode(painter.frame(number))]
    return [(bytes(packet), bool(packet.is_keyframe)) for packet in packets]


def _opus(film: Film) -> list[Any]:
    track = sound_track(film.seconds)
    frame = av.AudioFrame.from_ndarray(np.stack([track, track]), format="fltp", layout="stereo")
    frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
    return list(SoundEncoder().encode(frame, Fraction(0)))


class Presenter:
    """The peer process's part: writes samples at their time, hears wishes for key frames."""

    def __init__(self) -> None:
        self.plug, self._theirs = socket.socketpair()
        self.plug.setblocking(False)
        self.wishes = 0

    @property
    def descriptor(self) -> int:
        return self._theirs.fileno()

    def plugged(self) -> None:
        self._theirs.close()

    async def send(self, sample: Sample) -> None:
        await asyncio.get_running_loop().sock_sendall(self.plug, pack_sample(sample))

    async def play(
        self, film: Sequence[Timed], *, jitter_s: float = 0.0, video_delay_s: float = 0.0, reports: bool = False
    ) -> None:
        """The film in real time, each sample late by a random part of the jitter (its order kept, as a peer does).

        `video_delay_s` holds every picture back, as a slow encoder would; `reports` tells the truth by sender reports.
        """
        chance = random.Random(5)
        began = time.monotonic()
        free = {SampleStream.VIDEO: 0.0, SampleStream.AUDIO: 0.0}
        due: list[tuple[float, Timed]] = []
        for each in film:
            stream = each.sample.stream
            late = chance.uniform(0, jitter_s) + (video_delay_s if stream is SampleStream.VIDEO else 0.0)
            free[stream] = max(free[stream], each.at_s + late)
            due.append((free[stream], each))
        reported: dict[SampleStream, float] = {}
        for at_s, each in sorted(due, key=lambda pair: pair[0]):
            await asyncio.sleep(began + at_s - time.monotonic())
            self._hear()
            sample = each.sample
            if reports and each.at_s - reported.get(sample.stream, -9) > 1:
                reported[sample.stream] = each.at_s
                media_s = each.at_s - (0.02 if sample.stream is SampleStream.AUDIO else 0)
                ntp = int((3_900_000_000 + media_s) * 2**32)
                await self.send(clock_sample(sample.stream, sample.rtp_timestamp, ntp, now_us()))
            await self.send(
                Sample(
                    sample.kind,
                    sample.codec,
                    sample.stream,
                    sample.keyframe,
                    sample.rtp_timestamp,
                    now_us(),
                    sample.payload,
                )
            )

    def _hear(self) -> None:
        try:
            self.wishes += self.plug.recv(64).count(WANT_KEYFRAME)
        except BlockingIOError:
            return

    async def wish(self) -> None:
        """Wait until a key frame is asked for."""
        async with asyncio.timeout(PATIENCE_S):
            assert await asyncio.get_running_loop().sock_recv(self.plug, 1) == WANT_KEYFRAME
        self.wishes += 1

    def close(self) -> None:
        self.plug.close()


@dataclass
class Transcoder:
    """A transcoder process and everything it said."""

    process: asyncio.subprocess.Process
    control: socket.socket
    output: socket.socket
    settings: Configure
    said: list[ToIngest] = field(default_factory=list)
    inits: list[Init] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    arrived_us: list[int] = field(default_factory=list)
    """When each part came."""
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def say(self, message: ToTranscoder, descriptor: int | None = None) -> None:
        socket.send_fds(self.control, [encode_control(message)], [] if descriptor is None else [descriptor])

    async def present(self, source: str, name: str = "Ada", *, air: bool = True) -> Presenter:
        presenter = Presenter()
        await self.say(Attach(source, name), presenter.descriptor)
        presenter.plugged()
        if air:
            await self.say(Air(source))
        return presenter

    async def stop(self) -> int:
        await self.say(Stop())
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self.changed:
            await self.changed.wait_for(holds)

    async def heard(self, kind: type[Message], holds: Callable[[Message], bool] = lambda _: True) -> Message:
        """The first message of this kind for which it holds, now or later."""

        def found() -> list[Message]:
            return [message for message in self.said if isinstance(message, kind) and holds(message)]

        await self.until(lambda: bool(found()))
        return found()[0]

    @property
    def renditions(self) -> tuple[Rendition, ...]:
        return next(message for message in self.said if isinstance(message, Ready)).renditions

    def of(self, name: str) -> list[Part]:
        rendition = next(each for each in self.renditions if each.name == name)
        return [part for part in self.parts if part.rendition == rendition.id]

    def film(self, name: str) -> bytes:
        """The rendition as one file: init segment and parts."""
        rendition = next(each for each in self.renditions if each.name == name)
        init = next(each for each in self.inits if each.rendition == rendition.id)
        return init.data + b"".join(part.data for part in self.of(name))

    def refusals(self) -> list[Refused]:
        return [message for message in self.said if isinstance(message, Refused)]

    def showings(self) -> list[Showing]:
        return [message for message in self.said if isinstance(message, Showing)]

    def stats(self) -> Stats:
        return [message for message in self.said if isinstance(message, Stats)][-1]

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while packet := await loop.sock_recv(self.control, MAX_MESSAGE):
            async with self.changed:
                self.said.append(decode_to_ingest(packet))
                self.changed.notify_all()

    async def _collect(self) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=self.output)
        try:
            while True:
                (length,) = OUTPUT_LENGTH.unpack(await reader.readexactly(OUTPUT_LENGTH.size))
                header, payload = unpack(await reader.readexactly(length))
                async with self.changed:
                    if header.kind is Kind.INIT:
                        self.inits.append(as_init(header, payload))
                    else:
                        self.parts.append(as_part(header, payload))
                        self.arrived_us.append(now_us())
                    self.changed.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def transcoder(*, collect: bool = True, **settings: Any) -> AsyncIterator[Transcoder]:
    """A running process; `settings` are fields of `Configure`. Its output is left unread without `collect`."""
    zero = {"zero_us": now_us(), "zero_wall_us": time.time_ns() // 1000}
    ladder = {"ladder": ("360p",), "event": "test", "title": "Town hall", "language": "en"}
    configure = Configure(**({"epoch": 1, "first_msn": 0, "init_id": 1, "fps": 30} | zero | ladder | settings))
    control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output, their_output = socket.socketpair()
    with control, output:
        with their_control, their_output:
            descriptors = (their_control.fileno(), their_output.fileno())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ingest.transcoder"),
                *("--control", str(descriptors[0]), "--output", str(descriptors[1])),
                pass_fds=descriptors,
                cwd=ROOT,
                stdout=sys.stderr,
            )
        control.setblocking(False)
        output.setblocking(False)
        running = Transcoder(process, control, output, configure)
        await running.say(configure)
        tasks = [asyncio.create_task(running._listen())]
        if collect:
            tasks.append(asyncio.create_task(running._collect()))
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await asyncio.wait(tasks, timeout=PATIENCE_S)
            for task in tasks:
                task.cancel()
