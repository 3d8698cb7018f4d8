"""Whole playlists, compared as text."""

from __future__ import annotations

from sfu.playlist import date_time, media, multivariant
from sfu.window import Window
from tests.sfu.feed_parts import HIGH, LADDER, LOW, SOUND, end, init, part, segment, window
from tests.sfu.llhls_check import apply_delta, check, check_update, read, same_segments


def text(made: Window, name: str = "720p", *, skip: bool = False) -> str:
    track = made.track(name)
    assert track is not None
    reports = [(t.rendition.name, t.position) for t in made.tracks.values() if t is not track and t.position]
    return media(track, reports, 0.2, skip=skip, ended=made.ended)


def parts_of(msn: int, count: int = 10, duration: str = "0.20000", independent: int = 1) -> str:
    lines = [
        f'#EXT-X-PART:DURATION={duration},URI="{msn}.{index}.m4s"' + (",INDEPENDENT=YES" if index < independent else "")
        for index in range(count)
    ]
    return "\n".join(lines)


HEAD = """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=0.60000,CAN-SKIP-UNTIL=12.00000,HOLD-BACK=6.00000
#EXT-X-PART-INF:PART-TARGET=0.20000
"""


def test_the_multivariant_playlist_lists_video_with_the_audio_as_a_rendition() -> None:
    assert (
        multivariant(LADDER, {})
        == """#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/media.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=2160000,AVERAGE-BANDWIDTH=1728000,CODECS="avc1.42c01f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE,AUDIO="audio"
720p/media.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=660000,AVERAGE-BANDWIDTH=528000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE,AUDIO="audio"
360p/media.m3u8
"""
    )


def test_the_largest_bitrate_seen_is_stated_where_it_is_more_than_expected() -> None:
    assert "BANDWIDTH=3160000,AVERAGE-BANDWIDTH=1728000" in multivariant(LADDER, {HIGH.id: 3_000_000})


def test_a_programme_of_sound_alone_has_an_audio_variant() -> None:
    assert multivariant([SOUND], {}).splitlines()[-2:] == [
        '#EXT-X-STREAM-INF:BANDWIDTH=160000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"',
        "audio/media.m3u8",
    ]


def test_a_silent_programme_names_no_audio_group() -> None:
    assert "AUDIO" not in multivariant([HIGH, LOW], {})


def test_a_media_playlist_at_the_live_edge() -> None:
    made = window(segment(41), segment(41, LOW), part(42, 0), part(42, 1), part(42, 0, LOW))
    expected = (
        HEAD
        + f"""#EXT-X-MEDIA-SEQUENCE:41
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-MAP:URI="init-1.mp4"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:22.000Z
{parts_of(41)}
#EXTINF:2.00000,
41.m4s
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:24.000Z
{parts_of(42, 2)}
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="42.2.m4s"
#EXT-X-RENDITION-REPORT:URI="../360p/media.m3u8",LAST-MSN=42,LAST-PART=0
"""
    )
    assert text(made) == expected
    assert check(expected) == []


def test_between_two_segments_the_first_part_of_the_next_is_hinted() -> None:
    assert text(window(segment(41))).splitlines()[-3:] == [
        "#EXTINF:2.00000,",
        "41.m4s",
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="42.0.m4s"',
    ]


def test_audio_parts_are_all_independent_and_their_lengths_add_up() -> None:
    tail = part(41, 10, SOUND, duration=3072, last=True)
    sound = [part(41, index, SOUND, duration=9216, last=False) for index in range(10)]
    written = text(window(sound, tail), "audio")
    assert parts_of(41, 10, "0.19200", independent=10) in written
    assert '#EXT-X-PART:DURATION=0.06400,URI="41.10.m4s",INDEPENDENT=YES\n#EXTINF:1.98400,' in written
    assert check(written) == []


