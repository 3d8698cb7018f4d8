"""One event's recording on disk: its renditions' files, what `recording.json` says, how much room there is. Blocks.

All of it runs in the archive's one thread (`ingest/archive.py`), so nothing here needs a lock. No method raises OSError: a
disk that refuses costs the segment, which becomes a gap, never the programme.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec

from ingest import metrics
from ingest.archive_file import RecordingFile, newest_entry, write_whole
from ingest.segments import Segment
from plenum.log import get_logger
from plenum.media import Programme, ProgrammeState
from plenum.private_folder import make_private
from plenum.recording import RECORDING, Recording, decode, encode, index_name, media_name, numbers

log = get_logger("archive")

AGAIN_ABOVE = 1.0
"""Percentage points above the bound before writing starts again: or it would come and go with every log file."""

FreePercent = Callable[[Path], float]


def free_percent(folder: Path) -> float:
    """How much of the disk this user may still fill."""
    disk = os.statvfs(folder)
    return 100.0 * disk.f_bavail / disk.f_blocks if disk.f_blocks else 100.0


class Watermark:
    """Whether there is room to record. Shared by all events: they lie on one disk."""

    def __init__(self, folder: Path, least_percent: float, free: FreePercent = free_percent) -> None:
        self._folder = folder
        self._least = least_percent
        self._free = free
        self._full = False

    def has_room(self) -> bool:
        """Asked before each segment, so recording goes on within seconds after somebody has made room."""
        free = self._free(self._folder)
        full = free < self._least + (AGAIN_ABOVE if self._full else 0.0)
        if full != self._full:
            self._full = full
            metrics.archive_stopped.set(full)
            said = log.error if full else log.info
            said("recording_stopped" if full else "recording_goes_on", free_percent=round(free, 1))
        return not full


class EventFolder:
    """Where one event is recorded. It is made with the first segment."""

    def __init__(self, folder: Path, watermark: Watermark) -> None:
        self._folder = folder
        self._watermark = watermark
        self._files: dict[str, RecordingFile] = {}
        self._wanted: Recording | None = None
        self._saved: Recording | None = None
        self._refused = False

    def append(self, rendition: str, segment: Segment, init: memoryview, timescale: int) -> None:
        """Write the segment, or count it as a gap."""
        try:
            if not self._watermark.has_room():
                metrics.archive_gaps.labels(reason="disk_full").inc()
                return
            self._file(rendition).append(segment, init, timescale)
        except OSError as error:
            metrics.archive_gaps.labels(reason="disk").inc()
            self._note_refused(error)
            return
        self._refused = False
        metrics.archive_bytes.inc(segment.size)
        self._save()

    def save(self, programme: Programme) -> None:
        """Who reads learns the ladder from it. A disk that refuses is asked again with each segment."""
        self._wanted = Recording(programme)
        self._save()

    def finish(self, ended_at_ms: int) -> None:
        """The event has ended: nothing more comes into these files."""
        self.close()
        recording = self._wanted or self.load()
        if recording is not None and not recording.has_ended:
            programme = msgspec.structs.replace(recording.programme, state=ProgrammeState.ENDED)
            self._wanted = Recording(programme, ended_at_ms)
            self._save()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def load(self) -> Recording | None:
        """What an earlier process has written."""
        try:
            return decode((self._folder / RECORDING).read_bytes())
        except OSError:
            return None

    def _file(self, rendition: str) -> RecordingFile:
        if rendition not in self._files:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._files[rendition] = RecordingFile(self._folder / rendition)
        return self._files[rendition]

    def _save(self) -> None:
        recording = self._wanted
        if recording is None or recording == self._saved:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            write_whole(self._folder / RECORDING, encode(recording))
        except OSError as error:
            self._note_refused(error)
            return
        self._saved = recording

    def _note_refused(self, error: OSError) -> None:
        if not self._refused:
            log.error("recording_failed", event_id=self._folder.name, error=str(error))
        self._refused = True


def prepare(folder: Path) -> bool:
    """Make the folder of all recordings, for our own user alone."""
    try:
        make_private(folder)
    except OSError as error:
        log.error("recording_failed", error=str(error))
        return False
    return True


def sweep(folder: Path, hours: int, keep_hours: int, now: float, followed: Collection[str]) -> None:
    """Remove what is older than `hours`, an hour at a time, and events `keep_hours` after their end."""
    try:
        events = [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return
    for event in events:
        try:
            _sweep_event(event, hours, keep_hours, now, writing=event.name in followed)
        except OSError as error:
            log.warning("recording_not_removed", event_id=event.name, error=str(error))


def _sweep_event(event: Path, hours: int, keep_hours: int, now: float, *, writing: bool) -> None:
    recording = EventFolder(event, Watermark(event, 0)).load()
    if recording is not None and recording.has_ended:
        if recording.ended_at_ms / 1000 < now - keep_hours * 3600:
            shutil.rmtree(event)
            log.info("recording_removed", event_id=event.name)
        return
    for rendition in [path for path in event.iterdir() if path.is_dir()]:
        there = numbers(path.name for path in rendition.iterdir())
        for number in there[:-1] if writing else there:
            newest = newest_entry(rendition / index_name(number))
            if newest is not None and newest.wall_us / 1e6 + newest.duration_s < now - hours * 3600:
                # The index first: nothing names bytes that are gone.
                (rendition / index_name(number)).unlink()
                (rendition / media_name(number)).unlink()
