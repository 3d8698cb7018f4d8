"""Rules of the bytes: init segments, parts and segments of one rendition, and where renditions start a segment.

`Reel` takes the bytes of one rendition in the order of its playlist and knows what came before; `Starts` sets renditions
beside one another. Sections without a name are those of ISO 14496-12; CMAF is ISO 23000-19, HLS is rfc8216bis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.sfu.conformance import boxes
from tests.sfu.conformance.boxes import BadBoxes, InitSegment, Media, Sample
from tests.sfu.conformance.media_playlist import WRITTEN_S
from tests.sfu.conformance.multivariant import AUDIO_FRAME_S, Variant
from tests.sfu.conformance.playlist import Part, Segment
from tests.sfu.conformance.rules import Finding, Rule, Tally

_IDR = 5
_BESIDE_CHUNKS = {"styp", "prft", "emsg", "sidx"}
KEPT_SEGMENTS = 64
"""How many segments' starts are remembered while a rendition is behind."""

Faults = Iterator[str]


@dataclass(frozen=True)
class Opened:
    """An init segment as it was fetched, and the variant that it belongs to, where it does."""

    uri: str
    init: InitSegment
    variant: Variant | None = None


def init_is_ftyp_and_moov(o: Opened) -> Faults:
    if o.init.kinds != ("ftyp", "moov"):
        yield f"{o.uri} is {' '.join(o.init.kinds)}"


def init_names_the_cmaf_brand(o: Opened) -> Faults:
    if not {"cmfc", "cmf2"} & set(o.init.brands):
        yield f"{o.uri} has the brands {' '.join(o.init.brands)}"


def init_holds_no_samples(o: Opened) -> Faults:
    if o.init.samples:
        yield f"{o.uri} has {o.init.samples} entries in its sample tables"


def init_has_one_track_that_fragments_extend(o: Opened) -> Faults:
    if o.init.tracks != 1 or not o.init.extends:
        yield f"{o.uri} has {o.init.tracks} tracks, {'an' if o.init.extends else 'no'} mvex"


def init_has_a_clock(o: Opened) -> Faults:
    if o.init.timescale < 1:
        yield f"{o.uri} has no timescale"


def init_is_what_its_variant_says(o: Opened) -> Faults:
    if o.variant is None:
        return
    codecs = o.variant.attributes.get("CODECS", "")
    if o.init.codec and not any(named.startswith(o.init.codec) for named in codecs.split(",")):
        yield f"{o.uri} holds {o.init.codec}, CODECS names {codecs}"
    stated = o.variant.attributes.get("RESOLUTION")
    if o.init.handler == "vide" and stated and stated != "{}x{}".format(*o.init.size):
        yield f"{o.uri} is {'x'.join(map(str, o.init.size))}, RESOLUTION is {stated}"


INIT: tuple[Rule[Opened], ...] = (
    Rule("CMAF 7.3.1", init_is_ftyp_and_moov),
    Rule("CMAF 7.2", init_names_the_cmaf_brand),
    Rule("CMAF 7.3.1", init_holds_no_samples),
    Rule("HLS 3.1.2, 8.8.3", init_has_one_track_that_fragments_extend),
    Rule("8.4.2", init_has_a_clock),
    Rule("HLS 6.2.4", init_is_what_its_variant_says),
)


@dataclass(frozen=True)
class Before:
    """What the part before left behind."""

    end: int
    sequence: int


@dataclass(frozen=True)
class HeldPart:
    """A part as its playlist lists it, its bytes, and what came right before it on the same timeline."""

    listed: Part
    media: Media
    init: InitSegment
    before: Before | None = None
    continues: bool = True
    """False at a discontinuity: then its decode time and its sequence number are its own."""


