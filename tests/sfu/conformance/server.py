"""Rules of a server's answers while its programme runs: blocking reloads, delta updates, hints, refusals, headers.

Each rule is asked with await over `Site`, which knows nothing of sockets: it is handed an async `fetch`. Sections are those
of draft-pantos-hls-rfc8216bis unless they name another document.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from tests.sfu.conformance.playlist import Playlist, number, read
from tests.sfu.conformance.rules import Finding, finding, judge
from tests.sfu.conformance.succession import DELTA, Delta

PATIENCE_S = 20.0
"""How long an answer may take: more than three target durations, after which a server gives up by itself."""
BEYOND = 999_999_999
PLAYLIST_TYPES = {"application/vnd.apple.mpegurl", "audio/mpegurl"}
MEDIA_TYPES = {"video/mp4", "audio/mp4", "video/iso.segment"}


@dataclass(frozen=True)
class Answer:
    """Status 0: none came. Names of headers are in lower case, the body is as it was sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def text(self) -> str:
        packed = self.headers.get("content-encoding") == "gzip"
        return (gzip.decompress(self.body) if packed else self.body).decode()

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def kept_s(self) -> int:
        """How long a shared cache may keep it."""
        control = self.headers.get("cache-control", "")
        stated = re.search(r"max-age=(\d+)", control)
        return int(stated[1]) if stated and "no-store" not in control else 0


Fetch = Callable[[str, Mapping[str, str]], Awaitable[Answer]]
"""(address, headers of the request) -> answer; status 0 for a broken connection."""


