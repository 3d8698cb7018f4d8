"""Foreign players read a live LL-HLS address from a running front.

PyAV's FFmpeg always; `ffmpeg` and GStreamer's `playbin3` too where this machine has them. hls.js and Shaka are the
business of the system tests, in real browsers.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from contextlib import suppress

import pytest

from tests.sfu.feed_front import Front
from tests.sfu.feed_media import Film
from tests.sfu.feed_origin import Origin, live

PYAV = """
import av, sys
with av.open(sys.argv[1], timeout=20) as container:
    seen = {"video": 0, "audio": 0}
    for frame in container.decode(container.streams.video[0], container.streams.audio[0]):
        seen["video" if isinstance(frame, av.VideoFrame) else "audio"] += 1
        if seen["video"] >= 120 and seen["audio"] >= 180:
            break
    print("decoded", *(stream.codec_context.name for stream in container.streams))
"""
READERS = {"pyav": ([sys.executable, "-c", PYAV, "URL"], r"decoded .*h264.*aac|decoded .*aac.*h264")}
if ffmpeg := shutil.which("ffmpeg"):
    maps = ["-map", "0:v", "-map", "0:a", "-t", "4"]
    words = [ffmpeg, "-v", "error", "-xerror", "-i", "URL", *maps, "-progress", "-", "-f", "null", "/dev/null"]
    READERS["ffmpeg"] = (words, r"frame=1[12]\d\n(?s:.*)progress=end")
if gst := shutil.which("gst-launch-1.0"):
    picture = "video-sink=fpsdisplaysink video-sink=fakesink text-overlay=false silent=false"
    words = [gst, "-v", "playbin3", "uri=URL", picture, "audio-sink=fakesink"]
    READERS["gstreamer"] = (words, r"rendered: 1[2-9]\d, dropped: 0")


@pytest.mark.parametrize("name", sorted(READERS))
async def test_a_foreign_player_reads_the_live_programme(front: Front, origin: Origin, film: Film, name: str) -> None:
    await (await front.watch("*")).next()
    await origin.begin(film, 3)
    words, good = READERS[name]
    command = [word.replace("URL", front.base + front.hls + "/index.m3u8") for word in words]
    async with live(origin, film, 3):
        said = await run(command, until=re.compile(good))
    assert re.search(good, said), said


async def run(command: list[str], until: re.Pattern[str]) -> str:
    """What the program wrote until it ended, had written this, or its time was over."""
    process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-2)
    assert process.stdout is not None
    said = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(14):
            while (chunk := await process.stdout.read(4096)) and not until.search(said):
                said += chunk.decode(errors="replace")
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return said
