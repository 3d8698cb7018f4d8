"""Each rule of a server's behaviour finds the fault that it is for, in answers that are right but for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import aiohttp
import pytest

from plenum.media import Programme
from tests.sfu.conformance.faults import names
from tests.sfu.conformance.server import SERVER, Answer, Site, judge_server
from tests.sfu.conformance.studio import ADDRESS, INDEX, Studio
from tests.sfu.feed_media import Film
from tests.sfu.llhls_check import fetcher


@dataclass(frozen=True)
class Fault:
    """Answers to addresses that match get changed; or the request is changed before it is answered."""

    address: str
    change: Callable[[Answer], Answer] = lambda answer: replace(answer, status=404)
    asks: str | None = None
    """The server hears this query in place of the one that was asked."""
    also: frozenset[str] = frozenset()
    ended: bool = False


def header(name: str, value: str) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, headers=dict(answer.headers) | {name: value})


def without(name: str) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, headers={k: v for k, v in answer.headers.items() if k != name})


def accepted(answer: Answer) -> Answer:
    return replace(answer, status=200)


FAULTS: dict[str, Fault] = {
    "reload_waits_for_its_part": Fault(r"_HLS_msn=3&_HLS_part=1$", asks=""),
    "reload_waits_for_its_segment": Fault(r"_HLS_msn=3$", asks=""),
    "part_after_the_last_is_the_next_segments_first": Fault(r"_HLS_part=10$", asks=""),
    "reload_of_what_is_there_is_whole": Fault(r"_HLS_msn=0&"),
    "part_without_segment_is_refused": Fault(r"\?_HLS_part=1$", accepted),
    "segment_too_far_ahead_is_refused": Fault(r"_HLS_msn=999999999$", accepted),
    "segment_two_ahead_is_waited_for": Fault(r"_HLS_msn=4$", lambda answer: replace(answer, status=400)),
    "part_too_far_ahead_is_refused": Fault(r"_HLS_part=41$", accepted),
    "nonsense_is_refused": Fault(r"_HLS_msn=-1$", accepted),
    "skip_gives_a_delta": Fault(r"_HLS_skip=v2$", asks=""),
    "directives_end_with_the_playlist": Fault(r"_HLS_part=3", ended=True),
    "hinted_part_is_waited_for": Fault(r"/3\.0\.m4s$", lambda answer: replace(answer, body=b"")),
    "what_is_listed_is_there": Fault(r"/1\.3\.m4s$"),
    "part_stays_after_its_tag_left": Fault(r"/4\.0\.m4s$"),
    "what_is_not_there_is_not_found": Fault(r"\.63\.m4s$", lambda answer: replace(answer, status=503)),
    "answers_say_what_they_are": Fault(r"index\.m3u8$", header("content-type", "text/plain")),
    "playlist_is_kept_for_half_a_target_duration": Fault(r"media\.m3u8$", header("cache-control", "max-age=2")),
    "awaited_playlist_is_kept_for_six_target_durations": Fault(
        r"_HLS_msn=\d+&_HLS_part=0$", header("cache-control", "no-store")
    ),
    "media_is_kept_for_six_target_durations": Fault(r"/init-1\.mp4$", header("cache-control", "max-age=11")),
    "refusal_is_kept_for_a_target_duration_at_most": Fault(r"/999999999\.m4s$", header("cache-control", "max-age=60")),
    "playlist_is_packed_where_accepted": Fault(r"media\.m3u8$", without("vary")),
    "playlist_is_plain_where_not_accepted": Fault(r"", header("content-encoding", "gzip")),
    "any_page_may_read": Fault(r"/999999999\.m4s$", without("access-control-allow-origin")),
}


def site(studio: Studio, fault: Fault | None = None) -> Site:
    if fault is None:
        return Site(studio.fetch, INDEX, ADDRESS)

    async def fetch(address: str, headers: Mapping[str, str]) -> Answer:
        if not re.search(fault.address, address):
            return await studio.fetch(address, headers)
        if fault.asks is not None:
            return await studio.fetch(address.partition("?")[0] + fault.asks, headers)
        return fault.change(await studio.fetch(address, headers))

    return Site(fetch, INDEX, ADDRESS)


LONG = {"skip_gives_a_delta", "part_stays_after_its_tag_left"}
"""Rules that have something to say when more than the skip boundary is listed."""


def studio_for(rule: str, programme: Programme, pictures: Film, fault: Fault) -> Studio:
    studio = Studio(programme, pictures, told=8 if rule in LONG else 3)
    if fault.ended:
        studio.end()
    return studio


@pytest.mark.parametrize("told", [3, 5, 8])
async def test_a_good_server_breaks_no_rule(programme: Programme, pictures: Film, told: int) -> None:
    """Each rule is asked of a server that has told so much."""
    for rule in SERVER:
        assert await judge_server([rule], site(Studio(programme, pictures, told))) == []


@pytest.mark.parametrize("rule", FAULTS)
async def test_a_fault_is_found_by_its_rule(programme: Programme, pictures: Film, rule: str) -> None:
    fault = FAULTS[rule]
    (asked,) = (each for each in SERVER if each.name == rule)
    assert await judge_server([asked], site(studio_for(rule, programme, pictures, fault))) == []
    assert names(await judge_server([asked], site(studio_for(rule, programme, pictures, fault), fault))) == {rule}


def test_every_rule_has_its_fault() -> None:
    assert set(FAULTS) == {rule.name for rule in SERVER}


async def test_a_server_that_says_nothing_breaks_rules_and_ends_no_run() -> None:
    async def fetch(address: str, headers: Mapping[str, str]) -> Answer:
        return Answer(0, {})

    found = names(await judge_server(SERVER, Site(fetch, INDEX, ADDRESS)))
    assert {"reload_waits_for_its_part", "what_is_listed_is_there", "part_without_segment_is_refused"} <= found


async def test_a_broken_connection_is_an_answer_without_status() -> None:
    async with aiohttp.ClientSession() as http:
        assert (await fetcher(http)("http://127.0.0.1:9/", {})).status == 0
