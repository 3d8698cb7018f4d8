"""The last half minute of a programme: what somebody who joins or comes back is given."""

from __future__ import annotations

from ingest.ring import Held, Ring
from plenum.wire import Flag, Header, Kind

PARTS = 10


def held(msn: int, part: int, *, rendition: int = 0, at: float | None = None, size: int = 100, init: int = 1) -> Held:
    flags = Flag.INDEPENDENT if part == 0 else Flag(0)
    header = Header(Kind.PART, rendition=rendition, flags=flags, init_id=init, epoch=1, msn=msn, part=part)
    return Held(header, bytes(size), msn * 2 + part / 5 if at is None else at)


def filled(segments: int, **options: object) -> Ring:
    ring = Ring(**options)  # type: ignore[arg-type]
    for msn in range(1, segments + 1):
        for part in range(PARTS):
            ring.add(held(msn, part))
    return ring


def places(parts: list[Held] | None) -> list[tuple[int, int]] | None:
    return None if parts is None else [part.place for part in parts]


def test_who_joins_gets_the_newest_segment_from_its_start() -> None:
    ring = filled(3)
    ring.add(held(4, 0))
    ring.add(held(4, 1))
    assert places(ring.from_segment_start(0)) == [(4, 0), (4, 1)]


def test_who_joins_a_segment_whose_start_is_gone_waits_for_the_next() -> None:
    ring = Ring(max_bytes=300)
    for part in range(PARTS):
        ring.add(held(1, part))
    assert ring.from_segment_start(0) == []


def test_who_comes_back_gets_exactly_what_followed() -> None:
    assert places(filled(2).after(0, (2, 7))) == [(2, 8), (2, 9)]
    assert places(filled(2).after(0, (1, 9))) == [(2, part) for part in range(PARTS)]
    assert filled(2).after(0, (2, 9)) == []


def test_who_comes_back_too_late_is_told_so() -> None:
    ring = filled(40)
    assert ring.after(0, (1, 0)) is None
    oldest = min(part.place for part in ring.from_first_segment(0))
    assert ring.after(0, (oldest[0], oldest[1] + 1)) is not None


def test_a_ring_that_never_let_go_of_anything_misses_nothing() -> None:
    assert places(filled(1).after(0, (0, 0))) == [(1, part) for part in range(PARTS)]


def test_it_holds_half_a_minute() -> None:
    ring = filled(60)
    parts = ring.from_first_segment(0)
    assert 28 <= parts[-1].at - parts[0].at <= 30


def test_it_holds_no_more_bytes_than_it_may_and_lets_the_oldest_go() -> None:
    ring = filled(3, max_bytes=1500)
    assert ring.size == 1500
    assert places(ring.from_first_segment(0)) == [(3, part) for part in range(PARTS)]


def test_renditions_do_not_mix() -> None:
    ring = filled(1)
    ring.add(held(1, 0, rendition=7))
    assert places(ring.from_segment_start(7)) == [(1, 0)]
    assert ring.from_segment_start(9) == []


def test_init_segments_stay_as_long_as_a_part_needs_them() -> None:
    ring = Ring(span_s=10)
    for init in (1, 2):
        ring.add_init(Header(Kind.INIT, rendition=0, init_id=init), f"init {init}".encode())
        ring.add(held(init, 0, init=init))
    assert ring.init(0, 1) == b"init 1"
    ring.add(held(20, 0, init=2))
    ring.add_init(Header(Kind.INIT, rendition=0, init_id=3), b"init 3")
    assert ring.init(0, 1) is None
    assert (ring.init(0, 2), ring.init(0, 3)) == (b"init 2", b"init 3")


def test_a_cleared_ring_holds_nothing() -> None:
    ring = filled(2)
    ring.clear()
    assert (len(ring), ring.size, ring.from_segment_start(0)) == (0, 0, [])
