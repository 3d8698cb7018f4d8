"""Holes in the feed and in playlists are noticed; what may happen is not called a hole."""

from __future__ import annotations

import msgspec

from loadtests.users.continuity import FeedContinuity, ReloadContinuity, Silence
from loadtests.users.playlist import MediaPlaylist, read_media
from plenum.wire import Flag, Header, Kind

NONE = Flag(0)


def part(msn: int, index: int, start: int, *, flags: Flag = NONE, init_id: int = 1, epoch: int = 1) -> Header:
    return Header(Kind.PART, 0, flags, init_id, epoch, msn, index, 18_000, start)


def watching() -> FeedContinuity:
    continuity = FeedContinuity()
    assert continuity.fault(Header(Kind.INIT, 0, init_id=1, epoch=1)) is None
    assert continuity.fault(part(5, 0, 0)) is None
    return continuity


def test_parts_that_follow_on_are_fine() -> None:
    continuity = watching()
    assert continuity.fault(part(5, 1, 18_000, flags=Flag.LAST)) is None
    assert continuity.fault(part(6, 0, 36_000, flags=Flag.INDEPENDENT)) is None


def test_a_missing_part_is_a_fault() -> None:
    assert watching().fault(part(5, 2, 36_000)) == "a part is missing or came twice"


def test_a_part_sent_twice_is_a_fault() -> None:
    assert watching().fault(part(5, 0, 0)) == "a part is missing or came twice"


def test_the_end_of_a_segment_must_be_marked() -> None:
    assert watching().fault(part(6, 0, 18_000)) == "a part is missing or came twice"


def test_a_hole_in_media_time_is_a_fault() -> None:
    assert watching().fault(part(5, 1, 18_001)) == "the media time has a hole"


def test_a_new_encoder_may_leave_a_hole_but_not_go_back() -> None:
    continuity = watching()
    continuity.fault(Header(Kind.INIT, 0, init_id=2, epoch=1))
    assert continuity.fault(part(9, 0, 900_000, flags=Flag.DISCONTINUITY, init_id=2)) is None
    backwards = part(8, 0, 1_900_000, flags=Flag.DISCONTINUITY, init_id=2)
    assert continuity.fault(backwards) == "the media sequence number went back"


def test_a_part_needs_its_init_segment() -> None:
    assert watching().fault(part(5, 1, 18_000, init_id=7)) == "a part came before its init segment"


def test_a_viewer_starts_at_a_segment() -> None:
    continuity = FeedContinuity()
    continuity.fault(Header(Kind.INIT, 0, init_id=1, epoch=1))
    assert continuity.fault(part(5, 3, 0)) == "the first part does not open a segment"


def test_parts_the_server_skipped_are_a_fault() -> None:
    assert watching().fault(Header(Kind.GAP, 0, msn=8)) == "the server skipped parts"


def playlist(first_msn: int, *segments: int, parts: int = 0) -> MediaPlaylist:
    """Whole segments of so many parts, and one that is being made."""
    lines = ["#EXTM3U", f"#EXT-X-MEDIA-SEQUENCE:{first_msn}", "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z"]
    for count in segments:
        lines += ['#EXT-X-PART:DURATION=0.2,URI="p"'] * count + ["#EXTINF:2,", "s.m4s"]
    return read_media("\n".join([*lines, *(['#EXT-X-PART:DURATION=0.2,URI="p"'] * parts)]))


def reloaded(*playlists: MediaPlaylist) -> list[str]:
    continuity = ReloadContinuity()
    continuity.begin(playlists[0])
    return [fault for one in playlists[1:] for fault in continuity.take(one)[1]]


def test_a_playlist_that_goes_on_part_by_part_is_fine() -> None:
    assert (
        reloaded(playlist(3, parts=2), playlist(3, 4, parts=0), playlist(3, 4, parts=1), playlist(4, 4, parts=2)) == []
    )


def test_a_playlist_must_list_every_part() -> None:
    gone = msgspec.structs.replace(playlist(3, parts=3), parts=playlist(3, parts=3).parts[2:])
    assert reloaded(playlist(3, parts=1), gone) == ["a part is missing from the playlist"]


def test_a_segment_whose_last_parts_were_never_listed_is_a_fault() -> None:
    whole = playlist(3, 4, parts=1)
    torn = msgspec.structs.replace(whole, parts=whole.parts[:2] + whole.parts[4:])
    assert reloaded(playlist(3, parts=2), torn) == ["a part is missing from the playlist"]


def test_a_playlist_that_goes_back_is_a_fault() -> None:
    assert reloaded(playlist(4, 4, parts=2), playlist(3, 4, 4, parts=2)) == ["the media sequence number went back"]
    assert reloaded(playlist(3, parts=3), playlist(3, parts=2)) == ["the newest part of the playlist went back"]


def test_an_epoch_that_goes_back_is_a_fault() -> None:
    continuity = FeedContinuity()
    continuity.fault(Header(Kind.INIT, 0, init_id=1, epoch=2))
    continuity.fault(Header(Kind.INIT, 0, init_id=1, epoch=1))
    assert continuity.fault(part(5, 0, 0, epoch=2)) is None
    assert continuity.fault(part(6, 0, 0, epoch=1)) == "the epoch went back"


def test_a_silence_is_reported_once_for_each_stream() -> None:
    silence = Silence()
    silence.heard("picture", 10.0)
    silence.heard("sound", 12.0)
    assert silence.faults(13.0) == []
    assert silence.faults(13.5) == ["no part for 3 s of picture"]
    assert silence.faults(14.0) == []


def test_nothing_is_missed_while_the_programme_waits() -> None:
    silence = Silence()
    silence.heard("picture", 10.0)
    silence.pause()
    assert silence.faults(99.0) == []
