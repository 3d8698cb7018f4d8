"""Writes a tape as LL-HLS files, part by part as it plays: what a plain file server has to offer.

`python -m loadtests.bench.files --folder DIR --tape FILE`; says `ready` once there is something to play.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

from loadtests.bench.tape import Tape, decoded
from plenum.media import Part, Rendition, RenditionKind

LISTED = 6
"""Segments in a playlist."""


class Folder:
    """One rendition's files."""

    def __init__(self, root: Path, rendition: Rendition, tape: Tape) -> None:
        self._path = root / rendition.name
        self._path.mkdir(parents=True, exist_ok=True)
        self._rendition = rendition
        self._tape = tape
        self._segments: dict[int, list[tuple[Part, float]]] = defaultdict(list)
        init = next(init for init in tape.inits if init.rendition == rendition.id)
        (self._path / "init-1.mp4").write_bytes(init.data)

    def write(self, part: Part, wall_s: float) -> None:
        """The part, then the playlist that names it."""
        (self._path / f"{part.msn}.{part.index}.m4s").write_bytes(part.data)
        self._segments[part.msn].append((part, wall_s))
        while len(self._segments) > LISTED:
            for old, _ in self._segments.pop(min(self._segments)):
                (self._path / f"{old.msn}.{old.index}.m4s").unlink()
        fresh = self._path / "media.tmp"
        fresh.write_text(self._playlist())
        fresh.rename(self._path / "media.m3u8")

    def _playlist(self) -> str:
        programme = self._tape.programme
        lines = ["#EXTM3U", "#EXT-X-VERSION:9", f"#EXT-X-TARGETDURATION:{round(programme.segment_s)}"]
        lines += [f"#EXT-X-PART-INF:PART-TARGET={programme.part_s}", f"#EXT-X-MEDIA-SEQUENCE:{min(self._segments)}"]
        lines.append('#EXT-X-MAP:URI="init-1.mp4"')
        for msn, parts in self._segments.items():
            wall = datetime.fromtimestamp(parts[0][1], UTC).isoformat(timespec="milliseconds")
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{wall}")
            for part, _ in parts:
                independent = ",INDEPENDENT=YES" if part.independent else ""
                duration = part.duration / self._rendition.timescale
                lines.append(f'#EXT-X-PART:DURATION={duration:.5f},URI="{msn}.{part.index}.m4s"{independent}')
            if parts[-1][0].last:
                length = sum(part.duration for part, _ in parts) / self._rendition.timescale
                lines += [f"#EXTINF:{length:.5f},", f"{msn}.m4s"]
        return "\n".join([*lines, ""])


def multivariant(tape: Tape) -> str:
    sounds = [one.name for one in tape.programme.renditions if one.kind is RenditionKind.AUDIO]
    lines = ["#EXTM3U", *(f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="{name}/media.m3u8"' for name in sounds)]
    for one in tape.programme.renditions:
        if one.kind is RenditionKind.VIDEO:
            lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={one.bitrate_bps},AUDIO="a"', f"{one.name}/media.m3u8"]
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--tape", type=Path, required=True)
    options = parser.parse_args()
    tape = decoded(options.tape.read_bytes())
    folders = {rendition.id: Folder(options.folder, rendition, tape) for rendition in tape.programme.renditions}
    (options.folder / "index.m3u8").write_text(multivariant(tape))
    began, told = time.time(), False
    with contextlib.suppress(KeyboardInterrupt):
        for due_s, part in tape.played():
            time.sleep(max(0.0, began + due_s - time.time()))
            folders[part.rendition].write(part, began + part.wall_us / 1e6)
            if not told and due_s > 1.0:
                told = True
                print("ready", flush=True)


if __name__ == "__main__":
    main()
