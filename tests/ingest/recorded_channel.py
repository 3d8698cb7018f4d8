"""A channel with parts whose bytes say where they belong, for tests of what is recorded."""

from __future__ import annotations

from ingest.channel import Channel
from plenum.media import Init, Part, Programme, ProgrammeState, Rendition, RenditionKind
from plenum.wire import pack_init, pack_part, unpack

EVENT = "town-hall"
VIDEO = Rendition(0, "720p", RenditionKind.VIDEO, 2_500_000, "avc1.42c01f", 90_000, 1280, 720, 30.0)
AUDIO = Rendition(1, "audio", RenditionKind.AUDIO, 128_000, "mp4a.40.2", 48_000, sample_rate=48_000, channels=2)
LADDER = (VIDEO, AUDIO)
PARTS = 10
PART_BYTES = 3_000
WALL_US = 1_800_000_000_000_000


def announce(channel: Channel, *, init_id: int = 1, state: ProgrammeState = ProgrammeState.LIVE) -> None:
    channel.announce(Programme(LADDER, state, epoch=1, on_air="Anna"), 0.0)
    add_init(channel, init_id)


def add_init(channel: Channel, init_id: int) -> None:
    for rendition in LADDER:
        message = pack_init(Init(rendition.id, init_id, 1, init_bytes(rendition, init_id)))
        channel.add_init(unpack(message)[0], message)


def play(channel: Channel, msn: int, *, init_id: int = 1, parts: int = PARTS, wall_us: int = WALL_US) -> None:
    """One segment of all renditions."""
    for index in range(parts):
        for rendition in LADDER:
            part = Part(
                rendition=rendition.id,
                init_id=init_id,
                epoch=1,
                msn=msn,
                index=index,
                start=(msn * PARTS + index) * rendition.timescale // 5,
                duration=rendition.timescale // 5,
                wall_us=wall_us + msn * 2_000_000,
                independent=index == 0 or rendition is AUDIO,
                last=index == PARTS - 1,
                discontinuity=False,
                data=part_bytes(rendition, msn, index),
            )
            message = pack_part(part)
            channel.add_part(unpack(message)[0], message, 0.0)


def init_bytes(rendition: Rendition, init_id: int) -> bytes:
    return f"init {rendition.name} {init_id}".encode()


def part_bytes(rendition: Rendition, msn: int, index: int) -> bytes:
    return f"{rendition.name} {msn}.{index} ".encode().ljust(PART_BYTES, b".")


def segment_bytes(rendition: Rendition, msn: int, parts: int = PARTS) -> bytes:
    return b"".join(part_bytes(rendition, msn, index) for index in range(parts))