@dataclass(frozen=True)
class Site:
    """A live programme by its multivariant playlist and one media playlist of it."""

    fetch: Fetch
    index: str
    address: str
    """Of the media playlist."""

    async def get(self, address: str, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self.fetch(urljoin(self.address, address), named)
        except TimeoutError:
            return Answer(0, {})

    async def ask(self, query: str = "", **headers: str) -> Answer:
        """The media playlist, with delivery directives."""
        return await self.get(self.address + ("?" + query if query else ""), **headers)

    async def playlist(self, query: str = "") -> Playlist:
        """Raises ValueError where the answer is none."""
        return read((await self.ask(query)).text)


@dataclass(frozen=True, slots=True)
class ServerRule:
    section: str
    faults: Callable[[Site], Awaitable[Sequence[str]]]
    advice: bool = False

    @property
    def name(self) -> str:
        return self.faults.__name__


async def judge_server(rules: Sequence[ServerRule], site: Site) -> list[Finding]:
    """Every fault; an answer that cannot be read is one."""
    found: list[Finding] = []
    for rule in rules:
        try:
            faults = await rule.faults(site)
        except (ValueError, OSError, EOFError, zlib.error) as error:
            faults = [f"an answer could not be read: {error}"]
        found += [finding(rule, fault) for fault in faults]
    return found


def _ahead(p: Playlist, by: int) -> str:
    return f"_HLS_msn={_last(p) + by}"


def _last(p: Playlist) -> int:
    """The last Media Segment: a whole one."""
    return p.segments[-1].msn if p.segments else p.edge[0]


async def reload_waits_for_its_part(site: Site) -> list[str]:
    before = await site.playlist()
    msn, part = before.next
    answer = await site.ask(f"_HLS_msn={msn}&_HLS_part={part + 1}")
    if answer.status != 200:
        return [f"{answer.status} to part {msn}.{part + 1} at {before.edge}"]
    edge = read(answer.text).edge
    return [] if edge >= (msn, part + 1) else [f"asked for {msn}.{part + 1}, got a playlist up to {edge}"]


async def reload_waits_for_its_segment(site: Site) -> list[str]:
    before = await site.playlist()
    answer = await site.ask(_ahead(before, 1))
    if answer.status != 200:
        return [f"{answer.status} to segment {_last(before) + 1}"]
    got = _last(read(answer.text))
    return [] if got > _last(before) else [f"asked for segment {_last(before) + 1}, got a playlist up to {got}"]


async def part_after_the_last_is_the_next_segments_first(site: Site) -> list[str]:
    before = await site.playlist()
    whole = before.segments[-1]
    answer = await site.ask(f"_HLS_msn={whole.msn}&_HLS_part={len(whole.parts)}")
    if answer.status != 200:
        return [f"{answer.status} to part {whole.msn}.{len(whole.parts)}"]
    edge = read(answer.text).edge
    return [] if edge >= (whole.msn + 1, 0) else [f"asked for a part after {whole.msn}, got a playlist up to {edge}"]


async def reload_of_what_is_there_is_whole(site: Site) -> list[str]:
    before = await site.playlist()
    answer = await site.ask(f"_HLS_msn={max(0, before.sequence - 1)}&_HLS_part=0")
    if answer.status != 200:
        return [f"{answer.status} to a segment that has been"]
    got = read(answer.text)
    return [] if got.edge >= before.edge and not got.skipped else [f"a playlist up to {got.edge} after {before.edge}"]


async def part_without_segment_is_refused(site: Site) -> list[str]:
    return _refused(await site.ask("_HLS_part=1"), "_HLS_part without _HLS_msn")


async def segment_too_far_ahead_is_refused(site: Site) -> list[str]:
    asked = _last(await site.playlist()) + 3
    answer = await site.ask(f"_HLS_msn={asked}")
    if answer.status != 400 and asked <= _last(await site.playlist()) + 2:
        return []  # the edge came nearer while it was asked
    return _refused(answer, "_HLS_msn three segments ahead") + _refused(
        await site.ask(f"_HLS_msn={BEYOND}"), str(BEYOND)
    )


async def segment_two_ahead_is_waited_for(site: Site) -> list[str]:
    before = await site.playlist()
    answer = await site.ask(_ahead(before, 2))
    if answer.status != 200:
        return [f"{answer.status} to a segment two ahead"]
    got = _last(read(answer.text))
    return [] if got >= _last(before) + 2 else [f"asked for segment {_last(before) + 2}, got a playlist up to {got}"]


async def part_too_far_ahead_is_refused(site: Site) -> list[str]:
    before = await site.playlist()
    limit = round(3 / before.part_target) if 0 < before.part_target < 1 else 3
    msn, part = before.edge
    far = part + 2 * limit + 2  # the edge may come nearer by as much while it is asked
    return _refused(await site.ask(f"_HLS_msn={msn}&_HLS_part={far}"), f"part {msn}.{far} at {before.edge}")


async def nonsense_is_refused(site: Site) -> list[str]:
    queries = ("_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=1&_HLS_part=-1", "_HLS_msn=1.5")
    return [fault for query in queries for fault in _refused(await site.ask(query), query)]


def _refused(answer: Answer, what: str) -> list[str]:
    return [] if answer.status == 400 else [f"{answer.status} to {what}"]


async def skip_gives_a_delta(site: Site) -> list[str]:
    faults = []
    for value in ("YES", "v2"):
        whole = await site.playlist()
        delta = await site.playlist(f"_HLS_skip={value}")
        boundary = number(whole.control.get("CAN-SKIP-UNTIL", ""))
        can = not whole.ended and whole.duration - whole.segments[0].duration > boundary + 0.01
        if can and not delta.skipped:
            faults.append(f"_HLS_skip={value} gave no EXT-X-SKIP, {whole.duration:.1f} s are listed")
        elif delta.edge == whole.edge and delta.sequence == whole.sequence:
            faults += [found.fault for found in judge(DELTA, Delta(whole, delta, whole))]
    return faults


async def directives_end_with_the_playlist(site: Site) -> list[str]:
    before = await site.playlist()
    if not before.ended:
        return []
    answer = await site.ask(f"_HLS_msn={_last(before) + 9}&_HLS_part=3&_HLS_skip=YES")
    if answer.status != 200 or read(answer.text).tags["#EXT-X-SKIP"]:
        return [f"{answer.status} to directives after EXT-X-ENDLIST, or a delta"]
    return []


async def hinted_part_is_waited_for(site: Site) -> list[str]:
    before = await site.playlist()
    if not before.hint:
        return []
    answer = await site.get(before.hint)
    if answer.status != 200 or not answer.body:
        return [f"{answer.status}, {len(answer.body)} bytes for the hinted {before.hint}"]
    after = await site.playlist()
    if before.hint not in {part.uri for _, _, part in after.parts()}:
        return [f"{before.hint} was sent before a playlist listed it"]
    again = await site.get(before.hint)
    return [] if again.body == answer.body else [f"{before.hint} has other bytes the second time"]


async def what_is_listed_is_there(site: Site) -> list[str]:
    p = await site.playlist()
    wanted = [part.uri for _, _, part in p.parts() if not part.gap]
    wanted += [segment.uri for segment in p.segments if not segment.gap]
    wanted += sorted({segment.map_uri for segment in p.listed if segment.map_uri})
    answers = {uri: await site.get(uri) for uri in wanted}
    return [f"{a.status}, {len(a.body)} bytes for {uri}" for uri, a in answers.items() if a.status != 200 or not a.body]


async def part_stays_after_its_tag_left(site: Site) -> list[str]:
    p = await site.playlist()
    without = [segment for segment in p.segments if not segment.parts and not segment.gap]
    if not without or not any(segment.parts for segment in p.segments):
        return []
    uri = f"{without[-1].msn}.0.m4s"
    answer = await site.get(uri)
    return [] if answer.status == 200 else [f"{answer.status} for {uri}, whose tag has just left"]


async def what_is_not_there_is_not_found(site: Site) -> list[str]:
    msn = _last(await site.playlist())
    answers = {uri: await site.get(uri) for uri in (f"{msn}.63.m4s", f"{BEYOND}.0.m4s", f"{BEYOND}.m4s")}
    return [f"{answer.status} for {uri}" for uri, answer in answers.items() if answer.status != 404]


async def answers_say_what_they_are(site: Site) -> list[str]:
    p = await site.playlist()
    last = p.segments[-1]
    kinds = {site.index: PLAYLIST_TYPES, site.address: PLAYLIST_TYPES}
    kinds |= {uri: MEDIA_TYPES for uri in (last.map_uri, last.uri, *(part.uri for part in last.parts[:1])) if uri}
    answers = {uri: await site.get(uri) for uri in kinds}
    return [f"{uri} is sent as {a.kind or 'nothing'}" for uri, a in answers.items() if a.kind not in kinds[uri]]


async def playlist_is_kept_for_half_a_target_duration(site: Site) -> list[str]:
    target = (await site.playlist()).target
    kept = (await site.ask()).kept_s
    return [] if kept <= max(1, target / 2) else [f"kept for {kept} s, the target duration is {target}"]


async def awaited_playlist_is_kept_for_six_target_durations(site: Site) -> list[str]:
    p = await site.playlist()
    kept = (await site.ask(f"_HLS_msn={_last(p)}&_HLS_part=0")).kept_s
    return [] if p.ended or kept == 6 * p.target else [f"kept for {kept} s, the target duration is {p.target}"]


async def media_is_kept_for_six_target_durations(site: Site) -> list[str]:
    p = await site.playlist()
    last = p.segments[-1]
    answers = {uri: await site.get(uri) for uri in (last.uri, last.map_uri, *(part.uri for part in last.parts[:1]))}
    return [f"{uri} is kept for {a.kept_s} s" for uri, a in answers.items() if a.kept_s < 6 * p.target]


async def refusal_is_kept_for_a_target_duration_at_most(site: Site) -> list[str]:
    target = (await site.playlist()).target
    answers = [await site.get(f"{BEYOND}.m4s"), await site.ask("_HLS_part=1")]
    return [f"{answer.status} is kept for {answer.kept_s} s" for answer in answers if answer.kept_s > target]


async def playlist_is_packed_where_accepted(site: Site) -> list[str]:
    answer = await site.ask(Accept_Encoding="gzip, deflate, br")
    if answer.headers.get("content-encoding") != "gzip":
        return ["gzip was accepted and not used"]
    read(answer.text)
    varies = "accept-encoding" in answer.headers.get("vary", "").lower()
    return [] if varies else ["a packed answer without Vary: Accept-Encoding"]


async def playlist_is_plain_where_not_accepted(site: Site) -> list[str]:
    accepted = ("identity", "gzip;q=0", "br, gzip; q=0.0")
    answers = {value: await site.ask(Accept_Encoding=value) for value in accepted}
    return [f"gzip to Accept-Encoding: {value}" for value, a in answers.items() if "content-encoding" in a.headers]


async def any_page_may_read(site: Site) -> list[str]:
    answers = [
        await site.ask(Origin="https://player.example"),
        await site.get(f"{BEYOND}.m4s", Origin="https://player.example"),
    ]
    return [
        f"{answer.status} without Access-Control-Allow-Origin: *"
        for answer in answers
        if answer.headers.get("access-control-allow-origin") != "*"
    ]


SERVER: tuple[ServerRule, ...] = (
    ServerRule("6.2.5.2", reload_waits_for_its_part),
    ServerRule("6.2.5.2", reload_waits_for_its_segment),
    ServerRule("6.2.5.2", part_after_the_last_is_the_next_segments_first),
    ServerRule("6.2.5.2", reload_of_what_is_there_is_whole),
    ServerRule("6.2.5.2", part_without_segment_is_refused),
    ServerRule("6.2.5.2", segment_too_far_ahead_is_refused),
    ServerRule("6.2.5.2", segment_two_ahead_is_waited_for),
    ServerRule("6.2.5.2", part_too_far_ahead_is_refused, advice=True),
    ServerRule("6.2.5.2", nonsense_is_refused),
    ServerRule("6.2.5.1", skip_gives_a_delta),
    ServerRule("6.2.5", directives_end_with_the_playlist),
    ServerRule("6.2.6", hinted_part_is_waited_for),
    ServerRule("6.2.1", what_is_listed_is_there),
    ServerRule("6.2.2", part_stays_after_its_tag_left),
    ServerRule("6.2.6", what_is_not_there_is_not_found),
    ServerRule("4", answers_say_what_they_are),
    ServerRule("B.1", playlist_is_kept_for_half_a_target_duration, advice=True),
    ServerRule("B.1", awaited_playlist_is_kept_for_six_target_durations, advice=True),
    ServerRule("B.1", media_is_kept_for_six_target_durations, advice=True),
    ServerRule("B.1", refusal_is_kept_for_a_target_duration_at_most, advice=True),
    ServerRule("6.2.1", playlist_is_packed_where_accepted, advice=True),
    ServerRule("RFC 9110 12.5.3", playlist_is_plain_where_not_accepted),
    ServerRule("sfu/README.md", any_page_may_read),
)