def test_a_new_encoder_shows_as_discontinuity_with_a_new_map_and_date() -> None:
    made = window(segment(41, parts=3), init(HIGH, 2), part(42, 0, init_id=2, discontinuity=True))
    assert text(made).splitlines()[-9:] == [
        '#EXT-X-PART:DURATION=0.20000,URI="41.1.m4s"',
        '#EXT-X-PART:DURATION=0.20000,URI="41.2.m4s"',
        "#EXTINF:0.60000,",
        "41.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="init-2.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:24.000Z",
        '#EXT-X-PART:DURATION=0.20000,URI="42.0.m4s",INDEPENDENT=YES',
        '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="42.1.m4s"',
    ]


def test_the_discontinuity_sequence_counts_tags_that_left_the_playlist() -> None:
    made = window(segment(1), init(HIGH, 2), part(2, 0, init_id=2, discontinuity=True))
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1\n" in text(made)
    for msn in range(3, 40):
        for one in segment(msn, init_id=2):
            made.accept(one)
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:2\n" in text(made)


def test_segments_never_received_are_listed_as_gaps() -> None:
    written = text(window(segment(41), segment(43)))
    assert (
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:24.000Z\n#EXT-X-GAP\n#EXTINF:2.00000,\n42.m4s\n"
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:01:26.000Z\n"
    ) in written
    assert check(written) == []


def test_parts_are_listed_for_three_target_durations() -> None:
    playlist = read(text(window(*[segment(msn) for msn in range(10)], part(10, 0))))
    assert [s.msn for s in playlist.segments if s.parts] == [7, 8, 9]


def test_a_delta_update_skips_what_lies_behind_the_skip_boundary() -> None:
    made = window(*[segment(msn) for msn in range(20)], part(20, 0))
    written = text(made, skip=True).splitlines()
    assert written[5:10] == [
        "#EXT-X-MEDIA-SEQUENCE:6",
        "#EXT-X-DISCONTINUITY-SEQUENCE:1",
        "#EXT-X-SKIP:SKIPPED-SEGMENTS=7",
        '#EXT-X-MAP:URI="init-1.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:26.000Z",
    ]
    assert written[-1] == '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="20.1.m4s"'


def test_a_client_that_applies_deltas_holds_the_same_as_one_that_reads_whole_playlists() -> None:
    made = window(*[segment(msn) for msn in range(18)])
    held = read(text(made))
    for msn in range(18, 30):
        for one in segment(msn):
            made.accept(one)
            whole, delta = text(made), text(made, skip=True)
            assert check(whole) == []
            assert check_update(held, read(whole)) == []
            assert len(delta) < len(whole)
            held = apply_delta(held, read(delta))
            assert same_segments(held, read(whole))


def test_a_young_playlist_has_nothing_to_skip() -> None:
    made = window(*[segment(msn) for msn in range(7)])
    assert text(made, skip=True) == text(made)


def test_an_ended_playlist_says_so_hints_at_nothing_and_is_never_a_delta() -> None:
    made = window(*[segment(msn) for msn in range(20)], part(20, 0), end())
    written = text(made, skip=True)
    assert written.endswith("#EXTINF:0.20000,\n20.m4s\n#EXT-X-ENDLIST\n")
    assert "SKIP:" not in written
    assert "PRELOAD-HINT" not in written


def test_an_empty_track_makes_a_playlist_without_segments() -> None:
    empty = HEAD + "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    assert text(window()) == empty


def test_other_part_lengths_set_their_own_limits() -> None:
    track = window(segment(41)).track("720p")
    assert track is not None
    assert "PART-HOLD-BACK=1.00000" in media(track, [], 1 / 3)


def test_whatever_a_feeds_clock_says_is_a_date() -> None:
    assert date_time(1_800_000_000_123_000) == "2027-01-15T08:00:00.123Z"
    assert date_time(-(2**63)) == "1970-01-01T00:00:00.000Z"
    assert date_time(2**63 - 1) == "9999-12-31T23:59:59.000Z"
