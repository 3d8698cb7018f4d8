"""The follower reads a whole programme to its end, finds nothing in a good one, and finds holes, wrong bytes, lost pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from plenum.media import Programme
from tests.sfu.conformance.follow import Follower, NothingToFollow
from tests.sfu.conformance.server import Answer, Fetch
from tests.sfu.conformance.studio import INDEX, Change, Studio, with_fault
from tests.sfu.feed_media import Film
from tests.sfu.llhls_check import follow as program


async def no_pause(_: float) -> None:
    return


async def follow(studio: Studio, fetch: Fetch, seconds: float = 100.0) -> Follower:
    follower = Follower(fetch, INDEX, studio.clock, asks_the_server=False)
    await follower.run(seconds, no_pause)
    return follower


async def broken(programme: Programme, pictures: Film, change: Change) -> dict[str, int]:
    studio = Studio(programme, pictures)
    return dict((await follow(studio, with_fault(studio, change))).tally.broken)


async def test_a_good_programme_is_read_to_its_end_without_a_finding(programme: Programme, pictures: Film) -> None:
    studio = Studio(programme, pictures)
    follower = await follow(studio, studio.fetch)
    assert dict(follower.tally.broken) == {}
    assert not follower.tally.failed
    assert follower.counts.segments == 3 * pictures.length
    assert follower.counts.parts == sum(len(parts) for media in pictures.media for parts in media.segments)
    assert follower.counts.discontinuities == 3
    for rule in ("decode_time_continues", "delta_makes_the_whole", "pictures_start_together", "dates_match"):
        assert follower.tally.asked[rule]


async def test_a_part_with_the_bytes_of_another_is_found(programme: Programme, pictures: Film) -> None:
    other = pictures.media[0].segments[4][2].data

    def change(address: str, answer: Answer) -> Answer:
        return replace(answer, body=other) if address.endswith("360p/4.3.m4s") else answer

    found = await broken(programme, pictures, change)
    assert {"decode_time_continues", "sequence_numbers_grow", "segment_is_its_parts"} <= set(found)


async def test_a_part_that_is_listed_and_not_there_is_found(programme: Programme, pictures: Film) -> None:
    def change(address: str, answer: Answer) -> Answer:
        return replace(answer, status=404) if address.endswith("audio/5.3.m4s") else answer

    assert await broken(programme, pictures, change) == {"address_is_answered": 1}


async def test_a_gap_in_the_programme_is_a_hole(programme: Programme, pictures: Film) -> None:
    def change(address: str, answer: Answer) -> Answer:
        if "240p/media.m3u8" not in address or b"#EXTINF:2.00000,\n5.m4s" not in answer.body:
            return answer
        return replace(
            answer, body=answer.body.replace(b"#EXTINF:2.00000,\n5.m4s", b"#EXT-X-GAP\n#EXTINF:2.00000,\n5.m4s")
        )

    async def plain(address: str, headers: Mapping[str, str]) -> Answer:
        return change(address, await studio.fetch(address, {}))

    studio = Studio(programme, pictures)
    follower = await follow(studio, plain)
    assert follower.tally.broken["programme_has_no_hole"] == 1
    assert follower.tally.failed


async def test_a_reload_that_does_not_wait_is_found(programme: Programme, pictures: Film) -> None:
    studio = Studio(programme, pictures)
    calls = 0

    async def hasty(address: str, headers: Mapping[str, str]) -> Answer:
        nonlocal calls
        calls += "_HLS_skip" in address
        early = "_HLS_skip" in address and calls % 10 == 0
        return await studio.fetch(address.partition("?")[0] if early else address, headers)

    assert (await follow(studio, hasty)).tally.broken["reload_holds_what_was_asked"] > 0


@pytest.mark.parametrize("gone", [False, True])
async def test_a_segment_that_goes_too_early_is_found(
    programme: Programme, pictures: Film, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    monkeypatch.setattr("sfu.window.LISTED_S", 8.0)  # so that segments leave while the film lasts
    studio, asked = Studio(programme, pictures), 0

    def change(address: str, answer: Answer) -> Answer:
        nonlocal asked
        asked += address.endswith("360p/4.m4s")
        return replace(answer, status=404) if gone and address.endswith("360p/4.m4s") and asked > 1 else answer

    tally = (await follow(studio, with_fault(studio, change))).tally
    assert tally.asked["segment_stays_after_it_left"] > 3
    assert dict(tally.broken) == ({"segment_stays_after_it_left": 1} if gone else {})


async def test_it_stops_when_its_time_is_over(programme: Programme, pictures: Film) -> None:
    studio = Studio(programme, pictures)
    follower = await follow(studio, studio.fetch, seconds=4.0)
    assert not studio.window.ended
    assert follower.counts.segments < 3 * pictures.length


async def test_nothing_to_follow_is_said(programme: Programme, pictures: Film) -> None:
    studio = Studio(programme, pictures)
    with pytest.raises(NothingToFollow, match="404 for"):
        await follow(studio, with_fault(studio, lambda address, answer: replace(answer, status=404)))


async def test_the_report_names_each_rule_with_its_counts(programme: Programme, pictures: Film) -> None:
    def change(address: str, answer: Answer) -> Answer:
        return replace(answer, status=404) if address.endswith("audio/5.3.m4s") else answer

    studio = Studio(programme, pictures)
    report = (await follow(studio, with_fault(studio, change))).tally.report()
    assert "      1  address_is_answered (6.2.1)" in report
    assert "404, " in report
    assert "      0  decode_time_continues (8.8.12)" in report


BROKEN: dict[str, tuple[str, int]] = {
    "a rule": ("CAN-BLOCK-RELOAD=YES", 1),
    "advice": ("#EXT-X-VERSION:9", 0),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_the_program_fails_by_a_broken_rule_but_not_by_advice(
    programme: Programme, pictures: Film, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    right, code = BROKEN[kind]
    wrong = {"CAN-BLOCK-RELOAD=YES": "CAN-BLOCK-RELOAD=NO", "#EXT-X-VERSION:9": "#EXT-X-VERSION:10"}[right]
    studio = Studio(programme, pictures)

    def change(address: str, answer: Answer) -> Answer:
        packed = answer.status == 200 and "media.m3u8" in address
        plain = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return Answer(200, plain, answer.text.replace(right, wrong).encode()) if packed else answer

    monkeypatch.setattr("tests.sfu.llhls_check.fetcher", lambda http: with_fault(studio, change))
    assert await program(INDEX, 60.0) == code
    said = capsys.readouterr().out
    assert ("reload_can_block" if code else "version_is_no_higher_than_needed") in said
