"""A process that records as fast as it can until it is killed: `python -m tests.ingest.archive_child FOLDER FIRST_MSN`.

It prints the number of each segment that it has put into the channel.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from ingest.archive import Archive
from ingest.channel import Channel
from plenum.clock import SystemClock
from plenum.settings import DvrSettings
from tests.ingest.recorded_channel import EVENT, announce, play


async def main(folder: Path, msn: int, least_percent: float) -> None:
    archive = Archive(folder, DvrSettings(min_free_percent=least_percent), SystemClock())
    await archive.start()
    channel = Channel(EVENT)
    archive.follow(channel)
    announce(channel, init_id=msn)
    while True:
        play(channel, msn, init_id=msn - msn % 1000)
        sys.stdout.write(f"{msn}\n")
        sys.stdout.flush()
        msn += 1
        await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
