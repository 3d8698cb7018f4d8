"""LL-HLS playlists as text, from the live window. Rules only; section numbers are those of draft-pantos-hls-rfc8216bis.

`multivariant` lists the renditions, `media` is one rendition's playlist, whole or as a delta update. All addresses are
relative, so that the delivery key in the path is never written into a playlist that a cache keeps for somebody else.
What surprises: every segment carries its EXT-X-MAP where it changes *and* at the first segment after a skip, because a
delta update must be readable without knowing what was skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import floor

from plenum.media import Rendition, RenditionKind
from sfu.frames import Position
from sfu.window import Segment, Track

VERSION = 9
"""Section 8: what EXT-X-SKIP needs. 6.2.1: no higher than needed; whole playlists say the same as delta updates."""
AUDIO_GROUP = "audio"
PEAK_HEADROOM = 1.25
"""BANDWIDTH before a whole segment was measured: x264's rate control may exceed its average by this much."""


_LAST_S = 253_402_300_799
"""The last second of 9999, where ISO 8601 ends for us: a feed's clock may say anything, a playlist must come of it."""


MEDIA = "media.m3u8"
"""Name of a rendition's playlist below its own address."""


def multivariant(renditions: Iterable[Rendition], peaks_bps: Mapping[int, float], name: str = MEDIA) -> str:
    """The address that players are given: one variant per video rendition, the audio as an alternate rendition.

    `name` is what the media playlists are called that it leads to.
    """
    ladder = tuple(renditions)
    video = sorted((r for r in ladder if r.kind is RenditionKind.VIDEO), key=lambda r: -r.bitrate_bps)
    audio = [r for r in ladder if r.kind is RenditionKind.AUDIO]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [_audio_tag(rendition, name, first=rendition is audio[0]) for rendition in audio]
    for rendition in video or audio:
        lines += _variant(rendition, audio if video else [], peaks_bps, name)
    return _text(lines)


def _audio_tag(rendition: Rendition, name: str, first: bool) -> str:
    # 4.4.6.1; CHANNELS is required of audio that is offered as a rendition of its own.
    return (
        f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{AUDIO_GROUP}",NAME="{rendition.name}",'
        f'DEFAULT={_yes(first)},AUTOSELECT=YES,CHANNELS="{rendition.channels}",URI="{rendition.name}/{name}"'
    )


def _variant(rendition: Rendition, audio: list[Rendition], peaks_bps: Mapping[int, float], name: str) -> list[str]:
    # 4.4.6.2: both rates are those of every rendition of the variant together, CODECS names every format in them.
    together = [rendition, *audio[:1]]
    peak = sum(max(peaks_bps.get(r.id, 0.0), r.bitrate_bps * PEAK_HEADROOM) for r in together)
    attributes = [
        f"BANDWIDTH={round(peak)}",
        f"AVERAGE-BANDWIDTH={sum(r.bitrate_bps for r in together)}",
        f'CODECS="{",".join(dict.fromkeys(r.codec for r in together))}"',
    ]
    if rendition.kind is RenditionKind.VIDEO:
        attributes += [f"RESOLUTION={rendition.width}x{rendition.height}", f"FRAME-RATE={rendition.fps:.3f}"]
        attributes.append("CLOSED-CAPTIONS=NONE")
    if audio:
        attributes.append(f'AUDIO="{AUDIO_GROUP}"')
    return ["#EXT-X-STREAM-INF:" + ",".join(attributes), f"{rendition.name}/{name}"]


def media(
    track: Track,
    reports: Iterable[tuple[str, Position]],
    part_s: float,
    *,
    skip: bool = False,
    ended: bool = False,
) -> str:
    """One rendition's media playlist; `reports` are the other renditions' names and last parts.

    6.2.5.1: with `skip` older segments are replaced by EXT-X-SKIP; not once the playlist has ended.
    """
    listed = track.listed()
    target = target_duration(track.segment_s)
    skipped = 0 if ended or not skip else _skippable(listed, skip_until(track.segment_s))
    lines = _head(track, listed, target, part_s)
    if skipped:
        lines.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
    with_parts = _segments_with_parts(listed, 3 * target)
    init_id = None
    for segment in listed[skipped:]:
        lines += _segment(segment, init_id, segment.msn >= with_parts)
        init_id = segment.init_id
    return _text(lines + (["#EXT-X-ENDLIST"] if ended else _live_edge(track, reports)))


