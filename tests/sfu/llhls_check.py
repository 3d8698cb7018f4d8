"""Conformance of live LL-HLS, as one import for tests and as a program for long runs.

`check(text)` looks at one media playlist, `check_update(before, after)` at what changed between two of them; each returns
the findings, empty is good. The rules are in `tests/sfu/conformance/`, group by group. As a program it follows a live
multivariant playlist with blocking reloads, all renditions and their bytes:

    python -m tests.sfu.llhls_check https://host/live/EVENT/KEY/index.m3u8 --seconds 1200

It prints a line every few seconds, at the end each rule with how often it was asked and broken, and exits 1 when a rule
was broken (2 when there was nothing to follow).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping

import aiohttp

from tests.sfu.conformance.follow import Follower, NothingToFollow
from tests.sfu.conformance.media_playlist import MEDIA
from tests.sfu.conformance.playlist import Playlist, apply_delta, read, same_segments
from tests.sfu.conformance.rules import Finding, judge
from tests.sfu.conformance.server import Answer, Fetch
from tests.sfu.conformance.succession import SUCCESSION, Update

SAY_EVERY_S = 10.0

__all__ = ["Finding", "apply_delta", "check", "check_update", "read", "same_segments"]


def check(text: str) -> list[Finding]:
    """The rules that one playlist breaks by itself."""
    return judge(MEDIA, read(text))


def check_update(before: Playlist, after: Playlist) -> list[Finding]:
    """The rules that a server breaks between two versions of a playlist."""
    return judge(SUCCESSION, Update(before, after))


def fetcher(http: aiohttp.ClientSession) -> Fetch:
    """A `fetch` over HTTP; the session must not unpack answers by itself."""

    async def fetch(address: str, headers: Mapping[str, str]) -> Answer:
        try:
            async with http.get(address, headers=headers) as answer:
                named = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status, named, await answer.read())
        except (aiohttp.ClientError, OSError):
            return Answer(0, {})

    return fetch


async def follow(index: str, seconds: float) -> int:
    """Follow and say what was found; the exit code."""
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        follower = Follower(fetcher(http), index, time.monotonic)
        saying = asyncio.create_task(_say(follower))
        try:
            await follower.run(seconds)
        except NothingToFollow as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            saying.cancel()
    print(f"{follower.counts}\n{follower.tally.report()}")
    return 1 if follower.tally.failed else 0


async def _say(follower: Follower) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(SAY_EVERY_S)
        broken = sum(follower.tally.broken.values())
        print(f"{time.monotonic() - began:6.0f} s  {follower.counts}, {broken} findings", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Follow a live LL-HLS programme and check it against the rules.")
    parser.add_argument("url", help="address of the multivariant playlist")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    given = parser.parse_args()
    return asyncio.run(follow(given.url, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
