"""What our encoders cost beside the `ffmpeg` program: `python -m loadtests.bench.encoder` (see README.md).

Both decode the same film, scale it down in a cascade and encode the same ladder with the same x264 options, bitrates and
number of frames, and silence as AAC, in one thread each. They take turns, so that a busy machine is unfair to both; the
figure is the median of the ratios of CPU time. `ffmpeg` is charged for its start and for writing its files, we are
charged for cutting parts; every output is counted, so that nobody wins by leaving frames out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import av
import msgspec

from loadtests.films import Film, make_film
from loadtests.processes import cpu_of

FRAMES = 300
TURNS = 5
LIMIT = 1.15
"""At most this, as the median ratio."""
LADDER: Mapping[str, tuple[int, int, int]] = {
    # width, height, bitrate in kbit/s: what the default ladder asks for
    "720p": (1280, 720, 2800),
    "480p": (854, 480, 1200),
    "360p": (640, 360, 700),
}
VBV_MAX = 1.25
SEGMENT_S = 2


class Turn(msgspec.Struct, frozen=True):
    """CPU seconds of one encoding each, one after the other."""

    ours_s: float
    ffmpeg_s: float

    @property
    def ratio(self) -> float:
        return self.ours_s / self.ffmpeg_s


class Unfair(Exception):
    """The two did not do the same work; the message says in what."""


def ffmpeg_command(film: Path, frames: int, fps: int, folder: Path) -> list[str]:
    """The ladder by `ffmpeg`: the options of `ingest/encode.py`, in its words."""
    names = list(LADDER)
    scaling, above = [], "0:v"
    for name in names:
        width, height, _ = LADDER[name]
        kept = f"{name}in" if name != names[-1] else name
        scaling.append(f"[{above}]scale={width}:{height}:flags=bilinear,format=yuv420p[{kept}]")
        if name != names[-1]:
            scaling.append(f"[{kept}]split[{name}][{name}next]")
            above = f"{name}next"
    command = ["ffmpeg", "-v", "error", "-y", "-filter_threads", "1", "-filter_complex_threads", "1", "-threads", "1"]
    command += ["-stream_loop", "-1", "-i", str(film)]
    command += ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-filter_complex", ";".join(scaling)]
    for name in names:
        command += _video_output(name, frames, fps, folder)
    seconds = f"{frames / fps:.6f}"
    return [*command, "-map", "1:a", "-c:a", "aac", "-b:a", "128k", "-t", seconds, str(folder / "audio.mp4")]


def _video_output(name: str, frames: int, fps: int, folder: Path) -> list[str]:
    _, _, kbit = LADDER[name]
    params = f"keyint=infinite:scenecut=0:vbv-maxrate={int(kbit * VBV_MAX)}:vbv-bufsize={kbit}"
    options = ["-map", f"[{name}]", "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency"]
    options += ["-profile:v", "baseline", "-b:v", f"{kbit}k", "-x264-params", params, "-threads", "1"]
    options += ["-forced-idr", "1", "-force_key_frames", f"expr:gte(t,n_forced*{SEGMENT_S})"]
    return [*options, "-r", str(fps), "-frames:v", str(frames), str(folder / f"{name}.mp4")]


def run_ffmpeg(film: Path, frames: int, fps: int) -> float:
    """CPU seconds. Raises Unfair when an output has another number of frames."""
    with tempfile.TemporaryDirectory() as folder:
        spent = cpu_of(ffmpeg_command(film, frames, fps, Path(folder)))
        for name in LADDER:
            with av.open(str(Path(folder) / f"{name}.mp4")) as made:
                count = made.streams.video[0].frames
            if count != frames:
                raise Unfair(f"ffmpeg encoded {count} of {frames} frames of {name}")
        return spent.cpu_s


def run_ours(film: Path, frames: int) -> float:
    """CPU seconds of decoding, scaling, encoding and packaging; the interpreter's start happens once an event."""
    command = [sys.executable, "-m", "ingest.transcoder", "--bench", str(film), "--frames", str(frames)]
    report = json.loads(cpu_of([*command, "--ladder", ",".join(LADDER), "--preset", "superfast"]).output)
    if report["frames"] != frames:
        raise Unfair(f"we encoded {report['frames']} of {frames} frames")
    for name, (_, _, kbit) in LADDER.items():
        if not 0.75 <= report["bitrate_bps"][name] / (kbit * 1000) <= 1.25:
            raise Unfair(f"{name} came out at {report['bitrate_bps'][name]} bit/s instead of {kbit} kbit/s")
    return float(report["cpu_s"])


def compare(film: Path, frames: int, fps: int, turns: int) -> list[Turn]:
    """Take turns; each begins with the other one, so that neither always finds the machine warm."""
    found = []
    for number in range(turns):
        if number % 2:
            theirs, ours = run_ffmpeg(film, frames, fps), run_ours(film, frames)
        else:
            ours, theirs = run_ours(film, frames), run_ffmpeg(film, frames, fps)
        found.append(Turn(ours, theirs))
    return found


def table(turns: Sequence[Turn], frames: int) -> str:
    """The rows of RESULTS.md."""
    rows = [f"| {n} | {t.ours_s:.2f} | {t.ffmpeg_s:.2f} | {t.ratio:.2f} |" for n, t in enumerate(turns, 1)]
    middle = median(turn.ratio for turn in turns)
    head = [f"{frames} frames, CPU seconds", "", "| turn | plenum | ffmpeg | ratio |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, f"| median | | | **{middle:.2f}** |"])


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU of our encoders beside ffmpeg's")
    parser.add_argument("--film", type=Path, help="a film of 30 frames a second; one is made where none is named")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    if shutil.which("ffmpeg") is None:
        sys.exit("The program ffmpeg is not installed: apt install ffmpeg.")
    with tempfile.TemporaryDirectory() as folder:
        film = options.film or make_film(Path(folder) / "film.mp4", Film(seconds=10))
        turns = compare(film, options.frames, 30, options.turns)
    print(table(turns, options.frames))
    sys.exit(0 if median(turn.ratio for turn in turns) <= LIMIT else 99)


if __name__ == "__main__":
    main()
