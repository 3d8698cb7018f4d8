"""What one programme must not forget, and how it goes on from there. Rules only; `ingest/ledger.py` writes it.

The numbers that viewers' caches know (media sequence number, init id) must never come twice, whatever dies. They are
therefore *reserved*: the record on disk names numbers above those in use, and is written anew whenever a segment starts.
No part waits for that write: the reservation is `MSN_AHEAD` segments ahead, so the disk may take four times two seconds
before a number is in use that the file does not cover. Should it take longer still (a full disk refuses for minutes), the
file's age covers the rest: `resumed` adds a number for every segment that can have been cut since it was written. A
graceful stop writes the exact numbers and leaves no hole.

What surprises: CLOCK_MONOTONIC outlives us but not the machine, so the timeline's zero is kept as long as the kernel's
boot id is the same; after a reboot a new epoch begins.
"""

from __future__ import annotations

import msgspec

from ingest.control import Configure
from plenum.media import SEGMENT_S, Rendition

MSN_AHEAD = 4
INIT_AHEAD = 16
"""Transcoders that fail are started six times a minute at most, so this covers a disk that stands for two minutes."""
AGE_MAX_S = 86_400.0
WALL_DRIFT_US = 1_000_000
"""A wall clock that was set is followed at the next discontinuity; what NTP slews is not worth a jump."""


class Plan(msgspec.Struct, frozen=True):
    """What the settings say about every programme."""

    ladder: tuple[str, ...] = ("720p", "480p", "360p")
    fps: int = 0
    preset: str = "superfast"


class Now(msgspec.Struct, frozen=True):
    """This machine's clocks, read together."""

    monotonic_us: int
    wall_us: int
    boot: str
    """The kernel's boot id; empty where there is none, which means: never the same."""

    @property
    def wall_s(self) -> float:
        return self.wall_us / 1e6

    @property
    def wall_ms(self) -> int:
        return self.wall_us // 1000


class Record(msgspec.Struct, frozen=True):
    """The programme as a restarted ingest needs it."""

    event: str
    title: str = ""
    language: str = "en"
    msn: int = 0
    """No media sequence number above this was ever given to anybody."""
    init_id: int = 0
    """No init id above this was ever given to anybody."""
    epoch: int = 0
    """0 as long as nobody has been on air."""
    zero_us: int = 0
    """CLOCK_MONOTONIC of programme time 0, valid in `boot`."""
    zero_wall_us: int = 0
    """Unix time of the same instant, µs."""
    boot: str = ""
    fps: int = 0
    renditions: tuple[Rendition, ...] = ()
    """As last announced: what a relay is told until the new transcoder is ready."""
    started_at_ms: int = 0
    ended_at_ms: int = 0
    vacant_at_ms: int = 0
    """Since when nobody is on air; 0 while somebody is."""
    written_at: float = 0.0
    """Unix seconds."""
    closed: bool = False
    """Written by a graceful stop: `msn` and `init_id` are exact."""

    @property
    def is_running(self) -> bool:
        return bool(self.epoch) and not self.ended_at_ms


def begun(record: Record, now: Now) -> Record:
    """Somebody is on air for the first time: programme time 0 is now."""
    return msgspec.structs.replace(_from_zero(record, now), started_at_ms=now.wall_ms)


def continued(record: Record, now: Now) -> Record:
    """Before each further transcoder: the same zero, or another epoch where it is lost."""
    if not record.boot or record.boot != now.boot:
        return _from_zero(record, now)
    wall_us = now.wall_us - (now.monotonic_us - record.zero_us)
    if abs(wall_us - record.zero_wall_us) > WALL_DRIFT_US:
        return msgspec.structs.replace(record, zero_wall_us=wall_us)
    return record


def next_run(record: Record, plan: Plan) -> tuple[Record, Configure]:
    """The next transcoder: numbers beyond all that were given, a new init id."""
    record = msgspec.structs.replace(record, init_id=record.init_id + 1)
    return record, Configure(
        event=record.event,
        title=record.title,
        language=record.language,
        ladder=plan.ladder,
        epoch=record.epoch,
        zero_us=record.zero_us,
        zero_wall_us=record.zero_wall_us,
        first_msn=record.msn + 1,
        init_id=record.init_id,
        fps=plan.fps or record.fps,
        discontinuity=record.msn > 0,
        preset=plan.preset,
    )


def reserved(record: Record, now: float) -> Record:
    """What is written while the programme runs."""
    return msgspec.structs.replace(
        record, msn=record.msn + MSN_AHEAD, init_id=record.init_id + INIT_AHEAD, written_at=now, closed=False
    )


def exact(record: Record, now: float) -> Record:
    """What is written once nothing more can be sent."""
    return msgspec.structs.replace(record, written_at=now, closed=True)


def resumed(record: Record, now: float) -> Record:
    """The record of a running programme after a restart: numbers that nobody can have seen."""
    if record.closed or not record.written_at:
        return record
    age_s = min(max(0.0, now - record.written_at), AGE_MAX_S)
    beyond = int(age_s / SEGMENT_S) + 1 - MSN_AHEAD
    return msgspec.structs.replace(record, msn=record.msn + max(0, beyond))


def unreadable(event: str, now: float) -> Record:
    """In place of a file that is damaged: no counter that grew by one per segment ever got as far as the clock."""
    return Record(event, msn=int(now), init_id=int(now), epoch=int(now), vacant_at_ms=int(now * 1000), closed=True)


def _from_zero(record: Record, now: Now) -> Record:
    return msgspec.structs.replace(
        record, epoch=record.epoch + 1, zero_us=now.monotonic_us, zero_wall_us=now.wall_us, boot=now.boot
    )
