"""Records onto a small disk until it is full, makes room, and looks what is there: `python -m tests.ingest.full_disk FOLDER`.

Twice: stopped by the watermark, and, with that at nothing, by the disk itself.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from prometheus_client import REGISTRY

from ingest.archive import Archive
from ingest.channel import Channel
from plenum.clock import SystemClock
from plenum.recording import Entry, unpack
from plenum.settings import DvrSettings
from tests.ingest.recorded_channel import EVENT, VIDEO, announce, play, segment_bytes

BALLAST = 700_000


async def main(disk: Path, least_percent: float, reason: str) -> None:
    (disk / "ballast").write_bytes(bytes(BALLAST))
    archive = Archive(disk / "dvr", DvrSettings(min_free_percent=least_percent), SystemClock())
    await archive.start()
    channel = Channel(EVENT)
    archive.follow(channel)
    announce(channel)
    for msn in range(1, 60):
        play(channel, msn)
        await archive._do(lambda: None)
    full = entries(disk)
    assert 5 < len(full) < 50, len(full)
    assert REGISTRY.get_sample_value("plenum_archive_gaps_total", {"reason": reason})
    (disk / "ballast").unlink()
    play(channel, 60)
    await archive.close()
    after = entries(disk)
    assert [entry.msn for entry in after] == [*(entry.msn for entry in full), 60]
    media = (disk / "dvr" / EVENT / VIDEO.name / "1.mp4").read_bytes()
    for entry in after:
        assert media[entry.offset : entry.end] == segment_bytes(VIDEO, entry.msn)
    shutil.rmtree(disk / "dvr")


def entries(disk: Path) -> list[Entry]:
    return unpack((disk / "dvr" / EVENT / VIDEO.name / "1.idx").read_bytes())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), 10.0, "disk_full"))
    asyncio.run(main(Path(sys.argv[1]), 0.0, "disk"))
    sys.stdout.write("all right\n")
