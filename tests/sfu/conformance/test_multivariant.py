"""Each rule of a multivariant playlist, and of media playlists beside one another, finds the fault that it is for."""

from __future__ import annotations

import pytest

from sfu.playlist import media, multivariant
from tests.sfu.conformance.faults import names, swapped
from tests.sfu.conformance.multivariant import MULTIVARIANT, PRESENTATION, Presentation, read_multivariant
from tests.sfu.conformance.playlist import read
from tests.sfu.conformance.rules import judge
from tests.sfu.feed_parts import HIGH, LADDER, LOW, SOUND, init, part, segment, window

INDEX = multivariant(LADDER, {})
AUDIO_TAG = next(line for line in INDEX.splitlines() if line.startswith("#EXT-X-MEDIA:"))

FAULTS: dict[str, tuple[str, str]] = {
    "has_variants_and_nothing_of_media": ("#EXT-X-VERSION", "#EXT-X-TARGETDURATION:2\n#EXT-X-VERSION"),
    "segments_are_independent": ("#EXT-X-INDEPENDENT-SEGMENTS\n", ""),
    "variant_has_an_address": ("\n360p/media.m3u8", "\n#360p/media.m3u8"),
    "variant_states_its_rates": (":BANDWIDTH=660000,", ":BANDWIDTH=500000,"),
    "variant_states_its_formats": (
        'CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000,',
        "RESOLUTION=640x360,FRAME-RATE=30.000,",
    ),
    "video_states_its_size_and_rate": ("RESOLUTION=640x360,", ""),
    "groups_that_are_used_exist": ('GROUP-ID="audio"', 'GROUP-ID="sound"'),
    "rendition_says_what_it_is": (',CHANNELS="2"', ""),
    "group_has_distinct_names_and_one_default": (AUDIO_TAG, f"{AUDIO_TAG}\n{AUDIO_TAG}"),
    "captions_are_denied_by_all_or_none": (
        'FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE,AUDIO="audio"\n360p',
        'FRAME-RATE=30.000,AUDIO="audio"\n360p',
    ),
}


def test_a_good_multivariant_playlist_breaks_no_rule() -> None:
    assert judge(MULTIVARIANT, read_multivariant(INDEX)) == []


@pytest.mark.parametrize("rule", FAULTS)
def test_a_fault_is_found_by_its_rule_alone(rule: str) -> None:
    wrong = swapped(INDEX, *FAULTS[rule])
    assert names(judge(MULTIVARIANT, read_multivariant(wrong))) == {rule}


def test_every_playlist_that_is_named_is_found_once() -> None:
    assert read_multivariant(INDEX).uris == ("720p/media.m3u8", "360p/media.m3u8", "audio/media.m3u8")


def texts() -> dict[str, str]:
    """Two rungs and their sound, with a new encoder at segment 5."""
    made = window()
    for rendition in LADDER:
        for one in (
            *[each for msn in range(5) for each in segment(msn, rendition)],
            init(rendition, 2),
            part(5, 0, rendition, init_id=2, discontinuity=True),
            *segment(5, rendition, init_id=2)[1:],
        ):
            made.accept(one)
    tracks = [made.tracks[rendition.id] for rendition in (HIGH, LOW, SOUND)]
    return {
        f"{track.rendition.name}/media.m3u8": media(
            track, [(other.rendition.name, other.position or (0, 0)) for other in tracks if other is not track], 0.2
        )
        for track in tracks
    }


def presentation(change: tuple[str, str] | None = None) -> Presentation:
    made = texts()
    if change is not None:
        made["360p/media.m3u8"] = swapped(made["360p/media.m3u8"], *change)
    return Presentation({uri: read(text) for uri, text in made.items()})


BESIDE: dict[str, tuple[str, str]] = {
    "target_durations_are_equal": ("TARGETDURATION:2", "TARGETDURATION:3"),
    "server_controls_are_equal": ("CAN-SKIP-UNTIL=12.00000", "CAN-SKIP-UNTIL=13.00000"),
    "discontinuity_numbers_match": ("DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2"),
    "dates_match": ("08:00:04.000Z", "08:00:04.030Z"),
    "every_other_rendition_is_reported": ('#EXT-X-RENDITION-REPORT:URI="../audio/media.m3u8"', '#Z:"audio"'),
}


def test_playlists_of_one_programme_fit_together() -> None:
    assert judge(PRESENTATION, presentation()) == []


@pytest.mark.parametrize("rule", BESIDE)
def test_a_playlist_that_does_not_fit_the_others_is_found_by_its_rule_alone(rule: str) -> None:
    assert names(judge(PRESENTATION, presentation(BESIDE[rule]))) == {rule}


def test_a_playlist_without_dates_beside_others_with_them_is_found() -> None:
    made = {uri: read(text) for uri, text in texts().items()}
    lines = texts()["360p/media.m3u8"].splitlines(keepends=True)
    made["360p/media.m3u8"] = read("".join(line for line in lines if "PROGRAM-DATE-TIME" not in line))
    assert names(judge(PRESENTATION, Presentation(made))) == {"dates_are_in_all_or_none"}


def test_every_rule_has_its_fault() -> None:
    assert set(FAULTS) == {rule.name for rule in MULTIVARIANT}
    assert {*BESIDE, "dates_are_in_all_or_none"} == {rule.name for rule in PRESENTATION}
