"""Records a tape from the real encoder: 720p and sound, some segments, kept in `.cache/`.

`python -m loadtests.bench.record` makes it anew; the delivery benchmark does so when it has none.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from loadtests.api_client import Api
from loadtests.bench.tape import Tape, decoded, encoded, normalised
from loadtests.films import make_film
from loadtests.presenting import presenting
from loadtests.recording import recording
from loadtests.running_platform import ROOT, Platform
from plenum.identity import Role
from plenum.media import ProgrammeState

KEPT = ROOT / ".cache" / "delivery.tape"
NAMES = ("720p", "audio")
SEGMENTS = 8


async def record(segments: int = SEGMENTS) -> Tape:
    """From a platform of its own, presented by a numbered film through a real WebRTC connection."""
    with tempfile.TemporaryDirectory() as folder:
        platform = await Platform(Path(folder) / "data", env={"PLENUM_MEDIA__LADDER": '["720p"]'}).start()
        try:
            async with Api(platform.links["all"]) as api:
                event = await api.create("Tape")
                film = make_film(Path(folder) / "film.mp4")  # textured, so that the rung's bitrate is used up
                async with (
                    presenting(platform, event, str(film), "--loop"),
                    recording(platform.url, event, platform.ticket(event, Role.VIEWER)) as tape,
                ):
                    await tape.until_state(ProgrammeState.LIVE)
                    tape.forget()
                    await tape.until_segments(segments + 1, 60)
                    whole = set.intersection(*(set(tape.segments(name)) for name in NAMES))
                    chosen = sorted(whole)[-segments:]
                    numbers = {tape.rendition(name).id for name in NAMES}
                    parts = [p for number in numbers for p in tape.parts[number] if p.msn in chosen]
                    inits = [
                        tape.inits[number, next(p.init_id for p in parts if p.rendition == number)]
                        for number in numbers
                    ]
                    return normalised(tape.programme, inits, parts).only(*NAMES)
        finally:
            await platform.stop()


def kept() -> Tape:
    """The tape of `.cache/`; recorded now where there is none."""
    if not KEPT.exists():
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_bytes(encoded(asyncio.run(record())))
    return decoded(KEPT.read_bytes())


if __name__ == "__main__":
    KEPT.unlink(missing_ok=True)
    made = kept()
    print(f"{made.seconds:.0f} s, {made.bits_s(*NAMES) / 1e6:.2f} Mbit/s, {len(made.parts)} parts")
