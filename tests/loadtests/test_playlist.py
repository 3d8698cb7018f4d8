"""Reading LL-HLS playlists: positions, delta updates, the live edge, capture times."""

from __future__ import annotations

import pytest

from loadtests.users.playlist import read_media, read_multivariant

DELTA = """#EXTM3U
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-SKIP:SKIPPED-SEGMENTS=4
#EXT-X-PROGRAM-DATE-TIME:2026-11-24T00:00:10.000Z
#EXT-X-PART:DURATION=0.20000,URI="104.0.m4s",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.20000,URI="104.1.m4s"
#EXTINF:0.40000,
104.m4s
#EXT-X-PROGRAM-DATE-TIME:2026-11-24T00:00:10.400Z
#EXT-X-PART:DURATION=0.20000,URI="105.0.m4s",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="105.1.m4s"
"""


def test_parts_are_numbered_through_a_delta_update() -> None:
    playlist = read_media(DELTA)
    assert [(p.msn, p.index) for p in playlist.parts] == [(104, 0), (104, 1), (105, 0)]
    assert (playlist.next_msn, playlist.next_part, playlist.ended) == (105, 1, False)


def test_a_part_ends_when_its_last_sample_was_captured() -> None:
    parts = read_media(DELTA).parts
    assert parts[2].end_wall_s - parts[0].end_wall_s == pytest.approx(0.4)


def test_the_end_is_seen() -> None:
    assert read_media(DELTA + "#EXT-X-ENDLIST\n").ended


def test_variants_and_the_audio_are_found() -> None:
    playlist = read_multivariant(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",URI="audio/media.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=2000000,CODECS="avc1.42c01f,mp4a.40.2"\n720p/media.m3u8\n'
    )
    assert playlist.audio_uri == "audio/media.m3u8"
    assert [(v.uri, v.bandwidth_bps) for v in playlist.variants] == [("720p/media.m3u8", 2_000_000)]


@pytest.mark.parametrize("text", ["", "<html>", "{}"])
def test_what_is_no_playlist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="playlist"):
        read_media(text)
    with pytest.raises(ValueError, match="playlist"):
        read_multivariant(text)