def part_is_moof_and_mdat(p: HeldPart) -> Faults:
    kinds = [kind for kind in p.media.kinds if kind not in _BESIDE_CHUNKS]
    if not kinds or kinds != ["moof", "mdat"] * (len(kinds) // 2):
        yield f"{p.listed.uri} is {' '.join(p.media.kinds) or 'empty'}"


def chunk_is_of_the_track(p: HeldPart) -> Faults:
    for chunk in p.media.chunks:
        if chunk.track != p.init.track or chunk.tracks != 1:
            yield f"{p.listed.uri} is of track {chunk.track} ({chunk.tracks} in all), its init of {p.init.track}"


def chunk_counts_from_its_moof(p: HeldPart) -> Faults:
    if not all(chunk.base_is_moof for chunk in p.media.chunks):
        yield f"{p.listed.uri} lacks default-base-is-moof"


def samples_fill_the_mdat(p: HeldPart) -> Faults:
    for chunk in p.media.chunks:
        total = sum(sample.size for sample in chunk.samples)
        if not chunk.samples or chunk.begins != 0 or total != chunk.payload:
            yield (
                f"{p.listed.uri} has {len(chunk.samples)} samples of {total} bytes from {chunk.begins} on,"
                f" in an mdat of {chunk.payload}"
            )


def sequence_numbers_grow(p: HeldPart) -> Faults:
    last = p.before.sequence if p.before and p.continues else -1
    for chunk in p.media.chunks:
        if chunk.sequence <= last:
            yield f"{p.listed.uri} has sequence {chunk.sequence} after {last}"
        last = chunk.sequence


def decode_time_is_stated(p: HeldPart) -> Faults:
    if any(chunk.decode_time is None for chunk in p.media.chunks):
        yield f"{p.listed.uri} has a moof without tfdt"


def decode_time_continues(p: HeldPart) -> Faults:
    end = p.before.end if p.before and p.continues else None
    for chunk in p.media.chunks:
        if end is not None and chunk.decode_time is not None and chunk.decode_time != end:
            yield f"{p.listed.uri} starts at {chunk.decode_time}, {chunk.decode_time - end} ticks off the end before it"
        end = (chunk.decode_time or 0) + chunk.duration


def durations_add_up_to_the_part(p: HeldPart) -> Faults:
    scale = max(1, p.init.timescale)
    if abs(p.media.duration / scale - p.listed.duration) > 1 / scale + WRITTEN_S:
        yield f"{p.listed.uri} holds {p.media.duration / scale:.5f} s, DURATION is {p.listed.duration}"


def independent_part_starts_with_a_sync_sample(p: HeldPart) -> Faults:
    first = p.media.first
    if p.listed.independent and (first is None or not first.sync):
        yield f"{p.listed.uri} starts with a sample that needs others"


def sync_sample_is_an_idr(p: HeldPart) -> Faults:
    if not p.init.codec.startswith("avc1"):
        return
    for chunk in p.media.chunks:
        for number, sample in enumerate(chunk.samples):
            if sample.sync != (_IDR in _nal_types(sample, p.init.nal_length)):
                yield f"sample {number} of {p.listed.uri} is {'' if sample.sync else 'not '}marked as sync, its NAL units differ"


def _nal_types(sample: Sample, length: int) -> set[int]:
    types, at, data = set(), 0, sample.data
    while at + length < len(data):
        types.add(data[at + length] & 0x1F)
        at += length + int.from_bytes(data[at : at + length], "big")
    return types


PART: tuple[Rule[HeldPart], ...] = (
    Rule("CMAF 7.3.2.3", part_is_moof_and_mdat),
    Rule("CMAF 7.5.17", chunk_is_of_the_track),
    Rule("CMAF 7.5.17", chunk_counts_from_its_moof),
    Rule("8.8.8", samples_fill_the_mdat),
    Rule("8.8.5", sequence_numbers_grow),
    Rule("8.8.12", decode_time_is_stated),
    Rule("8.8.12", decode_time_continues),
    Rule("HLS 4.4.4.9", durations_add_up_to_the_part),
    Rule("HLS 4.4.4.9", independent_part_starts_with_a_sync_sample),
    Rule("14496-15 5.4", sync_sample_is_an_idr),
)


@dataclass(frozen=True)
class HeldSegment:
    """A whole segment as listed, its bytes, and those of its parts (None where they were not all fetched)."""

    listed: Segment
    data: bytes
    media: Media
    init: InitSegment
    parts: tuple[bytes, ...] | None = None


def segment_is_its_parts(s: HeldSegment) -> Faults:
    if s.parts is not None and b"".join(s.parts) != s.data:
        yield f"segment {s.listed.msn} has {len(s.data)} bytes, its parts {sum(map(len, s.parts))} or others"


def durations_add_up_to_the_segment(s: HeldSegment) -> Faults:
    scale = max(1, s.init.timescale)
    if abs(s.media.duration / scale - s.listed.duration) > 1 / scale + WRITTEN_S:
        yield f"segment {s.listed.msn} holds {s.media.duration / scale:.5f} s, EXTINF is {s.listed.duration}"


def segment_starts_with_a_sync_sample(s: HeldSegment) -> Faults:
    if s.media.first is None or not s.media.first.sync:
        yield f"segment {s.listed.msn} starts with a sample that needs others"


SEGMENT: tuple[Rule[HeldSegment], ...] = (
    Rule("HLS 4.4.4.9", segment_is_its_parts),
    Rule("HLS 4.4.4.1", durations_add_up_to_the_segment),
    Rule("HLS 4.4.2.1", segment_starts_with_a_sync_sample),
)


@dataclass(frozen=True)
class Start:
    seconds: float
    handler: str


@dataclass(frozen=True)
class Starts:
    """Where each rendition's segment of one number starts."""

    msn: int
    renditions: dict[str, Start]

    def of(self, handler: str) -> dict[str, float]:
        return {uri: start.seconds for uri, start in self.renditions.items() if start.handler == handler}


def pictures_start_together(s: Starts) -> Faults:
    starts = s.of("vide")
    if len({round(start, 6) for start in starts.values()}) > 1:
        yield f"segment {s.msn} starts at {starts}"


def sound_starts_within_a_frame_of_the_picture(s: Starts) -> Faults:
    picture = next(iter(s.of("vide").values()), None)
    for uri, sound in s.of("soun").items():
        if picture is not None and abs(sound - picture) > AUDIO_FRAME_S:
            yield f"segment {s.msn} of {uri} starts {(sound - picture) * 1000:.1f} ms off the picture"


STARTS: tuple[Rule[Starts], ...] = (
    Rule("HLS 6.2.4", pictures_start_together),
    Rule("HLS 6.2.4", sound_starts_within_a_frame_of_the_picture),
)


def bytes_are_boxes(problem: str) -> Faults:
    """The rule that every other rule of the bytes rests on; the subject is what the reader said, empty where it could."""
    if problem:
        yield problem


BYTES: tuple[Rule[str], ...] = (Rule("4.2", bytes_are_boxes),)


@dataclass
class Reel:
    """One rendition's bytes in the order of its playlist."""

    tally: Tally
    variant: Variant | None = None
    starts: dict[int, Start] = field(default_factory=dict)
    """Of the newest segments by number."""
    _inits: dict[str, InitSegment] = field(default_factory=dict)
    _parts: dict[int, list[bytes]] = field(default_factory=dict)
    _before: Before | None = None
    _place: tuple[int, int] | None = None

    def has_init(self, uri: str) -> bool:
        return uri in self._inits

    def take_init(self, uri: str, data: bytes) -> list[Finding]:
        try:
            init = boxes.read_init(data)
        except BadBoxes as error:
            return self.tally.judge(BYTES, f"{uri}: {error}")
        self._inits[uri] = init
        return self.tally.judge(BYTES, "") + self.tally.judge(INIT, Opened(uri, init, self.variant))

    def take_part(self, segment: Segment, index: int, data: bytes) -> list[Finding]:
        listed, init = segment.parts[index], self._inits[segment.map_uri]
        try:
            media = boxes.read_media(data, init)
        except BadBoxes as error:
            self._before = self._place = None
            return self.tally.judge(BYTES, f"{listed.uri}: {error}")
        follows = self._place in (
            (segment.msn, index - 1),
            (segment.msn - 1, len(self._parts.get(segment.msn - 1, ())) - 1),
        )
        held = HeldPart(listed, media, init, self._before if follows else None)
        if index == 0:
            held = replace(held, continues=not segment.discontinuity)
            self._start(segment.msn, media, init)
        self._remember(segment, index, data, media)
        return self.tally.judge(BYTES, "") + self.tally.judge(PART, held)

    def take_segment(self, segment: Segment, data: bytes) -> list[Finding]:
        init = self._inits[segment.map_uri]
        try:
            media = boxes.read_media(data, init)
        except BadBoxes as error:
            return self.tally.judge(BYTES, f"{segment.uri}: {error}")
        parts = self._parts.get(segment.msn, [])
        all_here = bool(segment.parts) and len(parts) == len(segment.parts)
        held = HeldSegment(segment, data, media, init, tuple(parts) if all_here else None)
        return self.tally.judge(BYTES, "") + self.tally.judge(SEGMENT, held)

    def _start(self, msn: int, media: Media, init: InitSegment) -> None:
        if media.decode_time is not None and init.timescale:
            self.starts[msn] = Start(media.decode_time / init.timescale, init.handler)
        self.starts.pop(msn - KEPT_SEGMENTS, None)

    def _remember(self, segment: Segment, index: int, data: bytes, media: Media) -> None:
        if index == 0:
            self._parts[segment.msn] = []
            for old in [msn for msn in self._parts if msn < segment.msn - 1]:
                del self._parts[old]
        if segment.msn in self._parts:
            self._parts[segment.msn].append(data)
        self._place = (segment.msn, index)
        last = media.chunks[-1] if media.chunks else None
        self._before = Before((last.decode_time or 0) + last.duration, last.sequence) if last else None
