"""Some seconds of a programme, as parts, to be played again and again without an encoder beside it. Rules only.

Either recorded from the real encoder (`record.py`) or made of random bytes in the sizes that a bitrate gives: delivery
never opens a part.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec

from loadtests.swarm.checks import Source, digest
from plenum.media import (
    PART_S,
    SEGMENT_S,
    VIDEO_TIMESCALE,
    Init,
    Part,
    Programme,
    ProgrammeState,
    Rendition,
    RenditionKind,
)

EPOCH = 1
AUDIO_TIMESCALE = 48_000
_KEY_FRAME_SHARE = 3.0
"""The first part of a segment is about so much larger: it carries the IDR."""


class Tape(msgspec.Struct, frozen=True):
    """Whole segments of each rendition; plays in a circle."""

    programme: Programme
    inits: tuple[Init, ...]
    parts: tuple[Part, ...]
    """In order of their ends, media sequence numbers from 0, `start` from 0, `wall_us` from 0."""

    @property
    def segments(self) -> int:
        return 1 + max(part.msn for part in self.parts)

    @property
    def seconds(self) -> float:
        return self.segments * self.programme.segment_s

    def bits_s(self, *names: str) -> float:
        """Of these renditions together, headers of parts included."""
        numbers = {r.id for r in self.programme.renditions if r.name in names}
        return 8 * sum(len(part.data) for part in self.parts if part.rendition in numbers) / self.seconds

    def only(self, *names: str) -> Tape:
        """These renditions alone."""
        renditions = tuple(r for r in self.programme.renditions if r.name in names)
        numbers = {r.id for r in renditions}
        return Tape(
            msgspec.structs.replace(self.programme, renditions=renditions),
            tuple(init for init in self.inits if init.rendition in numbers),
            tuple(part for part in self.parts if part.rendition in numbers),
        )

    def source(self, first_msn: int = 1) -> Source:
        """Digests of the payloads as they are played."""
        names = {r.id: r.name for r in self.programme.renditions}
        made = {(names[part.rendition], part.msn, part.index): digest(part.data) for part in self.parts}
        return lambda address: made.get((address[0], (address[1] - first_msn) % self.segments, address[2]))

    def played(self, first_msn: int = 1) -> Iterator[tuple[float, Part]]:
        """(seconds since the beginning when the part is complete, the part), without end."""
        timescales = {r.id: r.timescale for r in self.programme.renditions}
        lengths = {number: sum(p.duration for p in self.parts if p.rendition == number) for number in timescales}
        turn = 0
        while True:
            for part in self.parts:
                timescale = timescales[part.rendition]
                start = part.start + turn * lengths[part.rendition]
                wall_us = round(start * 1e6 / timescale)
                yield (
                    (start + part.duration) / timescale,
                    msgspec.structs.replace(
                        part, msn=first_msn + part.msn + turn * self.segments, start=start, wall_us=wall_us
                    ),
                )
            turn += 1


def normalised(programme: Programme, inits: list[Init], parts: list[Part]) -> Tape:
    """A recording as a tape: numbers, times and epoch start anew. The parts are whole segments, the same of each rendition."""
    timescales = {r.id: r.timescale for r in programme.renditions}
    first_msn = min(part.msn for part in parts)
    starts = {number: min(p.start for p in parts if p.rendition == number) for number in timescales}
    moved = [
        msgspec.structs.replace(
            part,
            init_id=1,
            epoch=EPOCH,
            msn=part.msn - first_msn,
            start=part.start - starts[part.rendition],
            wall_us=0,
            discontinuity=False,
        )
        for part in parts
    ]
    moved.sort(key=lambda part: ((part.start + part.duration) / timescales[part.rendition], part.rendition))
    renamed = tuple(msgspec.structs.replace(init, init_id=1, epoch=EPOCH) for init in inits)
    state = msgspec.structs.replace(programme, state=ProgrammeState.LIVE, epoch=EPOCH, on_air="Tape")
    return Tape(state, renamed, tuple(moved))


def made(bitrates_bps: dict[str, int], segments: int = 3, seed: int = 1) -> Tape:
    """Random bytes in the sizes of these bitrates; a rendition named `audio` is sound."""
    chance = random.Random(seed)
    renditions = tuple(_rendition(number, name, bps) for number, (name, bps) in enumerate(bitrates_bps.items()))
    parts = [part for rendition in renditions for part in _parts(rendition, segments, chance)]
    programme = Programme(renditions=renditions, state=ProgrammeState.LIVE, epoch=EPOCH)
    inits = [Init(r.id, 1, EPOCH, chance.randbytes(700)) for r in renditions]
    return normalised(programme, inits, parts)


def _rendition(number: int, name: str, bps: int) -> Rendition:
    if name == "audio":
        return Rendition(
            number,
            name,
            RenditionKind.AUDIO,
            bps,
            "mp4a.40.2",
            AUDIO_TIMESCALE,
            sample_rate=AUDIO_TIMESCALE,
            channels=2,
        )
    height = int(name.rstrip("p"))
    width = height * 16 // 9
    return Rendition(number, name, RenditionKind.VIDEO, bps, "avc1.42c01f", VIDEO_TIMESCALE, width, height, 30.0)


def _parts(rendition: Rendition, segments: int, chance: random.Random) -> Iterator[Part]:
    in_segment = round(SEGMENT_S / PART_S)
    duration = round(PART_S * rendition.timescale)
    plain = rendition.bitrate_bps * SEGMENT_S / 8 / (in_segment - 1 + _KEY_FRAME_SHARE)
    for number in range(segments * in_segment):
        msn, index = divmod(number, in_segment)
        is_video = rendition.kind is RenditionKind.VIDEO
        size = rendition.bitrate_bps * PART_S / 8 if not is_video else plain * (_KEY_FRAME_SHARE if index == 0 else 1)
        yield Part(
            rendition=rendition.id,
            init_id=1,
            epoch=EPOCH,
            msn=msn,
            index=index,
            start=number * duration,
            duration=duration,
            wall_us=0,
            independent=index == 0 or not is_video,
            last=index == in_segment - 1,
            discontinuity=False,
            data=chance.randbytes(max(1, round(size * chance.uniform(0.8, 1.2)))),
        )


def encoded(tape: Tape) -> bytes:
    return msgspec.msgpack.encode(tape)


def decoded(data: bytes) -> Tape:
    """Raises msgspec.MsgspecError."""
    return msgspec.msgpack.decode(data, type=Tape)
