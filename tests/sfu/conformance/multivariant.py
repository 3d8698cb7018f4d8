"""Rules of a multivariant playlist, and of the media playlists that it leads to beside one another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from posixpath import join, normpath

from tests.sfu.conformance.playlist import Playlist, attributes, number
from tests.sfu.conformance.rules import Rule

AUDIO_FRAME_S = 1024 / 48_000
_OF_MEDIA = ("#EXTINF", "#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-PART", "#EXT-X-SERVER-CONTROL")

Faults = Iterator[str]


@dataclass(frozen=True)
class Variant:
    attributes: dict[str, str]
    uri: str


@dataclass(frozen=True)
class Multivariant:
    """The playlist that players are given."""

    variants: tuple[Variant, ...]
    renditions: tuple[dict[str, str], ...]
    tags: Counter[str]

    @property
    def uris(self) -> tuple[str, ...]:
        """Every media playlist, each once."""
        named = [variant.uri for variant in self.variants if variant.uri]
        return tuple(dict.fromkeys([*named, *(each["URI"] for each in self.renditions if "URI" in each)]))

    def variant(self, uri: str) -> Variant | None:
        return next((variant for variant in self.variants if variant.uri == uri), None)


def read_multivariant(text: str) -> Multivariant:
    """Parse it. Raises ValueError on what is no playlist at all."""
    lines = text.splitlines()
    if not lines or lines[0] != "#EXTM3U":
        raise ValueError("not a playlist")
    tags = Counter(line.partition(":")[0] for line in lines[1:] if line.startswith("#EXT"))
    renditions = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]
    variants = [
        Variant(attributes(line.partition(":")[2]), "" if after.startswith("#") else after)
        for line, after in pairwise([*lines, "#"])
        if line.startswith("#EXT-X-STREAM-INF:")
    ]
    return Multivariant(tuple(variants), tuple(renditions), tags)


def has_variants_and_nothing_of_media(m: Multivariant) -> Faults:
    if not m.variants:
        yield "no EXT-X-STREAM-INF"
    yield from (f"{tag} belongs to a media playlist" for tag in _OF_MEDIA if m.tags[tag])


def segments_are_independent(m: Multivariant) -> Faults:
    if not m.tags["#EXT-X-INDEPENDENT-SEGMENTS"]:
        yield "no EXT-X-INDEPENDENT-SEGMENTS"


def variant_has_an_address(m: Multivariant) -> Faults:
    yield from ("EXT-X-STREAM-INF without an address in the next line" for each in m.variants if not each.uri)


def variant_states_its_rates(m: Multivariant) -> Faults:
    for variant in m.variants:
        peak, average = (int(number(variant.attributes.get(n, ""))) for n in ("BANDWIDTH", "AVERAGE-BANDWIDTH"))
        if peak <= 0:
            yield f"{variant.uri} has no BANDWIDTH"
        elif average > peak:
            yield f"{variant.uri} has an average of {average}, more than its peak of {peak}"


def variant_states_its_formats(m: Multivariant) -> Faults:
    yield from (f"{each.uri} has no CODECS" for each in m.variants if not each.attributes.get("CODECS"))


def video_states_its_size_and_rate(m: Multivariant) -> Faults:
    for variant in m.variants:
        if "avc1" in variant.attributes.get("CODECS", ""):
            missing = [name for name in ("RESOLUTION", "FRAME-RATE") if name not in variant.attributes]
            if missing:
                yield f"{variant.uri} lacks {', '.join(missing)}"


def groups_that_are_used_exist(m: Multivariant) -> Faults:
    groups = {each.get("GROUP-ID") for each in m.renditions if each.get("TYPE") == "AUDIO"}
    for variant in m.variants:
        group = variant.attributes.get("AUDIO")
        if group is not None and group not in groups:
            yield f"{variant.uri} uses the group {group}, which there is not"


def rendition_says_what_it_is(m: Multivariant) -> Faults:
    for each in m.renditions:
        needed = ["TYPE", "GROUP-ID", "NAME", *(["CHANNELS"] if each.get("TYPE") == "AUDIO" else [])]
        missing = [name for name in needed if not each.get(name)]
        if missing:
            yield f"EXT-X-MEDIA {each.get('NAME', '?')} lacks {', '.join(missing)}"


def group_has_distinct_names_and_one_default(m: Multivariant) -> Faults:
    names = Counter((each.get("GROUP-ID"), each.get("NAME")) for each in m.renditions)
    yield from (f"{name} stands {times} times" for name, times in names.items() if times > 1)
    defaults = Counter(each.get("GROUP-ID") for each in m.renditions if each.get("DEFAULT") == "YES")
    yield from (f"group {group} has {times} defaults" for group, times in defaults.items() if times > 1)


def captions_are_denied_by_all_or_none(m: Multivariant) -> Faults:
    denied = [each.attributes.get("CLOSED-CAPTIONS") == "NONE" for each in m.variants]
    if any(denied) and not all(denied):
        yield "CLOSED-CAPTIONS=NONE stands at some variants only"


MULTIVARIANT: tuple[Rule[Multivariant], ...] = (
    Rule("4.1", has_variants_and_nothing_of_media),
    Rule("4.4.2.1", segments_are_independent),
    Rule("4.4.6.2", variant_has_an_address),
    Rule("4.4.6.2", variant_states_its_rates),
    Rule("4.4.6.2", variant_states_its_formats, advice=True),
    Rule("4.4.6.2", video_states_its_size_and_rate, advice=True),
    Rule("4.4.6.2", groups_that_are_used_exist),
    Rule("4.4.6.1", rendition_says_what_it_is),
    Rule("4.4.6.1.1", group_has_distinct_names_and_one_default),
    Rule("4.4.6.2", captions_are_denied_by_all_or_none),
)


@dataclass(frozen=True)
class Presentation:
    """The media playlists of one multivariant playlist at about the same time, by the addresses that it gives them."""

    media: dict[str, Playlist]

    def common(self) -> Iterator[tuple[str, str, int]]:
        """(first, other, msn) for each segment that the first playlist and another one both list."""
        first, *others = self.media
        for other in others:
            held = {segment.msn for segment in self.media[other].listed}
            yield from ((first, other, each.msn) for each in self.media[first].listed if each.msn in held)


def target_durations_are_equal(p: Presentation) -> Faults:
    targets = {uri: each.target for uri, each in p.media.items()}
    if len(set(targets.values())) > 1:
        yield f"target durations differ: {targets}"


def server_controls_are_equal(p: Presentation) -> Faults:
    controls = {uri: tuple(sorted(each.control.items())) for uri, each in p.media.items()}
    if len(set(controls.values())) > 1:
        yield f"EXT-X-SERVER-CONTROL differs: {controls}"


def discontinuity_numbers_match(p: Presentation) -> Faults:
    numbers = {uri: each.discontinuity_numbers() for uri, each in p.media.items()}
    for first, other, msn in p.common():
        ours, theirs = numbers[first][msn], numbers[other][msn]
        if ours != theirs:
            yield f"segment {msn} has discontinuity number {ours} in {first}, {theirs} in {other}"


def dates_match(p: Presentation) -> Faults:
    for first, other, msn in p.common():
        ours, theirs = p.media[first].find(msn), p.media[other].find(msn)
        if ours is None or theirs is None or ours.date is None or theirs.date is None:
            continue
        apart = abs((ours.date - theirs.date).total_seconds())
        # Sound starts at the frame nearest to the picture; dates are written in whole milliseconds.
        if apart > AUDIO_FRAME_S + 0.001:
            yield f"segment {msn} is dated {apart:.3f} s apart in {first} and {other}"


def dates_are_in_all_or_none(p: Presentation) -> Faults:
    dated = {uri: any(segment.date for segment in each.listed) for uri, each in p.media.items()}
    if any(dated.values()) and not all(dated.values()):
        yield f"dates stand in some playlists only: {dated}"


def every_other_rendition_is_reported(p: Presentation) -> Faults:
    for uri, each in p.media.items():
        if each.ended:
            continue
        reported = {normpath(join(uri, "..", report)) for report in each.reports}
        others = {normpath(other) for other in p.media} - {normpath(uri)}
        if reported != others:
            yield f"{uri} reports {sorted(reported)}, the others are {sorted(others)}"


PRESENTATION: tuple[Rule[Presentation], ...] = (
    Rule("6.2.4", target_durations_are_equal),
    Rule("6.2.4", server_controls_are_equal),
    Rule("6.2.4", discontinuity_numbers_match),
    Rule("6.2.4", dates_match),
    Rule("6.2.4", dates_are_in_all_or_none),
    Rule("B.1", every_other_rendition_is_reported),
)