def target_duration(segment_s: float) -> int:
    """4.4.3.1: an integer; every segment, rounded, is at most this. It never changes."""
    return max(1, floor(segment_s + 0.5))


def skip_until(segment_s: float) -> int:
    """4.4.3.8: the skip boundary is at least six target durations."""
    return 6 * target_duration(segment_s)


def _head(track: Track, listed: list[Segment], target: int, part_s: float) -> list[str]:
    first = listed[0] if listed else None
    # 4.4.3.3: the number counts the tags *before* the first segment's own.
    discontinuities = first.discontinuity_number - first.discontinuity if first else 0
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target}",
        # 4.4.3.8: PART-HOLD-BACK at least three part targets, HOLD-BACK at least three target durations.
        f"#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={3 * part_s:.5f},"
        f"CAN-SKIP-UNTIL={skip_until(track.segment_s):.5f},HOLD-BACK={3 * target:.5f}",
        f"#EXT-X-PART-INF:PART-TARGET={part_s:.5f}",
        f"#EXT-X-MEDIA-SEQUENCE:{first.msn if first else 0}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{discontinuities}",
    ]


def _segment(segment: Segment, init_id: int | None, with_parts: bool) -> list[str]:
    lines = ["#EXT-X-DISCONTINUITY"] if segment.discontinuity else []
    if segment.init_id != init_id:
        lines.append(f'#EXT-X-MAP:URI="init-{segment.init_id}.mp4"')
    lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{date_time(segment.wall_us)}")
    if segment.gap:
        lines.append("#EXT-X-GAP")
    if with_parts:
        lines += [_part(segment, index) for index in range(len(segment.parts))]
    if segment.closed:
        lines += [f"#EXTINF:{segment.duration_s:.5f},", f"{segment.msn}.m4s"]
    return lines


def _part(segment: Segment, index: int) -> str:
    header = segment.parts[index].header
    independent = ",INDEPENDENT=YES" if header.flags & 1 else ""
    duration = header.duration / segment.timescale
    return f'#EXT-X-PART:DURATION={duration:.5f},URI="{segment.msn}.{index}.m4s"{independent}'


def _live_edge(track: Track, reports: Iterable[tuple[str, Position]]) -> list[str]:
    # 4.4.5.3 and 4.4.5.4
    coming = track.next_position
    hint = [f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{coming[0]}.{coming[1]}.m4s"'] if coming else []
    return hint + [
        f'#EXT-X-RENDITION-REPORT:URI="../{name}/media.m3u8",LAST-MSN={msn},LAST-PART={part}'
        for name, (msn, part) in reports
    ]


def _skippable(listed: list[Segment], boundary_s: float) -> int:
    """6.2.5.1: how many segments lie wholly further from the end of the last whole segment than the skip boundary."""
    after_s = 0.0
    whole = [segment for segment in listed if segment.closed]
    for index in range(len(whole) - 1, -1, -1):
        if after_s > boundary_s:
            return index + 1
        after_s += whole[index].duration_s
    return 0


def _segments_with_parts(listed: list[Segment], until_s: float) -> int:
    """6.2.2: EXT-X-PART tags go when they are more than three target durations from the end: the first msn with parts."""
    after_s = 0.0
    first = listed[-1].msn if listed else 0
    for segment in reversed(listed):
        if after_s >= until_s:
            break
        first = segment.msn
        after_s += segment.duration_s
    return first


def date_time(wall_us: int) -> str:
    """4.4.4.6: ISO 8601, milliseconds, UTC; from 1970 to 9999 whatever the feed says."""
    moment = datetime.fromtimestamp(min(max(wall_us, 0) / 1e6, _LAST_S), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _yes(value: bool) -> str:
    return "YES" if value else "NO"


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
